import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import type { BindingCode, BindingEngineOptions } from './binding.js';
import { type CacheOptions, cacheRule, resolveCache } from './cache-options.js';
import type { Code } from './code.js';
import { type CompileOptions, compileRule, resolveCompile } from './compile-options.js';
import { Component } from './component.js';
import { loads } from './diagnostics.js';
import { type EngineConfiguration, engineConfiguration } from './engine-configuration.js';
import { describe, makeError } from './errors.js';
import { type Histogram, histogram } from './histogram.js';
import { configuration, type EngineInner, type EngineNumbers, inner, numbers } from './internal.js';
import { Module } from './module.js';
import { ModuleCache } from './module-cache.js';
import { emitWarnings, loadCode, openEngine } from './native.js';
import {
  checkOptions,
  DEFAULT_COLD_START_TARGET_MILLIS,
  DEFAULT_MAX_INSTANCES,
  DEFAULT_MAX_PAGES,
  flag,
  MAX_COLD_START_TARGET_MILLIS,
  MAX_INSTANCES,
  MAX_PAGES,
  MAX_TABLE_ELEMENTS,
  MAX_WORKERS,
  oneOf,
  PAGE_BYTES,
  whole,
} from './options.js';
import { type PrecompileOptions, type PrecompileProgress, precompile } from './precompile.js';
import { registry } from './registry.js';
import { type ResourceSnapshot, ResourceTracker } from './resource-tracker.js';
import { SharedTier } from './shared-cache.js';

/** Options of an {@link Engine}. */
export interface EngineOptions {
  /**
   * Whether code with SIMD instructions is taken. With `false` it is refused as `ERR_SIMD_DISABLED`.
   * @default true
   */
  simd?: boolean;
  /**
   * Whether the engine is part of {@link getWasmMemoryMetrics}. Limits work either way.
   * @default true
   */
  metrics?: boolean;
  /**
   * Threads that run guests: 1 to 64. As many again, at a lower priority, run guests that compute for longer than 5 ms.
   * @default the number of cores
   */
  workers?: number;
  /**
   * The most instances alive at once, over all pools: 1 to 4,096. Each takes address space, not memory: 8 GiB of the
   * 128 TiB that a process has. An instance may have two memories and eight tables; one with more takes those of others.
   * @default 64
   */
  maxInstances?: number;
  /**
   * The most memory one instance may be given, in pages of 64 KiB: 1 to 65,536. Pools choose within it.
   * @default 4096 (256 MiB)
   */
  maxMemoryPages?: number;
  /**
   * The most elements the tables of one instance may have together: 1 to 10,000,000. Pools choose within it.
   * @default 100_000
   */
  maxTableElements?: number;
  /**
   * The most linear memory of all instances of the engine together, in bytes: 65,536 to 2^53 - 1. A growth beyond it is
   * refused like one beyond the instance's own limit; `limitedBy` is then `'engine'`, and the tracker counts it in
   * `budgetRefusals` as well.
   * @default none: only the limits of the instances
   */
  memoryBudgetBytes?: number;
  /**
   * Whether what guests execute is counted, so that `maxFuel` can limit it and `callWithStats` return it. It makes guests
   * slower: by about an eighth.
   * @default false
   */
  fuel?: boolean;
  /**
   * Whether faults in guest memory are caught by signal handlers, which is faster than checking each access. Turn it
   * off beside crash reporters that replace those handlers.
   * @default true
   */
  signalsBasedTraps?: boolean;
  /**
   * Whether, and where, compiled code is kept for the next load and the next process.
   * @default true
   */
  cache?: boolean | CacheOptions;
  /**
   * Which processors code is compiled for: `'native'`, this one with all it has; or `'baseline'`, every one of its
   * architecture, for artefacts that are made on another machine. An engine for `'native'` runs both.
   * @default 'native'
   */
  cpu?: 'native' | 'baseline';
  /**
   * Limits of compiling, and for untrusted code a process of its own to compile in.
   * @default {}: the limits of {@link CompileOptions}, in this process
   */
  compile?: CompileOptions;
  /**
   * A start from the cache that takes longer than this counts as slow in `health()`; in milliseconds, 1 to 3,600,000.
   * @default 15
   */
  coldStartTargetMillis?: number;
}

/** The numbers of an {@link Engine} at one moment. */
export interface EngineStats {
  /** Threads that run guests; as many again, at a lower priority, run those that compute for longer than 5 ms. */
  readonly workers: number;
  /** How instances get their memory: `pooling-4gib`, `pooling-limit` or `on-demand`, after what the system allows. */
  readonly allocation: string;
  /** The most instances alive at once. */
  readonly slots: number;
  /** Instances alive now. */
  readonly instances: number;
  /** Loads answered without compiling. */
  readonly cacheHits: number;
  /** Loads that compiled. */
  readonly cacheMisses: number;
  /** Hits of the cache's memory tier. */
  readonly memoryHits: number;
  /** Hits of the cache's disk tier. */
  readonly diskHits: number;
  /** Hits of the cache's shared tier. */
  readonly sharedHits: number;
  /** How long the last cold start took, from loading code to its first instance, in milliseconds; 0 before the first. */
  readonly coldStartMillis: number;
  /** Starts from the cache that took longer than `coldStartTargetMillis`. */
  readonly slowColdStarts: number;
  /** How long cold starts took. */
  readonly coldStarts: {
    /** Those whose code came from the cache. */
    readonly hit: Histogram;
    /** Those that compiled. */
    readonly miss: Histogram;
  };
  /** How long compiling took, in this process or in one of its own. */
  readonly compile: Histogram;
}

/** How long cold starts take. */
export interface ColdStartHealth {
  /** The engine's `coldStartTargetMillis`, in milliseconds. */
  readonly targetMillis: number;
  /** The last cold start, in milliseconds; `undefined` before the first. */
  readonly lastMillis: number | undefined;
  /** Starts from the cache that took longer than the target. */
  readonly slowStarts: number;
}

/** The health of an {@link Engine}, for operators. */
export interface EngineHealth {
  /** How long cold starts take, against their target. */
  readonly coldStart: ColdStartHealth;
  /** Memory of all the engine's instances. */
  readonly memory: ResourceSnapshot;
}

/** Numbers of engines that are gone. */
const collected = new FinalizationRegistry<number>((id) => registry.engines.delete(id));

/** A WebAssembly file by its path or `file:` URL, or its bytes. */
export type CodeSource = string | URL | Uint8Array;

/** @internal */
export const ENGINE_RULES = {
  simd: flag,
  metrics: flag,
  workers: whole(1, MAX_WORKERS, 'threads'),
  maxInstances: whole(1, MAX_INSTANCES, 'instances'),
  maxMemoryPages: whole(1, MAX_PAGES, 'pages'),
  maxTableElements: whole(1, MAX_TABLE_ELEMENTS, 'elements'),
  memoryBudgetBytes: whole(PAGE_BYTES, Number.MAX_SAFE_INTEGER, 'bytes'),
  fuel: flag,
  signalsBasedTraps: flag,
  cache: cacheRule,
  cpu: oneOf('native', 'baseline'),
  compile: compileRule,
  coldStartTargetMillis: whole(1, MAX_COLD_START_TARGET_MILLIS, 'milliseconds'),
};

/**
 * Compiles and runs WebAssembly within limits: its memory budget, its instances, its cache of compiled code and its numbers.
 * Most processes need one. It needs no closing: an engine without calls in flight keeps nothing alive.
 *
 * Engines of one process, on whatever threads, share worker threads and address space where these options agree: `simd`,
 * `fuel`, `signalsBasedTraps`, `cpu`, `workers`, `maxMemoryPages` and `maxTableElements`. Where `cache` and `compile` agree
 * as well, they share compiled code, too. Another engine like one that is there is made in microseconds.
 */
export class Engine {
  /** @internal */
  readonly [inner]: EngineInner;
  /** @internal */
  readonly [configuration]: EngineConfiguration;
  /** Memory over all instances of this engine. */
  readonly tracker: ResourceTracker;
  /** The cache of compiled code. */
  readonly cache: ModuleCache;
  /** Whether code with SIMD instructions is taken. */
  readonly simd: boolean;
  /** The most memory one instance may be given, in pages of 64 KiB. */
  readonly maxMemoryPages: number;
  /** The most elements the tables of one instance may have together. */
  readonly maxTableElements: number;
  /** Whether what guests execute is counted. */
  readonly fuel: boolean;
  readonly #coldStartTargetMillis: number;

  /** @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range. */
  constructor(given: EngineOptions = {}) {
    const options = checkOptions(given, ENGINE_RULES);
    const cache = resolveCache(options.cache ?? true);
    const resolved: BindingEngineOptions = {
      simd: options.simd ?? true,
      metrics: options.metrics ?? true,
      workers: options.workers ?? 0,
      maxInstances: options.maxInstances ?? DEFAULT_MAX_INSTANCES,
      maxMemoryPages: options.maxMemoryPages ?? DEFAULT_MAX_PAGES,
      maxTableElements: options.maxTableElements ?? 100_000,
      fuel: options.fuel ?? false,
      signalsBasedTraps: options.signalsBasedTraps ?? true,
      coldStartTargetMillis: options.coldStartTargetMillis ?? DEFAULT_COLD_START_TARGET_MILLIS,
      baseline: options.cpu === 'baseline',
      compile: resolveCompile(options.compile ?? {}),
    };
    if (options.memoryBudgetBytes !== undefined) resolved.memoryBudgetBytes = options.memoryBudgetBytes;
    if (cache !== undefined) resolved.cache = cache.binding;
    const shared = cache?.shared && new SharedTier(cache.shared, this);
    if (shared !== undefined) resolved.sharedTier = shared.id;
    const binding = openEngine(resolved);
    emitWarnings(binding);
    this[inner] = { binding, maxInstances: resolved.maxInstances };
    this.tracker = ResourceTracker.wrap(() => binding.tracker());
    this.cache = ModuleCache.wrap(binding, cache, shared);
    this.simd = resolved.simd;
    this.maxMemoryPages = resolved.maxMemoryPages;
    this.maxTableElements = resolved.maxTableElements;
    this.fuel = resolved.fuel;
    this.#coldStartTargetMillis = options.coldStartTargetMillis ?? DEFAULT_COLD_START_TARGET_MILLIS;
    this[configuration] = engineConfiguration(resolved, shared !== undefined);
    const id = registry.engines.next();
    registry.engines.set(id, new WeakRef(this));
    collected.register(this, id);
  }

  /**
   * Loads a module or a component, as the file's header says (`kind` of the result). Reading and
   * compiling happen off the event loop.
   *
   * Bytes are copied before it returns.
   *
   * @throws ArgumentError `ERR_BAD_ARGUMENT` if `source` is not a path, a `file:` URL or bytes.
   * @throws CompileError `ERR_COMPILE` if the bytes are not valid WebAssembly, `ERR_COMPILE_LIMIT` if they exceed a limit of
   *   `compile`, `ERR_SIMD_DISABLED` if they use SIMD on an engine without it.
   * @throws MemoryLimitError `ERR_MEMORY_LIMIT` if the code begins with a larger memory or table than an instance may hold.
   * @throws RiptideError `ERR_READ` if the file cannot be read.
   */
  async load(source: CodeSource): Promise<Module | Component> {
    return this.#load(source, (binding) =>
      binding.kind === 'module' ? Module.wrap(binding, this) : Component.wrap(binding, this),
    );
  }

  /**
   * Loads a module. See {@link Engine.load}.
   *
   * @throws CompileError `ERR_WRONG_KIND` if it is a component.
   */
  async loadModule(source: CodeSource): Promise<Module> {
    return this.#load(source, (binding) => Module.wrap(binding, this), 'module');
  }

  /**
   * Loads a component. See {@link Engine.load}.
   *
   * @throws CompileError `ERR_WRONG_KIND` if it is a module.
   */
  async loadComponent(source: CodeSource): Promise<Component> {
    return this.#load(source, (binding) => Component.wrap(binding, this), 'component');
  }

  /**
   * Loads these into the cache, one after the other, so that later loads find them there: in the background at the start
   * of a service, or for an image (`riptide-wasm precompile`). A failure does not keep the others from being loaded.
   *
   * @throws RiptideError the first failure, once all are loaded; `onProgress` gets each failure.
   */
  precompile(sources: readonly CodeSource[], options: PrecompileOptions = {}): Promise<PrecompileProgress[]> {
    return precompile(this, sources, options);
  }

  /** A copy of the engine's numbers. */
  get stats(): EngineStats {
    const { stats } = this[inner].binding;
    return {
      workers: stats.workers,
      allocation: stats.allocation,
      slots: stats.slots,
      instances: stats.instances,
      cacheHits: stats.cacheHits,
      cacheMisses: stats.cacheMisses,
      memoryHits: stats.memoryHits,
      diskHits: stats.diskHits,
      sharedHits: stats.sharedHits,
      coldStartMillis: stats.coldStartMillis,
      slowColdStarts: stats.slowColdStarts,
      coldStarts: { hit: histogram(stats.coldStartsHit), miss: histogram(stats.coldStartsMiss) },
      compile: histogram(stats.compile),
    };
  }

  /** The engine's cold starts and memory. */
  health(): EngineHealth {
    const { coldStartMillis, slowColdStarts } = this.stats;
    return {
      coldStart: {
        targetMillis: this.#coldStartTargetMillis,
        lastMillis: coldStartMillis > 0 ? coldStartMillis : undefined,
        slowStarts: slowColdStarts,
      },
      memory: this.tracker.snapshot(),
    };
  }

  /** @internal */
  [numbers](): EngineNumbers {
    return { stats: this[inner].binding.stats, sharedFailures: ModuleCache.shared(this.cache)?.failures ?? 0 };
  }

  #load<C extends Code>(
    source: CodeSource,
    wrap: (binding: BindingCode) => C,
    kind?: 'module' | 'component',
  ): Promise<C> {
    const message = { engine: this, source };
    return loads.tracePromise(async () => wrap(await this.#find(source, kind)), message);
  }

  async #find(source: CodeSource, kind?: 'module' | 'component'): Promise<BindingCode> {
    const { binding } = this[inner];
    try {
      return await loadCode(binding, pathOrBytes(source), kind);
    } finally {
      emitWarnings(binding);
    }
  }
}

function pathOrBytes(source: CodeSource): string | Uint8Array {
  if (types.isUint8Array(source)) return source;
  if (typeof source === 'string' && source !== '' && !source.includes('\0')) return resolve(source);
  if (source instanceof URL && source.protocol === 'file:') return fileURLToPath(source);
  const expected = 'a path, a file: URL or a Uint8Array';
  throw makeError('ERR_BAD_ARGUMENT', { path: 'source', expected, received: describe(source) });
}
