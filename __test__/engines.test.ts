import { describe, expect, test } from 'vitest';
import { Engine, type EngineOptions, getWasmMemoryMetrics, Instance, Pool } from '../dist/index.js';
import { failure, GROW, LOOP, loadWat, MATH, noPagesLeft, poolOf, run, temporaryFolder, thrown } from './support.js';

/** Engines of the same options; of no others in this process, so that they have room beside each other. */
function equal(count: number, options: EngineOptions): Engine[] {
  const maxMemoryPages = 1000 + ++made;
  return Array.from({ length: count }, () => new Engine({ maxMemoryPages, ...options }));
}
let made = 0;

const twins = (options: EngineOptions) => equal(2, options) as [Engine, Engine];

/** Two pages, and a growth by one that traps where it is refused. */
const TWO_PAGES = `(module (memory 2)
  (func (export "f") (result i32) (memory.grow (i32.const 1))))`;

describe.each([
  ['with a cache', true],
  ['without a cache', false],
] as const)('two engines of equal options (%s)', (_, cached) => {
  const options = (): EngineOptions => ({ cache: cached && { directory: temporaryFolder() } });

  test('have a memory budget each', async () => {
    const [a, b] = twins({ ...options(), memoryBudgetBytes: 3 * 65_536 });
    const first = await poolOf(a, TWO_PAGES, { max: 1, reuse: true });
    expect(await first.call('f')).toBe(2);
    expect(await first.call('f')).toBe(-1);
    const second = await poolOf(b, TWO_PAGES, { max: 1, reuse: true });
    expect(await second.call('f')).toBe(2);
    const numbers = { currentPages: 3, peakPages: 3, maxPages: 3, growRequests: 2 };
    expect(a.tracker.snapshot()).toMatchObject({ ...numbers, growRequests: 3, growFailures: 1, budgetRefusals: 1 });
    expect(b.tracker.snapshot()).toMatchObject({ ...numbers, growFailures: 0, budgetRefusals: 0 });
    await first.close();
    await noPagesLeft(a.tracker);
    expect(b.tracker.currentPages).toBe(3);
  });

  test('have instances each', async () => {
    const [a, b] = twins({ ...options(), maxInstances: 2 });
    const busy = await poolOf(a, LOOP, { max: 2 });
    const spins = [1, 2].map(() => failure(busy.call('spin', [], { timeoutMillis: 400 })));
    const waits = await poolOf(a, LOOP, { max: 2 });
    while (a.stats.instances < 2) await new Promise(setImmediate);
    expect(await failure(waits.call('seven'))).toMatchObject({ code: 'ERR_NO_SLOT', details: { slots: 2 } });
    const free = await poolOf(b, LOOP, { min: 2, max: 2, reuse: true });
    await free.ready();
    expect(await free.call('seven')).toBe(7);
    expect([a.stats.instances, b.stats.instances]).toEqual([2, 2]);
    expect((await Promise.all(spins)).map(({ code }) => code)).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT']);
  });

  test('count starts, compiling and memory each, and the process counts both', async () => {
    const before = getWasmMemoryMetrics();
    const [a, b] = twins({ ...options(), coldStartTargetMillis: 3_600_000 });
    for (let round = 0; round < 3; round++) await Instance.create(await loadWat(a, MATH));
    const pool = await poolOf(a, GROW, { max: 1, reuse: true });
    await pool.call('grow', [4]);
    expect(b.stats).toMatchObject({
      ...{ instances: 0, cacheHits: 0, cacheMisses: 0, coldStartMillis: 0 },
      coldStarts: { hit: { count: 0 }, miss: { count: 0 } },
      compile: { count: 0 },
    });
    expect(b.tracker.snapshot()).toMatchObject({ currentBytes: 0, peakPages: 0, growRequests: 0 });
    expect(Object.values(getWasmMemoryMetrics(b))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(b.health().coldStart.lastMillis).toBeUndefined();

    const other = await poolOf(b, GROW, { max: 1, reuse: true });
    await other.call('grow', [1]);
    expect(a.stats).toMatchObject({ instances: 4, cacheHits: cached ? 2 : 0, cacheMisses: cached ? 2 : 0 });
    expect(a.stats.compile.count).toBe(cached ? 2 : 4);
    expect(a.tracker.currentPages).toBe(5);
    expect(b.tracker.currentPages).toBe(2);
    // What one of them compiled the other one finds in memory.
    expect(b.stats).toMatchObject({ instances: 1, cacheHits: cached ? 1 : 0, memoryHits: cached ? 1 : 0 });
    expect(b.stats.compile.count).toBe(cached ? 0 : 1);
    expect(b.stats.coldStarts.hit.count + b.stats.coldStarts.miss.count).toBe(1);

    const [mine, theirs, all] = [getWasmMemoryMetrics(a), getWasmMemoryMetrics(b), getWasmMemoryMetrics()];
    for (const name of ['riptide_wasm_memory_pages', 'riptide_wasm_aot_cache_hits', 'riptide_wasm_aot_cache_misses']) {
      expect((all[name] ?? 0) - (before[name] ?? 0)).toBe((mine[name] ?? 0) + (theirs[name] ?? 0));
    }
  });
});

test('memories and tables of an engine are its own, however many its instances have', async () => {
  const many = `(module ${'(memory 0)'.repeat(16)} ${'(table 1 funcref)'.repeat(16)} (func (export "f")))`;
  const [a, b] = twins({ cache: false, maxInstances: 64 });
  const code = await loadWat(a, many);
  const hoard: Instance[] = [];
  const refused = async () => {
    for (;;) hoard.push(await Instance.create(code));
  };
  expect(await failure(refused())).toMatchObject({ code: 'ERR_NO_SLOT', details: { slots: 64 } });
  expect(hoard).toHaveLength(8); // two memories for each of 64 instances
  const pool = await poolOf(b, '(module (memory 0) (memory 0) (func (export "f")))', { min: 64, max: 64 });
  await pool.ready();
  expect(b.stats.instances).toBe(64);
  await Promise.all(hoard.map((instance) => instance.close()));
  expect(a.stats.instances).toBe(0);
});

test('engines whose caches or limits of compiling differ have no code in common', async () => {
  const directory = temporaryFolder();
  const cache = { directory, maxEntries: 10 };
  const maxMemoryPages = 999;
  const first = new Engine({ cache, maxMemoryPages });
  await loadWat(first, MATH);
  for (const [options, memoryHits] of [
    [{ cache }, 1],
    [{ cache: { directory, maxEntries: 11 } }, 0],
    [{ cache, compile: {} }, 1],
    [{ cache, compile: { maxFunctions: 99 } }, 0],
    [{ cache, fuel: true }, 0],
  ] as const) {
    const engine = new Engine({ maxMemoryPages, maxInstances: 8, ...options });
    await loadWat(engine, MATH);
    expect(engine.cache.memoryHits).toBe(memoryHits);
  }
  expect(first.cache.snapshot()).toMatchObject({ misses: 1, hits: 0 });
});

test('loads of one code by many engines at once compile once, and each counts its own', async () => {
  const options = { cache: { directory: temporaryFolder() } };
  const engines = equal(4, options);
  await Promise.all(engines.flatMap((engine) => Array.from({ length: 10 }, () => loadWat(engine, MATH))));
  const stats = engines.map((engine) => engine.cache.snapshot());
  expect(stats.map(({ hits, misses }) => hits + misses)).toEqual([10, 10, 10, 10]);
  const sum = (of: (cache: (typeof stats)[0]) => number) => stats.map(of).reduce((one, other) => one + other);
  expect([sum(({ misses }) => misses), sum(({ memoryHits }) => memoryHits)]).toEqual([1, 39]);
  expect(engines.map(({ stats }) => stats.compile.count).reduce((one, other) => one + other)).toBe(1);
});

describe('many engines', () => {
  const seven = '(module (memory 1) (func (export "f") (result i32) (i32.const 7)))';
  const call = async (engine: Engine) => (await poolOf(engine, seven, { max: 1 })).call('f');

  test('of equal options share worker threads, and each of 50 has all its instances', async () => {
    const { stdout, stderr, code } = await run('__test__/fixtures/engines.mjs');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { answers, allocations, workersOfOne, workersOfFifty } = JSON.parse(stdout);
    expect(answers).toEqual([7]);
    expect(allocations).toEqual(['pooling-4gib']);
    if (process.platform !== 'linux') return; // the only one that shows threads by name
    expect(workersOfOne).toBeGreaterThan(0);
    expect(workersOfFifty).toBe(workersOfOne);
  });

  test('of different options work beside each other', async () => {
    const engines = Array.from(
      { length: 8 },
      (_, index) => new Engine({ cache: false, workers: 1, maxMemoryPages: 100 + index, fuel: index % 2 === 0 }),
    );
    expect(await Promise.all(engines.map(call))).toEqual(Array.from({ length: 8 }, () => 7));
    expect(engines.map(({ stats }) => stats.allocation)).toEqual(Array.from({ length: 8 }, () => 'pooling-4gib'));
  });
});

describe('what an engine has for an instance', () => {
  test('is a limit of tables, whose refusals are told', async () => {
    const own = new Engine({ cache: false, maxTableElements: 10 });
    const loop =
      '(module (table 1 funcref) (func (export "f") (drop (table.grow (ref.null func) (i32.const 50))) (loop (br 0))))';
    const pool = await poolOf(own, loop, { timeoutMillis: 100 });
    expect((await failure(pool.call('f'))).details).toMatchObject({ growthsDenied: 1, limitElements: 10 });
    await pool.close();
  });

  test('is too little where it has fewer memories than one takes', async () => {
    const tiny = new Engine({ cache: false, maxInstances: 1 });
    const code = await loadWat(tiny, '(module (memory 1) (memory 1) (memory 1))');
    expect(thrown(() => new Pool(code))).toMatchObject({
      code: 'ERR_NO_SLOT',
      message: expect.stringContaining('2 memories'),
    });
  });
});
