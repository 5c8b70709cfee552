import { describe, expect, onTestFinished, test } from 'vitest';
import { createExtractor, Engine, Instance, MemoryLimitError, TrapError } from '../dist/index.js';
import { component, failure, GROW, LOOP, loadWat, noPagesLeft, poolOf, run, thrown } from './support.js';

const TRAPS = `(module
  (memory (export "memory") 1)
  (table 1 funcref)
  (type $f (func))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32) (i64.store (local.get 0) (i64.const -1)))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "fail") unreachable)
  (func (export "indirect") (call_indirect (type $f) (i32.const 0)))
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "seven") (result i32) (i32.const 7)))`;

const traps: [string, unknown[], string, string][] = [
  ['load', [65_533], 'ERR_TRAP', 'out of bounds memory access'],
  ['load', [-4], 'ERR_TRAP', 'out of bounds memory access'],
  ['store', [65_529], 'ERR_TRAP', 'out of bounds memory access'],
  ['divide', [1, 0], 'ERR_TRAP', 'integer divide by zero'],
  ['divide', [-2_147_483_648, -1], 'ERR_TRAP', 'integer overflow'],
  ['truncate', [1e300], 'ERR_TRAP', 'integer overflow'],
  ['fail', [], 'ERR_TRAP', 'wasm `unreachable` instruction executed'],
  ['indirect', [], 'ERR_TRAP', 'uninitialized element'],
  ['recurse', [0], 'ERR_STACK_OVERFLOW', 'stack overflow'],
];

describe.each([true, false])('with signalsBasedTraps: %s', (signalsBasedTraps) => {
  const engine = new Engine({ cache: false, signalsBasedTraps });

  test.each(traps)('%s(%j) is its own error, and the next call works', async (name, args, code, trap) => {
    const pool = await poolOf(engine, TRAPS, { max: 1, reuse: true });
    const error = await failure(pool.call(name, args));
    expect(error).toBeInstanceOf(TrapError);
    expect(error.code).toBe(code);
    expect(error.details).toMatchObject({ trap, backtrace: expect.arrayContaining([expect.any(String)]) });
    expect(await pool.call('seven')).toBe(7);

    const sync = Instance.createSync(await loadWat(engine, TRAPS));
    onTestFinished(() => sync.close());
    const again = thrown(() => sync.callSync(name, args));
    expect(again.code).toBe(code);
    expect(again.details).toMatchObject({ trap });
  });

  test('accesses up to the last byte are fine', async () => {
    const pool = await poolOf(engine, TRAPS, { max: 1, reuse: true });
    await pool.call('store', [65_528]);
    expect(await pool.call('load', [65_532])).toBe(-1);
  });

  test('limits and timeouts hold', async () => {
    const grow = await poolOf(engine, GROW, { max: 1, maxMemoryPages: 4 });
    expect(await failure(grow.call('grow-or-trap', [100]))).toBeInstanceOf(MemoryLimitError);
    expect(await grow.call('grow', [3])).toBe(1);
    const loop = await poolOf(engine, LOOP, { max: 1 });
    expect((await failure(loop.call('spin', [], { timeoutMillis: 100 }))).details).toMatchObject({
      phase: 'computing',
    });
    expect(await loop.call('seven')).toBe(7);
    for (const pool of [grow, loop]) await pool.close();
    await noPagesLeft(engine.tracker);
  });

  test('a component traps and goes on', async () => {
    const text = component(
      `(func (export "at") (param i32) (result i32) (i32.load (local.get 0)))`,
      '(func (export "at") (param "address" u32) (result u32) (canon lift (core func $i "at")))',
    );
    const pool = await poolOf(engine, text, { max: 1 });
    expect((await failure(pool.call('at', [0xffff_fff0]))).details).toMatchObject({
      trap: 'out of bounds memory access',
    });
    expect(await pool.call('at', [0])).toBe(0);
  });
});

test('the extractor works with signalsBasedTraps: false', async () => {
  const extractor = await createExtractor({ env: false, cache: false, signalsBasedTraps: false, max: 1 });
  onTestFinished(() => extractor.destroy());
  const page = '<title>Calm</title><article><p>No signal was needed to read this page.</p></article>';
  expect(await extractor.extract(page, '', 'full')).toMatchObject({
    title: 'Calm',
    text: expect.stringContaining('No signal was needed'),
  });
});

test('a crash reporter that replaces the signal handlers after load hears of no trap', async () => {
  const calls = traps.map(([name, args]) => [name, args]);
  const reporter = [JSON.stringify({ text: TRAPS, calls })];
  const { code, stdout, stderr } = await run('__test__/fixtures/crash-reporter.mjs', reporter);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const expected = traps.map(([, , code, trap]) => `${code}: ${trap}`);
  expect(JSON.parse(stdout)).toEqual({
    failed: expected.flatMap((failure) => [failure, failure]), // in the pool, and on the main thread
    next: expected.map(() => 7),
    reported: [],
  });
});
