import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, Instance, type InstanceOptions } from '../dist/index.js';
import { ASK, component, failure, GROW, LOOP, loadWat, MATH, noPagesLeft, OVERFLOW, thrown } from './support.js';

const engine = new Engine({ cache: false });

async function async_(text: string, options?: InstanceOptions) {
  const instance = await Instance.create(await loadWat(engine, text), options);
  onTestFinished(() => instance.destroy());
  return instance;
}

async function sync(text: string, options?: InstanceOptions) {
  const instance = Instance.createSync(await loadWat(engine, text), options);
  onTestFinished(() => instance.close());
  return instance;
}

describe('Instance.create', () => {
  test('keeps its state between calls', async () => {
    const instance = await async_(MATH);
    expect(instance.mode).toBe('async');
    expect(await instance.call('count')).toBe(1);
    expect(await instance.exports.count?.()).toBe(2);
    expect(await instance.call('count')).toBe(3);
  });

  test('shows no exports where it is printed as JSON, and calls nothing', async () => {
    for (const instance of [await async_(MATH), await sync(MATH)]) {
      expect(JSON.parse(JSON.stringify(instance))).not.toHaveProperty('exports');
      expect(instance.exports.toJSON).toBeUndefined();
      expect(instance.exports).toBe(instance.exports);
    }
  });

  test('refuses a second call while one runs', async () => {
    let answer = (_: number) => {};
    const given = new Promise<number>((resolve) => {
      answer = resolve;
    });
    const instance = await async_(ASK, { imports: { env: { ask: () => given } } });
    const first = instance.call('run', [1]);
    expect((await failure(instance.call('seven'))).code).toBe('ERR_BUSY');
    answer(5);
    expect(await first).toBe(5);
    expect(await instance.call('seven')).toBe(7);
  });

  test.each([
    ['a trap', MATH, 'fail', 'ERR_TRAP'],
    ['a timeout', LOOP, 'spin', 'ERR_TIMEOUT'],
  ])('is closed after %s', async (_, text, name, code) => {
    const instance = await async_(text, { timeoutMillis: 50 });
    expect((await failure(instance.call(name))).code).toBe(code);
    expect((await failure(instance.call(name))).code).toBe('ERR_CLOSED');
    await noPagesLeft(instance.tracker);
  });

  test('in sync mode, closed by its own host function, finishes the call', async () => {
    const text = `(module (import "env" "ask" (func $ask (param i32) (result i32)))
      (func (export "twice") (result i32) (i32.add (call $ask (i32.const 1)) (call $ask (i32.const 2)))))`;
    const ask = (n: number) => {
      if (n === 1) void instance.close();
      return n;
    };
    const instance = await sync(text, { imports: { env: { ask } } });
    expect(instance.callSync('twice')).toBe(3);
    expect(thrown(() => instance.callSync('twice')).code).toBe('ERR_CLOSED');
  });

  test('ends a call by its signal, and with destroy()', async () => {
    const text = '(module (func (export "spin") (loop (br 0))))';
    const one = await async_(text);
    const signal = AbortSignal.timeout(20);
    expect(await failure(one.callWithStats('spin', [], { signal }))).toBe(signal.reason);
    const other = await async_(text);
    const spinning = failure(other.call('spin'));
    await other.destroy();
    expect((await spinning).code).toBe('ERR_ABORTED');
    await noPagesLeft(other.tracker);
  });

  test('is not closed by a bad argument', async () => {
    const instance = await async_(MATH);
    expect((await failure(instance.call('add', [1]))).code).toBe('ERR_BAD_ARGUMENT');
    expect(await instance.call('add', [1, 2])).toBe(3);
  });

  test('rejects where it cannot start', async () => {
    const code = await loadWat(engine, '(module (memory 1) (func $f unreachable) (start $f))');
    expect((await failure(Instance.create(code))).code).toBe('ERR_TRAP');
    expect((await failure(Instance.create(await loadWat(engine, ASK)))).code).toBe('ERR_LINK');
    await noPagesLeft(engine.tracker);
  });

  test('has only async calls', async () => {
    const instance = await async_(MATH);
    expect(thrown(() => instance.callSync('add', [1, 2])).code).toBe('ERR_UNSUPPORTED');
  });

  test('gives its memory back when it is closed', async () => {
    const instance = await async_(GROW);
    await instance.call('grow', [4]);
    expect(instance.tracker.currentPages).toBe(5);
    await instance.close();
    await instance.close();
    await noPagesLeft(instance.tracker);
    expect((await failure(instance.call('seven'))).code).toBe('ERR_CLOSED');
  });
});

describe('Instance.createSync', () => {
  test('calls on this thread', async () => {
    const instance = await sync(MATH);
    expect(instance.mode).toBe('sync');
    const { add } = instance.exports as { add(a: number, b: number): number };
    expect(add(1, 2)).toBe(3);
    expect(instance.callSync('count')).toBe(1);
    expect(instance.callSync('count')).toBe(2);
    expect((await failure(instance.call('count'))).code).toBe('ERR_UNSUPPORTED');
  });

  test('calls host functions directly, and keeps what they throw as cause', async () => {
    const mine = new Error('mine');
    const ask = (n: number) => {
      if (n < 0) throw mine;
      return n + 1;
    };
    const instance = await sync(ASK, { imports: { env: { ask } } });
    expect(instance.callSync('run', [41])).toBe(42);
    const error = thrown(() => instance.callSync('run', [-1]));
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect(error.cause).toBe(mine);
  });

  test('passes every core type to host functions and back, however many there are', async () => {
    const types = ['i32', 'i64', 'f32', 'f64'];
    const all = [...types, ...types, ...types].join(' ');
    const text = `(module (import "env" "mix" (func $mix (param ${all}) (result ${all})))
      (func (export "mix") (param ${all}) (result ${all})
        ${[...Array(12).keys()].map((at) => `(local.get ${at})`).join(' ')} (call $mix))
      (func (export "one") (param i64) (result f64) (f64.convert_i64_s (local.get 0))))`;
    const seen: unknown[][] = [];
    const mix = (...args: unknown[]) => {
      seen.push(args);
      return args[0] === 0 ? args.slice(1) : args;
    };
    const instance = await sync(text, { imports: { env: { mix } } });
    const given = [1, 2n, 0.5, 0.1, 2 ** 31, 2n ** 63n, -0, Number.NaN, -1, -1n, 1e39, Number.MIN_VALUE];
    const taken = [1, 2n, 0.5, 0.1, -(2 ** 31), -(2n ** 63n), -0, Number.NaN, -1, -1n, Infinity, Number.MIN_VALUE];
    for (let round = 0; round < 2; round++) {
      expect(instance.callSync('mix', given)).toEqual(taken);
      expect(instance.callSync('one', [-3n])).toBe(-3);
    }
    expect(seen).toEqual([taken, taken]);
    for (const [wrong, path, args] of [
      ['one', 'args', [1n, 2n]],
      ['one', 'args[0]', [2n ** 64n]],
      ['mix', 'args[4]', [...given.slice(0, 4), 2 ** 32, ...given.slice(5)]],
      ['mix', 'args[10]', [...given.slice(0, 10), '1', 2]],
    ] as const) {
      const error = thrown(() => instance.callSync(wrong, args));
      expect([error.code, error.details]).toMatchObject(['ERR_BAD_ARGUMENT', { path }]);
    }
    // What a host function gives is checked as well, and its guest goes no further.
    const error = thrown(() => instance.callSync('mix', [0, ...given.slice(1)]));
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect(error.details).toMatchObject({ function: 'env#mix', path: 'result', expected: 'an array of 12 results' });
    expect(thrown(() => instance.callSync('one', [1n])).code).toBe('ERR_CLOSED');
  });

  test('refuses async host functions when it is made, and promises when they are returned', async () => {
    const code = await loadWat(engine, ASK);
    const error = thrown(() => Instance.createSync(code, { imports: { env: { ask: async () => 1 } } }));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option: 'imports.env.ask' });
    const unasked = { env: { ask: () => 1, other: async () => 1 }, more: { f: async () => 0 } };
    expect((await sync(ASK, { imports: unasked })).callSync('run', [1])).toBe(1);
    const instance = await sync(ASK, { imports: { env: { ask: () => Promise.resolve(1) } } });
    expect(thrown(() => instance.callSync('run', [1])).code).toBe('ERR_HOST_FUNCTION');
  });

  test.each([
    ['a loop by its timeout', LOOP, 'spin', [], 'ERR_TIMEOUT'],
    ['a full stack', OVERFLOW, 'recurse', [0], 'ERR_STACK_OVERFLOW'],
    ['a trap', MATH, 'fail', [], 'ERR_TRAP'],
    ['too much memory', GROW, 'grow-or-trap', [100], 'ERR_MEMORY_LIMIT'],
  ])('ends %s, and is closed after it', async (_, text, name, args, code) => {
    const instance = await sync(text, { timeoutMillis: 50, maxMemoryPages: 8 });
    expect(thrown(() => instance.callSync(name, args)).code).toBe(code);
    expect(thrown(() => instance.callSync(name, args)).code).toBe('ERR_CLOSED');
    const next = await sync(MATH);
    expect(next.callSync('add', [1, 2])).toBe(3);
  });

  test('runs components', async () => {
    const text = component(
      '(func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))',
      '(func (export "do-twice") (param "n" u32) (result u32) (canon lift (core func $i "twice")))',
    );
    const instance = await sync(text);
    expect((instance.exports as { doTwice(n: number): number }).doTwice(21)).toBe(42);
  });

  test('gives its memory back when it is disposed of', async () => {
    const instance = await sync(GROW);
    expect(instance.callSync('grow', [2])).toBe(1);
    expect(instance.tracker.currentPages).toBe(3);
    instance[Symbol.dispose]();
    instance[Symbol.dispose]();
    expect(instance.tracker.currentPages).toBe(0);
    expect(thrown(() => instance.callSync('seven')).code).toBe('ERR_CLOSED');
  });
});
