import type { EngineConfiguration } from '../engine-configuration.js';
import type { PoolConfiguration } from '../pool-options.js';
import type { BreakerStats, CallOutcome } from '../pool-stats.js';

/** What one process, or one thread of it, publishes of itself. `STATUS_SCHEMA` is its JSON Schema. */
export interface ProcessStatus {
  /** The version of this shape. A later one may add fields under the same number. */
  readonly schema: 1;
  /** The field it is under: host, process and start, which no other process has. */
  readonly id: string;
  /** The machine's name. */
  readonly host: string;
  /** The process's number. */
  readonly pid: number;
  /** The worker thread; 0 on the main one. */
  readonly thread: number;
  /** When the process started: ISO 8601, by its own clock. */
  readonly started: string;
  /** When this was written, by the same clock. */
  readonly written: string;
  /** How long the process has run, in seconds. */
  readonly uptimeSeconds: number;
  /** How long until the next is written, in milliseconds. */
  readonly intervalMillis: number;
  /** The version of this package. */
  readonly version: string;
  /** The version of Wasmtime. */
  readonly wasmtime: string;
  /** The version of Node. */
  readonly node: string;
  /** Memory of the process, over all its threads. */
  readonly memory: ProcessMemory;
  /** The last cold start of the process, in milliseconds; `null` before the first. */
  readonly coldStartMillis: number | null;
  /** Calls of all the pools below. */
  readonly rates: CallRates;
  /** Errors of this thread's calls and loads by code, without their messages, which may hold what a page says. */
  readonly errors: Readonly<Record<string, ErrorSummary>>;
  /** How publishing itself goes. */
  readonly publishing: PublishingStats;
  /** Engines by name. */
  readonly engines: Readonly<Record<string, EngineStatus>>;
  /** Pools by name. */
  readonly pools: Readonly<Record<string, PoolStatus>>;
}

/** Linear memory over all live instances of a process, and its resident memory. */
export interface ProcessMemory {
  /** Linear memory held now, in pages of 64 KiB. */
  readonly pages: number;
  /** The highest that `pages` has been, in pages. */
  readonly peakPages: number;
  /** Growths that a limit refused, or that the system failed. */
  readonly growFailures: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
}

/** Calls a second since the status was last written. */
export interface CallRates {
  /** How long ago that was, in seconds; 0 in the first status, whose rates are 0. */
  readonly seconds: number;
  /** Calls that ended, a second. */
  readonly calls: number;
  /** Those of them that ended in another way than well, a second. */
  readonly failures: number;
}

/** Errors of one code. */
export interface ErrorSummary {
  /** How many there were since the process started. */
  readonly count: number;
  /** When the last was: ISO 8601, by the process's clock. */
  readonly last: string;
}

/** How publishing goes. */
export interface PublishingStats {
  /** Writes that the store took. */
  readonly written: number;
  /** Writes that failed. */
  readonly failed: number;
  /** Times at which nothing was written, because the write before had not ended. */
  readonly late: number;
}

/** Linear memory of an engine or a pool. */
export interface LinearMemory {
  /** Held now, in pages of 64 KiB. */
  readonly currentPages: number;
  /** The highest that was held, in pages. */
  readonly peakPages: number;
  /** The most that may be held, in pages. */
  readonly maxPages: number;
  /** Growths asked for. */
  readonly growRequests: number;
  /** Growths that were refused or failed. */
  readonly growFailures: number;
  /** Those of them that the engine's `memoryBudgetBytes` refused. */
  readonly budgetRefusals: number;
}

/** What a process publishes of an engine. */
export interface EngineStatus {
  /** What it was made with. */
  readonly configuration: EngineConfiguration;
  /** Threads that run guests. */
  readonly workers: number;
  /** How instances get their memory: `pooling-4gib`, `pooling-limit` or `on-demand`. */
  readonly allocation: string;
  /** Instances alive. */
  readonly instances: number;
  /** Its instances' memory. */
  readonly memory: LinearMemory;
  /** How long cold starts take. */
  readonly coldStart: {
    /** The last one, in milliseconds; `null` before the first. */
    readonly lastMillis: number | null;
    /** Starts from the cache that took longer than `coldStartTargetMillis`. */
    readonly slowStarts: number;
  };
  /** Its cache of compiled code. */
  readonly cache: {
    /** Whether compiled code is kept. */
    readonly enabled: boolean;
    /** Loads that the memory tier answered. */
    readonly memoryHits: number;
    /** Loads that the disk answered. */
    readonly diskHits: number;
    /** Loads that the shared tier answered. */
    readonly sharedHits: number;
    /** Loads that compiled. */
    readonly misses: number;
    /** Artefacts that were not used. */
    readonly rejected: number;
    /** Artefacts that could not be written or fetched. */
    readonly failures: number;
    /** Artefacts removed from the disk by this engine. */
    readonly evictions: number;
    /** Artefacts on the disk, of all engines. */
    readonly entries: number;
    /** Bytes of those artefacts. */
    readonly bytes: number;
  };
}

/** What a process publishes of a pool. */
export interface PoolStatus {
  /** The name of its engine above; `null` where that is not published. */
  readonly engine: string | null;
  /** What it was made with. */
  readonly configuration: PoolConfiguration;
  /** Instances alive. */
  readonly size: number;
  /** Instances that wait for a call. */
  readonly idle: number;
  /** Instances in a call. */
  readonly active: number;
  /** Calls that wait for an instance. */
  readonly waiting: number;
  /** Instances made so far. */
  readonly created: number;
  /** Instances discarded so far. */
  readonly destroyed: number;
  /** Its instances' memory. */
  readonly memory: LinearMemory;
  /** Calls so far by how they ended. */
  readonly calls: Readonly<Record<CallOutcome, number>>;
  /** Calls a second. */
  readonly rates: CallRates;
  /** The breaker; `null` where it has none. */
  readonly breaker: BreakerStats | null;
}
