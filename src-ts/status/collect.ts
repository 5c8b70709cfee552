import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import type { Engine } from '../engine.js';
import { configuration, numbers } from '../internal.js';
import { getWasmMemoryMetrics } from '../metrics.js';
import { type BuildInfo, buildInfo } from '../native.js';
import type { Pool } from '../pool.js';
import { registry } from '../registry.js';
import type { ResourceTracker } from '../resource-tracker.js';
import type {
  CallRates,
  EngineStatus,
  ErrorSummary,
  LinearMemory,
  PoolStatus,
  ProcessStatus,
  PublishingStats,
} from './document.js';

/** What is shown: given ones by name, or all of the thread. @internal */
export interface Shown {
  readonly engines?: Readonly<Record<string, Engine>> | undefined;
  readonly pools?: Readonly<Record<string, Pool>> | undefined;
}

/** When this process started, in milliseconds since 1970. Once: the clock may be set. */
const started = Math.round(Date.now() - process.uptime() * 1_000);

const host = hostname();

let build: BuildInfo | undefined;

/**
 * The field of a publisher: no other process has it, nor has one that gets the same number later.
 *
 * @param number of the thread's publishers: 1 for the first
 * @internal
 */
export function fieldOf(number: number): string {
  const thread = threadId === 0 ? '' : `:t${threadId}`;
  const further = number === 1 ? '' : `:${number}`;
  return `${host}:${process.pid}:${started}${thread}${further}`;
}

interface Counts {
  readonly calls: number;
  readonly failures: number;
}

/** Makes the status of this thread, again and again: each has the rates since the one before. @internal */
export class Collector {
  readonly #id: string;
  readonly #shown: Shown;
  readonly #intervalMillis: number;
  /** Weak: pools of the thread that nobody has any more are collected. */
  #last: { readonly at: number; readonly pools: WeakMap<Pool, Counts> } | undefined;

  constructor(id: string, shown: Shown, intervalMillis: number) {
    this.#id = id;
    this.#shown = shown;
    this.#intervalMillis = intervalMillis;
  }

  collect(publishing: PublishingStats): ProcessStatus {
    build ??= buildInfo();
    const seconds = this.#last === undefined ? 0 : (performance.now() - this.#last.at) / 1_000;
    const engines = this.#engines();
    const { pools, rates } = this.#collectPools(engines, seconds);
    const metrics = getWasmMemoryMetrics();
    const coldStart = metrics.riptide_wasm_cold_start_time_ms ?? 0;
    return {
      schema: 1,
      id: this.#id,
      host,
      pid: process.pid,
      thread: threadId,
      started: new Date(started).toISOString(),
      written: new Date().toISOString(),
      uptimeSeconds: rounded(process.uptime()),
      intervalMillis: this.#intervalMillis,
      version: build.version,
      wasmtime: build.wasmtime,
      node: process.versions.node,
      memory: {
        pages: metrics.riptide_wasm_memory_pages ?? 0,
        peakPages: metrics.riptide_wasm_peak_memory_pages ?? 0,
        growFailures: metrics.riptide_wasm_grow_failed_total ?? 0,
        residentBytes: process.memoryUsage.rss(),
      },
      coldStartMillis: coldStart > 0 ? rounded(coldStart) : null,
      rates,
      errors: errorsByCode(),
      publishing,
      engines: Object.fromEntries([...engines].map(([engine, name]) => [name, engineStatus(engine)])),
      pools,
    };
  }

  /** The engines that are shown, with their names. */
  #engines(): Map<Engine, string> {
    const { engines } = this.#shown;
    if (engines !== undefined) return new Map(Object.entries(engines).map(([name, engine]) => [engine, name]));
    return living('engine', registry.engines);
  }

  #pools(): Map<Pool, string> {
    const { pools } = this.#shown;
    if (pools === undefined) return living('pool', registry.pools);
    const open = Object.entries(pools).filter(([, pool]) => !pool.closed);
    return new Map(open.map(([name, pool]) => [pool, name]));
  }

  #collectPools(engines: ReadonlyMap<Engine, string>, seconds: number): Pick<ProcessStatus, 'pools' | 'rates'> {
    const counted = new WeakMap<Pool, Counts>();
    const all = { calls: 0, failures: 0 };
    const pools: [name: string, status: PoolStatus][] = [];
    for (const [pool, name] of this.#pools()) {
      const { outcomes, breaker, ...stats } = pool.stats;
      const calls = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      const counts = { calls, failures: calls - outcomes.ok };
      counted.set(pool, counts);
      // A pool that was not there before made all its calls since.
      const before = this.#last?.pools.get(pool) ?? { calls: 0, failures: 0 };
      const since = { calls: calls - before.calls, failures: counts.failures - before.failures };
      all.calls += since.calls;
      all.failures += since.failures;
      const { size, idle, active, waiting, created, destroyed } = stats;
      const status = {
        engine: engines.get(pool.code.engine) ?? null,
        configuration: pool[configuration],
        size,
        idle,
        active,
        waiting,
        created,
        destroyed,
        memory: memoryOf(pool.tracker),
        calls: outcomes,
        rates: ratesOf(since, seconds),
        breaker: breaker ?? null,
      };
      pools.push([name, status]);
    }
    this.#last = { at: performance.now(), pools: counted };
    return { pools: Object.fromEntries(pools), rates: ratesOf(all, seconds) };
  }
}

function living<T extends object>(kind: string, all: ReadonlyMap<number, WeakRef<T>>): Map<T, string> {
  const found = new Map<T, string>();
  for (const [number, reference] of all) {
    const alive = reference.deref();
    if (alive !== undefined) found.set(alive, `${kind}-${number}`);
  }
  return found;
}

function ratesOf({ calls, failures }: Counts, seconds: number): CallRates {
  if (seconds === 0) return { seconds, calls: 0, failures: 0 };
  return { seconds: rounded(seconds), calls: rounded(calls / seconds), failures: rounded(failures / seconds) };
}

function errorsByCode(): Record<string, ErrorSummary> {
  const counts = [...registry.errorCounts];
  return Object.fromEntries(
    counts.map(([code, { count, last }]) => [code, { count, last: new Date(last).toISOString() }]),
  );
}

function engineStatus(engine: Engine): EngineStatus {
  const { stats, sharedFailures } = engine[numbers]();
  const { workers, allocation, instances, coldStartMillis, slowColdStarts } = stats;
  return {
    configuration: engine[configuration],
    workers,
    allocation,
    instances,
    memory: memoryOf(engine.tracker),
    coldStart: { lastMillis: coldStartMillis > 0 ? rounded(coldStartMillis) : null, slowStarts: slowColdStarts },
    cache: {
      enabled: engine.cache.enabled,
      memoryHits: stats.memoryHits,
      diskHits: stats.diskHits,
      sharedHits: stats.sharedHits,
      misses: stats.cacheMisses,
      rejected: Object.values(stats.rejected).reduce((sum, count) => sum + count, 0),
      failures: stats.writeFailures + sharedFailures,
      evictions: stats.evictions,
      entries: stats.cacheEntries,
      bytes: stats.cacheBytes,
    },
  };
}

function memoryOf(tracker: ResourceTracker): LinearMemory {
  const { currentPages, peakPages, maxPages, growRequests, growFailures, budgetRefusals } = tracker.snapshot();
  return { currentPages, peakPages, maxPages, growRequests, growFailures, budgetRefusals };
}

/** Three decimals are as many as a reader needs. */
function rounded(number: number): number {
  return Math.round(number * 1_000) / 1_000;
}
