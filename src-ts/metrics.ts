import { Engine } from './engine.js';
import { describe, makeError } from './errors.js';
import { Extractor } from './extractor.js';
import { inner } from './internal.js';
import { processMetrics } from './native.js';
import { Pool } from './pool.js';

/** The six metrics, by name. An engine with `metrics: false`, and its pools, give an empty map. */
export type WasmMemoryMetrics = Readonly<Record<string, number>>;

/**
 * The six metrics of WebAssembly memory and start-up:
 *
 * - `riptide_wasm_memory_pages`: pages of 64 KiB held now, over all live instances
 * - `riptide_wasm_peak_memory_pages`: the highest that sum has been
 * - `riptide_wasm_grow_failed_total`: growths refused by a limit, or failed by the system
 * - `riptide_wasm_cold_start_time_ms`: the last time from asking for code to its first instance, in milliseconds
 * - `riptide_wasm_aot_cache_hits`: loads answered without compiling
 * - `riptide_wasm_aot_cache_misses`: loads that compiled
 *
 * @param target an engine, a pool or an extractor; the whole process where absent
 */
export function getWasmMemoryMetrics(target?: Engine | Pool | Extractor): WasmMemoryMetrics {
  if (target === undefined) return { ...processMetrics() };
  if (target instanceof Extractor) return getWasmMemoryMetrics(target.pool);
  if (target instanceof Pool) return { ...target[inner].metrics() };
  if (target instanceof Engine) return { ...target[inner].binding.metrics() };
  throw makeError('ERR_BAD_ARGUMENT', {
    path: 'target',
    expected: 'an Engine, a Pool or an Extractor',
    received: describe(target),
  });
}
