import { describe, expect, test } from 'vitest';
import { Engine } from '../dist/index.js';
import { eventually, failure, GROW, LOOP, MATH, noPagesLeft, poolOf } from './support.js';

const engine = new Engine({ cache: false });

describe('pool.use', () => {
  test('lends one instance for several calls, and gives it back', async () => {
    const pool = await poolOf(engine, MATH, { max: 2, reuse: true });
    const counts = await pool.use<{ count(): number }>(async (instance) => {
      expect(pool.stats.active).toBe(1);
      const others = pool.call('count');
      const own = [await instance.exports.count(), await instance.exports.count(), await instance.call('count')];
      expect(await others).toBe(1);
      expect(instance.mode).toBe('async');
      return own;
    });
    expect(counts).toEqual([1, 2, 3]);
    await eventually(() => pool.stats.active === 0);
    expect(pool.stats).toMatchObject({ size: 2, idle: 2, completed: 4 });
  });

  test('gives what its function gives, a promise or not', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    expect(await pool.use(() => 'plain')).toBe('plain');
    expect(await pool.use(async (instance) => instance.call('add', [1, 2]))).toBe(3);
  });

  test('discards the instance where its function throws, and rejects with what it threw', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    const reason = new Error('mine');
    const broken = pool.use(async (instance) => {
      await instance.call('count');
      throw reason;
    });
    expect(await failure(broken)).toBe(reason);
    expect(await pool.call('count')).toBe(1);
    expect(pool.stats.destroyed).toBe(1);
  });

  test('keeps the instance while it works and after a bad argument, not after a trap', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    await pool.use(async (instance) => {
      await instance.call('count');
      expect((await failure(instance.call('add', ['x']))).code).toBe('ERR_BAD_ARGUMENT');
      expect(await instance.call('count')).toBe(2);
      expect((await failure(instance.call('fail'))).code).toBe('ERR_TRAP');
      expect((await failure(instance.call('count'))).code).toBe('ERR_CLOSED');
    });
    expect(await pool.call('count')).toBe(1);
  });

  test('refuses a second call at once, and one after it is over', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1, reuse: true });
    const kept = await pool.use(async (instance) => {
      const spinning = failure(instance.call('spin', [], { timeoutMillis: 50 }));
      expect((await failure(instance.call('seven'))).code).toBe('ERR_BUSY');
      expect((await spinning).code).toBe('ERR_TIMEOUT');
      return instance;
    });
    expect((await failure(kept.call('seven'))).code).toBe('ERR_CLOSED');
    expect(await pool.call('seven')).toBe(7);
  });

  test('tracks the memory of its instance', async () => {
    const pool = await poolOf(engine, GROW, { max: 1, reuse: true });
    const tracker = await pool.use(async (instance) => {
      await instance.call('grow', [4]);
      expect(instance.tracker).toMatchObject({ currentPages: 5, growRequests: 2 });
      return instance.tracker;
    });
    await noPagesLeft(tracker);
    expect(pool.tracker.currentPages).toBe(5);
  });

  test('waits as long as it is told, and not for itself', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    await pool.use(async () => {
      const late = pool.use(() => 1, { timeoutMillis: 10 });
      expect((await failure(late)).code).toBe('ERR_REENTRANT');
      expect((await failure(pool.call('count'))).code).toBe('ERR_REENTRANT');
    });
    let finish = () => {};
    const held = pool.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await eventually(() => pool.stats.active === 1);
    const late = await failure(pool.use(() => 1, { timeoutMillis: 10 }));
    expect(late).toMatchObject({ code: 'ERR_TIMEOUT', details: { phase: 'queued' } });
    const reason = new Error('enough');
    expect(await failure(pool.use(() => 1, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    finish();
    await held;
    // What was lent and given back is free at once, however often.
    for (let round = 0; round < 100; round++) expect(await pool.use((instance) => instance.call('count'))).toBe(1);
  });

  test('ends with its pool', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1 });
    const ended = pool.use(async (instance) => {
      const spinning = failure(instance.call('spin'));
      setTimeout(() => pool.destroy(), 20);
      expect((await spinning).code).toBe('ERR_ABORTED');
      return failure(instance.call('seven'));
    });
    expect((await ended).code).toBe('ERR_CLOSED');
    expect((await failure(pool.use(() => 1))).code).toBe('ERR_CLOSED');
    await noPagesLeft(engine.tracker);
  });

  test('is drained by close', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    let closed = false;
    const using = pool.use(async (instance) => {
      const closing = pool.close().then(() => {
        closed = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(closed).toBe(false);
      expect(await instance.call('count')).toBe(1);
      return { closing };
    });
    await (await using).closing;
    expect(pool.stats).toMatchObject({ size: 0, active: 0 });
  });

  test("keeps to the pool's time where it has none of its own, also while a start function runs", async () => {
    const pool = await poolOf(engine, MATH, { max: 1, timeoutMillis: 30 });
    let finish = () => {};
    const held = pool.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await eventually(() => pool.stats.active === 1);
    const late = await failure(pool.use(() => 1));
    expect(late).toMatchObject({ code: 'ERR_TIMEOUT', details: { phase: 'queued', timeoutMillis: 30 } });
    finish();
    await held;
    const stuck = await poolOf(engine, '(module (func $s (loop (br 0))) (start $s))', { max: 1, timeoutMillis: 30 });
    expect((await failure(stuck.use(() => 1))).details).toMatchObject({ phase: 'computing' });
    await stuck.close();
  });

  test('ends the call under way where the instance is destroyed, or its function gives up', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1, reuse: true });
    await pool.use(async (instance) => {
      const spinning = failure(instance.call('spin'));
      await eventually(() => pool.stats.active === 1);
      await instance.destroy();
      expect((await spinning).code).toBe('ERR_ABORTED');
    });
    let spinning: Promise<Error & Record<string, unknown>> | undefined;
    const reason = new Error('enough');
    const given = pool.use(async (instance) => {
      spinning = failure(instance.call('spin'));
      throw reason;
    });
    expect(await failure(given)).toBe(reason);
    expect((await spinning)?.code).toBe('ERR_ABORTED');
    expect(await pool.call('seven')).toBe(7);
    await pool.close();
    await noPagesLeft(pool.tracker);
  });

  test('a signal ends a call of the lent instance, and the waiting for one', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1 });
    await pool.use(async (instance) => {
      const signal = AbortSignal.timeout(20);
      expect(await failure(instance.call('spin', [], { signal }))).toBe(signal.reason);
    });
    const held: (() => void)[] = [];
    const lent = pool.use(() => new Promise<void>((resolve) => held.push(resolve)));
    await eventually(() => held.length === 1); // the looping instance counts as active until it has ended
    const signal = AbortSignal.timeout(20);
    expect(await failure(pool.use(() => 1, { signal }))).toBe(signal.reason);
    for (const finish of held) finish();
    await lent;
  });

  test('leaves other calls their way, also where all of late were very short', async () => {
    const pool = await poolOf(engine, MATH, { max: 4, reuse: true, timeoutMillis: 10_000 });
    for (let call = 0; call < 3_000; call++) await pool.call('add', [call, 1]);
    await pool.use(async (instance) => {
      for (let call = 0; call < 3_000; call++) expect(await pool.call('add', [call, 1])).toBe(call + 1);
      expect(await instance.call('add', [1, 2])).toBe(3);
    });
  });

  test('counts each of its calls as a use', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true, maxUses: 3 });
    await pool.use(async (instance) => {
      for (let call = 1; call <= 2; call++) expect(await instance.call('count')).toBe(call);
    });
    expect(await pool.call('count')).toBe(3);
    expect(await pool.call('count')).toBe(1);
  });

  test('takes a function', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    const error = await failure(pool.use(undefined as never));
    expect(error).toMatchObject({ code: 'ERR_BAD_ARGUMENT', details: { path: 'fn' } });
  });
});
