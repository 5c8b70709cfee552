import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, Instance, Pool, type PoolOptions } from '../dist/index.js';
import { failure, loadWat, noPagesLeft, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });

/** Knows the answer once it is initialized, and traps where it is again. */
const REACTOR = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize")
    (if (global.get $ready) (then unreachable))
    (global.set $ready (i32.const 42)))
  (func (export "answer") (result i32) (global.get $ready)))`;

/** The same without WASI. */
const WITHOUT_WASI = REACTOR.replace(/\(import [^\n]*/, '');

const initializing = (body: string, more = '') =>
  `(module (memory (export "memory") 1) ${more} (func (export "_initialize") ${body}) (func (export "nothing")))`;

async function sync(text: string, options = {}): Promise<Instance> {
  const instance = Instance.createSync(await loadWat(engine, text), options);
  onTestFinished(() => instance.close());
  return instance;
}

async function created(text: string, options = {}): Promise<Instance> {
  const instance = (await Instance.create(await loadWat(engine, text), options)) as unknown as Instance;
  onTestFinished(() => instance.close());
  return instance;
}

describe.each([
  ['of WASI', REACTOR],
  ['without WASI', WITHOUT_WASI],
])('a reactor %s is initialized once, before its first export runs', (_, text) => {
  test.each([
    ['with fresh instances', {}],
    ['with reused instances', { reuse: true, max: 1 }],
    ['with warm instances', { reuse: true, min: 1, max: 1 }],
  ] as [string, PoolOptions][])('in a pool %s', async (_name, options) => {
    const pool = await poolOf(engine, text, { wasi: true, ...options });
    await pool.ready();
    for (let call = 0; call < 3; call++) expect(await pool.call('answer')).toBe(42);
    const { answer } = pool.exports<{ answer(): number }>();
    expect(await answer()).toBe(42);
    expect(await pool.use((instance) => instance.call('answer'))).toBe(42);
    expect(pool.stats.failed).toBe(0);
  });

  test('in instances', async () => {
    expect(await (await created(text, { wasi: true })).call('answer')).toBe(42);
    expect((await sync(text, { wasi: true })).callSync('answer')).toBe(42);
  });

  test('and calling it by hand does nothing more', async () => {
    const pool = await poolOf(engine, text, { wasi: true });
    expect(await pool.call('_initialize')).toBeUndefined();
    const answer = await pool.use(async (instance) => {
      await instance.call('_initialize');
      await instance.call('_initialize');
      return instance.call('answer');
    });
    expect(answer).toBe(42);
    const instance = await sync(text, { wasi: true });
    expect(instance.callSync('_initialize')).toBeUndefined();
    expect(instance.callSync('answer')).toBe(42);
    expect(instance.code.exports.map(({ name }) => name)).toContain('_initialize');
  });
});

describe('what happens in _initialize', () => {
  test('may be a host function that answers later', async () => {
    const text = initializing('(global.set $seen (call $ask (i32.const 20)))', '(global $seen (mut i32) (i32.const 0))')
      .replace('(module', '(module (import "env" "ask" (func $ask (param i32) (result i32)))')
      .replace('(func (export "nothing"))', '(func (export "seen") (result i32) (global.get $seen))');
    const ask = (n: number) => new Promise((done) => setTimeout(done, n, n + 1));
    const pool = await poolOf(engine, text, { imports: { env: { ask } }, max: 2 });
    expect(await Promise.all([pool.call('seen'), pool.call('seen')])).toEqual([21, 21]);
    const instance = await sync(text, { imports: { env: { ask: (n: number) => n + 2 } } });
    expect(instance.callSync('seen')).toBe(22);
  });

  test('is a failed start where it traps', async () => {
    const text = initializing('unreachable');
    const pool = await poolOf(engine, text);
    expect((await failure(pool.call('nothing'))).code).toBe('ERR_TRAP');
    expect((await failure(pool.use(() => 1))).code).toBe('ERR_TRAP');
    const warm = await poolOf(engine, text, { min: 1 });
    expect((await failure(warm.ready())).code).toBe('ERR_TRAP');
    const code = await loadWat(engine, text);
    expect((await failure(Instance.create(code))).code).toBe('ERR_TRAP');
    expect(thrown(() => Instance.createSync(code)).code).toBe('ERR_TRAP');
    expect(pool.stats.destroyedBy.failed).toBe(2);
    await noPagesLeft(pool.tracker, warm.tracker);
  });

  test('counts against the memory, the time and the fuel of a start', async () => {
    const grows = initializing('(if (i32.lt_s (memory.grow (i32.const 100)) (i32.const 0)) (then unreachable))');
    const pool = await poolOf(engine, grows, { maxMemoryPages: 16 });
    expect(await failure(pool.call('nothing'))).toMatchObject({
      code: 'ERR_MEMORY_LIMIT',
      details: { limitedBy: 'instance', growthsDenied: 1 },
    });
    const loops = initializing('(loop (br 0))');
    const timed = await poolOf(engine, loops, { timeoutMillis: 50 });
    expect((await failure(timed.call('nothing'))).code).toBe('ERR_TIMEOUT');
    const code = await loadWat(engine, loops);
    expect((await failure(Instance.create(code, { timeoutMillis: 50 }))).code).toBe('ERR_TIMEOUT');
    expect(thrown(() => Instance.createSync(code, { timeoutMillis: 20 })).code).toBe('ERR_TIMEOUT');
    const fuelled = await poolOf(new Engine({ cache: false, fuel: true }), loops, { maxFuel: 1_000 });
    expect((await failure(fuelled.call('nothing'))).code).toBe('ERR_OUT_OF_FUEL');
  });
});

test('a command is not initialized, and one that is a reactor is refused', async () => {
  const command = await poolOf(
    engine,
    '(module (func (export "_start") unreachable) (func (export "f") (result i32) (i32.const 1)))',
  );
  expect(await command.call('f')).toBe(1);
  const code = await loadWat(engine, '(module (func (export "_start")) (func (export "_initialize")))');
  for (const error of [
    thrown(() => new Pool(code)),
    thrown(() => Instance.createSync(code)),
    await failure(Instance.create(code)),
  ]) {
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: 'a command that is a reactor' } });
  }
});

test('functions that only have the name are functions like any other', async () => {
  const text = `(module
    (func (export "_initialize") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "_start") (param i32)))`;
  const pool = await poolOf(engine, text);
  expect(await pool.call('_initialize', [1])).toBe(2);
  await poolOf(engine, '(module (global (export "_initialize") i32 (i32.const 1)) (func (export "_start")))');
});
