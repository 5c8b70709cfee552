import { describe, expect, test, vi } from 'vitest';
import { Engine, Pool } from '../dist/index.js';
import { ASK, eventually, failure, GROW, LOOP, loadWat, MATH, noPagesLeft, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });

describe('options', () => {
  test.each([null, false, 0, ''])('of a call are not %o', async (options) => {
    const pool = await poolOf(new Engine({ cache: false }), MATH, { max: 1 });
    const error = await failure(pool.call('add', [1, 2], options as never));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: 'options' } });
  });

  test.each([
    ['maxQueue', -1],
    ['acquireTimeoutMillis', 0],
    ['idleTimeoutMillis', Number.NaN],
    ['maxUses', 0],
    ['recycleAbovePages', 65_537],
    ['maxTableElements', 0.5],
    ['timeoutMillis', Number.NaN],
  ])('%s is not %o, own or inherited', async (option, value) => {
    const { code } = await poolOf(new Engine({ cache: false }), MATH);
    for (const options of [{ [option]: value }, Object.create({ [option]: value })]) {
      expect(thrown(() => new Pool(code, options))).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
    }
  });
});

describe('Pool options', () => {
  const bad: [string, unknown][] = [
    ['min', -1],
    ['min', 1.5],
    ['max', 0],
    ['max', '4'],
    ['reuse', 'yes'],
    ['timeoutMillis', 0],
    ['timeoutMillis', -5],
    ['timeoutMillis', Number.POSITIVE_INFINITY],
    ['maxMemoryPages', 0],
    ['maxMemoryPages', 4097],
    ['maxResultBytes', 0],
    ['maxResultValues', 0],
    ['wasi', 'yes'],
    ['imports', 5],
    ['size', 3],
  ];
  test.each(bad)('refuse %s: %j', async (option, value) => {
    const code = await loadWat(engine, MATH);
    const error = thrown(() => new Pool(code, { [option]: value }));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option });
  });

  test('refuse min above max, and more instances than the engine has', async () => {
    const code = await loadWat(engine, MATH);
    expect(thrown(() => new Pool(code, { min: 3, max: 2 })).details).toMatchObject({ option: 'min', value: 3 });
    const small = new Engine({ cache: false, maxInstances: 2 });
    const two = await loadWat(small, MATH);
    expect(thrown(() => new Pool(two, { max: 3 })).details).toMatchObject({ option: 'max', value: 3 });
    expect(thrown(() => new Pool(undefined as never, {})).details).toMatchObject({ path: 'code' });
  });

  test('refuse WASI options by name', async () => {
    const code = await loadWat(engine, MATH);
    expect(thrown(() => new Pool(code, { wasi: { args: [1] as never } })).details).toMatchObject({
      option: 'wasi.args',
    });
    expect(thrown(() => new Pool(code, { wasi: { cwd: '/' } as never })).details).toMatchObject({ option: 'wasi.cwd' });
  });
});

describe('Pool.call', () => {
  test('answers many calls at once, each its own', async () => {
    const pool = await poolOf(engine, MATH, { max: 4 });
    const sums = await Promise.all(Array.from({ length: 500 }, (_, n) => pool.call<number>('add', [n, 1])));
    expect(sums).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
    expect(pool.stats).toMatchObject({ active: 0, waiting: 0, completed: 500, failed: 0, timedOut: 0, aborted: 0 });
  });

  test('has functions of their own name by exports()', async () => {
    const pool = await poolOf(engine, MATH);
    const guest = pool.exports<{ add(a: number, b: number): number }>();
    expect(await guest.add(20, 22)).toBe(42);
    expect(await Promise.resolve(guest)).toBe(guest); // no thenable
  });

  test('has by exports() what the code exports, under each of its names, and nothing else', async () => {
    const pool = await poolOf(engine, MATH);
    const guest = pool.exports();
    expect(Object.keys(guest)).toEqual(['add', 'count', 'fail', 'divide']);
    for (const name of ['none', 'toJSON', 'toString', 'then', 'constructor']) {
      expect(guest[name]).toBeUndefined();
      expect(name in guest).toBe(false);
    }
    expect(JSON.stringify(guest)).toBe('{}');
    expect(thrown(() => `${guest}`)).toBeInstanceOf(TypeError);
    const grown = (await poolOf(engine, GROW)).exports();
    expect(Object.keys(grown)).toEqual(['grow', 'grow-or-trap', 'seven']);
    expect(await grown.growOrTrap?.(0)).toBeUndefined();
    expect(await grown['grow-or-trap']?.(0)).toBeUndefined();
  });

  test('rejects bad names, arguments and options, and never throws', async () => {
    const pool = await poolOf(engine, MATH);
    const call = pool.call.bind(pool) as (...args: unknown[]) => Promise<unknown>;
    expect((await failure(call(5, []))).details).toMatchObject({ path: 'name' });
    expect((await failure(call('add', 5))).details).toMatchObject({ path: 'args' });
    expect((await failure(call('add', [1, 2], { timeout: 5 }))).details).toMatchObject({ option: 'timeout' });
    expect((await failure(call('add', [1, 2], { timeoutMillis: 0 }))).code).toBe('ERR_BAD_OPTION');
    expect((await failure(call('add', [1, 2], { signal: {} }))).code).toBe('ERR_BAD_OPTION');
    expect(await call('add', [1, 2], { timeoutMillis: 1000, signal: undefined })).toBe(3);
  });

  test('leaves no listener on the signal', async () => {
    const pool = await poolOf(engine, MATH);
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await pool.call('add', [1, 2], { signal });
    await failure(pool.call('fail', [], { signal }));
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });

  test('waits for an instance where all are taken', async () => {
    const pool = await poolOf(engine, ASK, { max: 1, imports: { env: { ask: (n: number) => gate.then(() => n) } } });
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const calls = [1, 2, 3].map((n) => pool.call('run', [n]));
    await eventually(() => pool.stats.active === 1 && pool.stats.waiting === 2);
    expect(pool.stats.size).toBe(1);
    open();
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(pool.stats).toMatchObject({ waiting: 0, active: 0, completed: 3 });
  });
});

describe('Pool instances', () => {
  test('are fresh for each call unless reuse is asked for', async () => {
    const fresh = await poolOf(engine, MATH, { max: 1 });
    expect([await fresh.call('count'), await fresh.call('count')]).toEqual([1, 1]);
    const reused = await poolOf(engine, MATH, { max: 1, reuse: true });
    expect([await reused.call('count'), await reused.call('count')]).toEqual([1, 2]);
    expect(reused.stats.created).toBe(1);
  });

  test('are discarded after a failure, and after nothing else', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    await pool.call('count');
    expect((await failure(pool.call('add', ['x', 1]))).code).toBe('ERR_BAD_ARGUMENT');
    expect(await pool.call('count')).toBe(2);
    expect((await failure(pool.call('fail'))).code).toBe('ERR_TRAP');
    expect(await pool.call('count')).toBe(1);
    await eventually(() => pool.stats.destroyed === 1);
    expect(pool.stats).toMatchObject({ failed: 1, completed: 3 });
  });

  test('are warm up to min, again after a failure', async () => {
    const pool = await poolOf(engine, MATH, { min: 2, max: 3, reuse: true });
    await pool.ready();
    expect(pool.stats).toMatchObject({ size: 2, idle: 2, created: 2 });
    await failure(pool.call('fail'));
    await eventually(() => pool.stats.idle === 2);
  });

  test('that cannot start fail ready() and calls with their own error', async () => {
    const pool = await poolOf(engine, '(module (func $f unreachable) (start $f) (func (export "g")))', {
      min: 1,
      max: 1,
    });
    expect((await failure(pool.ready())).code).toBe('ERR_TRAP');
    expect((await failure(pool.call('g'))).code).toBe('ERR_TRAP');
  });
});

describe('Pool.close and destroy', () => {
  test('close drains, then refuses, and may be called again', async () => {
    const imports = { env: { ask: async (n: number) => n * 2 } };
    const pool = await poolOf(engine, ASK, { max: 1, reuse: true, imports });
    const calls = [1, 2, 3].map((n) => pool.call('run', [n]));
    const closed = pool.close();
    expect((await failure(pool.call('run', [4]))).code).toBe('ERR_CLOSED');
    expect(await Promise.all(calls)).toEqual([2, 4, 6]);
    await closed;
    await pool.close();
    await pool.destroy();
    expect(pool.stats.size).toBe(0);
    await noPagesLeft(pool.tracker);
  });

  test('destroy ends what runs and what waits', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1 });
    const calls = [pool.call('spin'), pool.call('spin')].map(failure);
    await eventually(() => pool.stats.active === 1);
    await pool.destroy();
    for (const error of await Promise.all(calls)) expect(error.code).toBe('ERR_ABORTED');
    expect((await failure(pool.call('seven'))).code).toBe('ERR_CLOSED');
    await noPagesLeft(pool.tracker);
  });

  test('close is what disposing does', async () => {
    const pool = await poolOf(engine, MATH);
    await pool[Symbol.asyncDispose]();
    expect((await failure(pool.call('add', [1, 2]))).code).toBe('ERR_CLOSED');
  });
});
