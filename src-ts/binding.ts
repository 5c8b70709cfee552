// Types of the addon, which `addon.ts` loads.

/** A failed native call throws this, or rejects with it. @internal */
export interface BindingFailure {
  code: string;
  message: string;
  details: Record<string, number | string | string[] | Uint8Array>;
  payload?: unknown;
  hostError?: number;
}

/** @internal */
export interface BindingEngineOptions {
  simd: boolean;
  metrics: boolean;
  /** 0: as many as there are cores. */
  workers: number;
  maxInstances: number;
  maxMemoryPages: number;
  maxTableElements: number;
  /** None: no budget. */
  memoryBudgetBytes?: number;
  fuel: boolean;
  signalsBasedTraps: boolean;
  /** Whether code is compiled for every processor of this architecture. */
  baseline: boolean;
  compile: {
    maxBytes: number;
    maxFunctions: number;
    maxNesting: number;
    maxTypeBytes: number;
    isolated?: { program: string; arguments: string[]; timeoutMillis: number; memoryBytes: number };
  };
  cache?: {
    directory: string;
    keyFile?: string;
    trust: 'key' | 'owner';
    readable: boolean;
    limits: BindingCacheLimits;
  };
  /** The number of the shared tier behind the cache. */
  sharedTier?: number;
  coldStartTargetMillis?: number;
}

/** @internal */
export interface BindingCacheLimits {
  maxBytes: number;
  maxEntries: number;
  maxAgeMillis: number;
}

/** @internal */
export interface BindingHistogram {
  buckets: number[];
  sum: number;
}

/** @internal */
export interface BindingCacheEntry {
  compat: string;
  name: string;
  bytes: number;
  /** Milliseconds since 1970. */
  used: number;
  current: boolean;
  rejection?: string | null;
}

/** @internal */
export interface BindingTracker {
  currentBytes: number;
  currentPages: number;
  peakPages: number;
  maxPages: number;
  growFailures: number;
  budgetRefusals: number;
  growRequests: number;
  simdEnabled: boolean;
  aotCacheEnabled: boolean;
}

/** @internal */
export interface BindingEngineStats {
  workers: number;
  allocation: string;
  slots: number;
  instances: number;
  cacheHits: number;
  cacheMisses: number;
  memoryHits: number;
  diskHits: number;
  sharedHits: number;
  rejected: Record<string, number>;
  writeFailures: number;
  evictions: number;
  clockSkews: number;
  cacheEntries: number;
  cacheBytes: number;
  coldStartMillis: number;
  slowColdStarts: number;
  coldStartsHit: BindingHistogram;
  coldStartsMiss: BindingHistogram;
  compile: BindingHistogram;
  cacheLoad: BindingHistogram;
}

/** @internal */
export interface BindingPoolStats {
  size: number;
  idle: number;
  active: number;
  waiting: number;
  created: number;
  destroyed: Record<string, number>;
  outcomes: Record<string, number>;
  callDuration?: BindingHistogram;
  queueWait?: BindingHistogram;
  breaker?: BindingBreakerStats;
}

/** @internal */
export interface BindingBreakerStats {
  state: 'closed' | 'open' | 'halfOpen';
  resetMillis: number;
  successes: number;
  failures: number;
  rejected: number;
  opened: number;
}

/** @internal */
export interface BindingDeniedGrowth {
  requested: number;
  held: number;
  limit: number;
  limitedBy: string;
  count: number;
}

/** @internal */
export interface BindingExtern {
  name: string;
  kind: string;
  type?: string;
}

/** @internal */
export interface BindingEngine {
  load(source: string | Uint8Array, kind?: 'module' | 'component'): Promise<BindingCode>;
  cacheEntries(verify: boolean): Promise<BindingCacheEntry[]>;
  pruneCache(limits?: BindingCacheLimits): Promise<{ entries: number; bytes: number }>;
  readonly stats: BindingEngineStats;
  takeWarnings(): string[];
  tracker(): BindingTracker;
  metrics(): Record<string, number>;
}

/** @internal */
export interface BindingCode {
  readonly kind: 'module' | 'component';
  exports(): BindingExtern[];
  imports(): BindingExtern[];
  functions(): string[];
  /** Triples: the place of a name, of the import that goes by it, and 1 where it is a function that gives a `result`. */
  matchImports(names: string[]): Uint32Array;
  readonly cacheHit: boolean;
  readonly loadMillis: number;
}

/** @internal */
export interface BindingGuestOptions {
  maxMemoryPages: number;
  maxTableElements: number;
  maxResultBytes: number;
  maxResultValues: number;
  fuel?: number;
  wasi?: { args: string[]; env: [string, string][]; maxOutputBytes: number };
}

/** @internal */
export interface BindingInstanceOptions {
  timeoutMillis?: number;
  guest: BindingGuestOptions;
  /** Pairs: the place of an import, and the number of the function for it. In a sync instance places alone. */
  imports: Uint32Array;
}

/** @internal */
export interface BindingBreakerOptions {
  errorThresholdPercentage: number;
  volumeThreshold: number;
  resetTimeoutMillis: number;
  rollingCountTimeoutMillis: number;
  rollingCountBuckets: number;
  errorFilter: string[];
}

/** @internal */
export interface BindingPoolOptions extends BindingInstanceOptions {
  /** The number its events are dispatched under; 0: it has none. */
  id: number;
  /** The context that host functions of a start function get when the pool makes an instance for no call. */
  readonly context: number;
  min: number;
  max: number;
  maxQueue?: number;
  acquireTimeoutMillis?: number;
  idleTimeoutMillis?: number;
  maxUses?: number;
  recycleAbovePages?: number;
  reuse: boolean;
  breaker?: BindingBreakerOptions;
}

/**
 * Calls the exported function of a number. `context` is a number of the caller's, for `abort` and for host functions;
 * `flags` are those of {@link NESTED} and {@link MEASURED}.
 * @internal
 */
export type BindingCaller = (
  fn: number,
  args: readonly unknown[],
  timeoutMillis?: number,
  context?: number,
  flags?: number,
) => Promise<unknown>;

/** A flag: a call of the same pool waits for this one. @internal */
export const NESTED = 1;
/** A flag: the result is `{ value, stats }`. @internal */
export const MEASURED = 2;

/** @internal */
export interface BindingPool {
  ready(): Promise<void>;
  find(name: string): number;
  caller(): BindingCaller;
  bind(fn: number): (...args: unknown[]) => Promise<unknown>;
  checkout(): BindingCheckout;
  listen(bits: number): void;
  takeDenied(): BindingDeniedGrowth | null;
  abort(context: number): void;
  close(): Promise<void>;
  destroy(): Promise<void>;
  readonly stats: BindingPoolStats;
  tracker(): BindingTracker;
  metrics(): Record<string, number>;
}

/** @internal */
export interface BindingCheckout {
  begin(timeoutMillis?: number, context?: number, flags?: number): Promise<void>;
  caller(): BindingCaller;
  release(discard: boolean): void;
  tracker(): BindingTracker;
}

/** @internal */
export interface BindingSyncInstance {
  bind(name: string): (...args: unknown[]) => unknown;
  tracker(): BindingTracker;
  dispose(): void;
}

/** @internal */
export interface Addon {
  errorCodes(): string[];
  /** Upper bounds of every histogram's buckets in seconds; the last bucket has none. */
  histogramBounds(): number[];
  buildInfo(): { version: string; wasmtime: string; target: string; guestHash: string };
  wat2wasm(text: string): Buffer;
  /** A page's bytes as UTF-8: at once up to 64 KiB, and the same bytes where they are UTF-8; else off the event loop. */
  decodePage(bytes: Uint8Array, contentType?: string): Uint8Array | Promise<Uint8Array>;
  ownCacheKeyFile(): string;
  compileStandardInput(settings: string, bounds: string): void;
  processMetrics(): Record<string, number>;
  setDispatchers(
    dispatchCall: (callId: number, functionId: number, args: unknown[], context: number) => void,
    dispatchEvent: (poolId: number, kind: string, detail: string) => void,
  ): void;
  /** `get` is for `sharedTierFound`; without it, `sealed` is to be put. */
  setSharedTierDispatcher(dispatch: (tierId: number, name: string, get?: number, sealed?: Uint8Array) => void): void;
  sharedTierFound(get: number, sealed?: Uint8Array): void;
  hostReturn(callId: number, result: unknown): void;
  hostErr(callId: number, payload: unknown): void;
  hostThrow(callId: number, errorId: number): void;
  BindingEngine: new (options: BindingEngineOptions) => BindingEngine;
  BindingPool: new (code: BindingCode, options: BindingPoolOptions) => BindingPool;
  BindingSyncInstance: new (
    code: BindingCode,
    options: BindingInstanceOptions,
    functions: readonly ((...args: unknown[]) => unknown)[],
    thrown: (error: unknown, fallible: boolean) => Thrown,
  ) => BindingSyncInstance;
}

/** A throw of a sync instance's host function: the `err` of its WIT result, or the number of the kept error. @internal */
export type Thrown = { payload: unknown } | { errorId: number };
