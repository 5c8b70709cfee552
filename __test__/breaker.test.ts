import { describe, expect, test } from 'vitest';
import { type BreakerOptions, Engine, type Pool, RejectedError } from '../dist/index.js';
import { ASK, component, eventually, failure, LOOP, MATH, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });
const quick: BreakerOptions = { volumeThreshold: 4, resetTimeoutMillis: 40 };

async function open(pool: Pool): Promise<void> {
  for (let call = 0; call < 4; call++) await failure(pool.call('fail'));
  expect(pool.stats.breaker?.state).toBe('open');
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

describe('a breaker', () => {
  test('opens after failures, refuses at once with the time left, and closes after a good call', async () => {
    const pool = await poolOf(engine, MATH, { max: 2, breaker: quick });
    const states: string[] = [];
    pool.on('breaker', (state) => states.push(state));
    await new Promise(setImmediate);
    await open(pool);
    const refused = await failure(pool.call('add', [1, 2]));
    expect(refused).toBeInstanceOf(RejectedError);
    expect(refused).toMatchObject({ code: 'ERR_BREAKER_OPEN', details: { state: 'open' } });
    const { resetMillis } = refused.details as { resetMillis: number };
    expect(resetMillis).toBeGreaterThan(0);
    expect(resetMillis).toBeLessThanOrEqual(40);
    await pause(50);
    // Whoever asks before calling, as a server does, must see that a call may try.
    expect(pool.stats.breaker).toMatchObject({ state: 'halfOpen', resetMillis: 0 });
    expect(await pool.call('add', [1, 2])).toBe(3);
    expect(pool.stats.breaker).toMatchObject({ state: 'closed', resetMillis: 0, opened: 1, rejected: 1, failures: 0 });
    await eventually(() => states.length === 3);
    expect(states).toEqual(['open', 'halfOpen', 'closed']);
  });

  test('lets exactly one of 64 callers try, and opens again where that fails', async () => {
    const pool = await poolOf(
      engine,
      LOOP.replace('(func (export "spin")', '(func (export "fail") unreachable)\n(func (export "spin")'),
      {
        max: 8,
        breaker: quick,
      },
    );
    await open(pool);
    await pause(50);
    const before = pool.stats;
    const codes = await Promise.all(
      Array.from({ length: 64 }, async () => (await failure(pool.call('spin', [], { timeoutMillis: 30 }))).code),
    );
    expect(codes.filter((code) => code === 'ERR_TIMEOUT')).toHaveLength(1);
    expect(codes.filter((code) => code === 'ERR_BREAKER_OPEN')).toHaveLength(63);
    expect(pool.stats.breaker).toMatchObject({ state: 'open', opened: 2 });
    expect(pool.stats.rejected - before.rejected).toBe(63);
    await pause(50);
    const answers = await Promise.allSettled(Array.from({ length: 64 }, () => pool.call('seven')));
    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    expect(pool.stats.breaker?.state).toBe('closed');
  });

  test("counts neither a guest's own err nor bad arguments nor aborted calls", async () => {
    const fails = component(
      '(func (export "no") (result i32) (i32.store (i32.const 8) (i32.const 1)) (i32.const 8))',
      '(func (export "no") (result (result (error u32))) (canon lift (core func $i "no") (memory $i "memory")))',
    );
    const guest = await poolOf(engine, fails, { max: 1, breaker: quick });
    for (let call = 0; call < 10; call++) {
      expect((await failure(guest.call('no'))).code).toBe('ERR_GUEST');
      expect((await failure(guest.call('no', [1]))).code).toBe('ERR_BAD_ARGUMENT');
    }
    expect(guest.stats.breaker).toMatchObject({ state: 'closed', successes: 10, failures: 0 });
    const loop = await poolOf(engine, LOOP, { max: 1, breaker: quick });
    for (let call = 0; call < 5; call++) {
      const signal = AbortSignal.timeout(5);
      expect(await failure(loop.call('spin', [], { signal }))).toBe(signal.reason);
    }
    expect(loop.stats.breaker).toMatchObject({ state: 'closed', successes: 0, failures: 0 });
  });

  test('counts time-outs, memory limits and failed host functions', async () => {
    const text = `(module (import "env" "ask" (func $ask)) (memory 1)
      (func (export "late") (loop (br 0)))
      (func (export "large") (if (i32.lt_s (memory.grow (i32.const 60000)) (i32.const 0)) (then unreachable)))
      (func (export "asks") (call $ask)))`;
    const ask = () => {
      throw new Error('no');
    };
    const pool = await poolOf(engine, text, {
      max: 1,
      timeoutMillis: 10,
      breaker: { volumeThreshold: 100 },
      imports: { env: { ask } },
    });
    for (const name of ['late', 'large', 'asks']) await failure(pool.call(name));
    expect(pool.stats.breaker).toMatchObject({ successes: 0, failures: 3 });
    const words = await poolOf(engine, ASK, { max: 1, breaker: quick, imports: { env: { ask: () => 'no number' } } });
    expect((await failure(words.call('run', [1]))).code).toBe('ERR_HOST_FUNCTION');
    expect(words.stats.breaker).toMatchObject({ successes: 0, failures: 1 });
  });

  test('answers by its fallback instead', async () => {
    const asked: unknown[] = [];
    const fallback = (error: RejectedError, name: string, args: readonly unknown[]) => {
      asked.push([error.code, name, args]);
      if (name === 'count') throw new Error('nor here');
      return 42;
    };
    const pool = await poolOf(engine, MATH, { max: 1, breaker: { ...quick, fallback } });
    await open(pool); // what fails by itself is no matter of the fallback
    expect(asked).toEqual([]);
    expect(await pool.call('add', [1, 2])).toBe(42);
    expect(await pool.exports().add?.(3, 4)).toBe(42);
    expect((await failure(pool.call('count'))).message).toBe('nor here');
    expect(asked).toEqual([
      ['ERR_BREAKER_OPEN', 'add', [1, 2]],
      ['ERR_BREAKER_OPEN', 'add', [3, 4]],
      ['ERR_BREAKER_OPEN', 'count', []],
    ]);
  });

  test('belongs to its pool alone', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, breaker: quick });
    const other = await poolOf(engine, MATH, { max: 1, breaker: quick });
    await open(pool);
    expect(await other.call('add', [1, 2])).toBe(3);
    expect((await poolOf(engine, MATH)).stats.breaker).toBeUndefined();
  });

  test.each([
    [{ errorThresholdPercentage: 101 }, 'errorThresholdPercentage'],
    [{ volumeThreshold: 0 }, 'volumeThreshold'],
    [{ resetTimeoutMillis: -1 }, 'resetTimeoutMillis'],
    [{ rollingCountBuckets: 1.5 }, 'rollingCountBuckets'],
    [{ fallback: 1 }, 'fallback'],
    [{ resetTimeout: 5 }, 'resetTimeout'],
  ])('refuses %o', async (breaker, option) => {
    const { Pool } = await import('../dist/index.js');
    const { code } = await poolOf(engine, MATH);
    const error = thrown(() => new Pool(code, { breaker: breaker as never }));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: `breaker.${option}` } });
  });
});
