import { describe, expect, test } from 'vitest';
import { Engine, getWasmMemoryMetrics, wat2wasm } from '../dist/index.js';
import { GROW, noPagesLeft, poolOf, temporaryFolder, thrown } from './support.js';

const NAMES = [
  'riptide_wasm_aot_cache_hits',
  'riptide_wasm_aot_cache_misses',
  'riptide_wasm_cold_start_time_ms',
  'riptide_wasm_grow_failed_total',
  'riptide_wasm_memory_pages',
  'riptide_wasm_peak_memory_pages',
];

describe('getWasmMemoryMetrics', () => {
  test('gives the six names of the specification, with numbers', async () => {
    const engine = new Engine({ cache: { directory: temporaryFolder() } });
    const pool = await poolOf(engine, GROW, { max: 1, reuse: true, maxMemoryPages: 8 });
    await pool.call('grow', [2]);
    expect(await pool.call('grow', [100])).toBe(-1);
    for (const target of [engine, pool]) {
      const metrics = getWasmMemoryMetrics(target);
      expect(Object.keys(metrics).sort()).toEqual(NAMES);
      expect(metrics).toMatchObject({
        riptide_wasm_memory_pages: 3,
        riptide_wasm_peak_memory_pages: 3,
        riptide_wasm_grow_failed_total: 1,
        riptide_wasm_aot_cache_hits: 0,
        riptide_wasm_aot_cache_misses: 1,
      });
      expect(metrics.riptide_wasm_cold_start_time_ms).toBeGreaterThan(0);
    }
    await pool.close();
    await noPagesLeft(pool.tracker);
    expect(getWasmMemoryMetrics(engine)).toMatchObject({
      riptide_wasm_memory_pages: 0,
      riptide_wasm_peak_memory_pages: 3,
    });
  });

  test('sums over the process', async () => {
    const before = getWasmMemoryMetrics();
    expect(Object.keys(before).sort()).toEqual(NAMES);
    const pools = await Promise.all(
      [20, 21].map((maxMemoryPages) => poolOf(new Engine({ cache: false, maxMemoryPages }), GROW, { min: 2, max: 2 })),
    );
    await Promise.all(pools.map((pool) => pool.ready()));
    const after = getWasmMemoryMetrics();
    expect((after.riptide_wasm_memory_pages ?? 0) - (before.riptide_wasm_memory_pages ?? 0)).toBe(4);
  });

  test('leaves out engines whose metrics are off, and their limits hold all the same', async () => {
    const before = getWasmMemoryMetrics();
    const engine = new Engine({ cache: false, metrics: false });
    const pool = await poolOf(engine, GROW, { max: 1, reuse: true, maxMemoryPages: 8 });
    expect(await pool.call('grow', [100])).toBe(-1);
    expect(pool.tracker.growFailures).toBe(1);
    expect(getWasmMemoryMetrics(engine)).toEqual({});
    expect(getWasmMemoryMetrics(pool)).toEqual({});
    expect(getWasmMemoryMetrics()).toEqual(before);
  });

  test('stays at 0 hits and misses where the cache is off', async () => {
    const engine = new Engine({ cache: false, maxInstances: 33 });
    await engine.load(wat2wasm(GROW));
    await engine.load(wat2wasm(GROW));
    expect(getWasmMemoryMetrics(engine)).toMatchObject({
      riptide_wasm_aot_cache_hits: 0,
      riptide_wasm_aot_cache_misses: 0,
    });
  });

  test('refuses what has no metrics', () => {
    expect(thrown(() => getWasmMemoryMetrics({} as never)).code).toBe('ERR_BAD_ARGUMENT');
  });
});
