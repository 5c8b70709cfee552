import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BindingCode, BindingEngineOptions, BindingEngineStats } from './binding.js';
import { Component } from './component.js';
import { describe, makeError } from './errors.js';
import { type EngineInner, inner } from './internal.js';
import { Module } from './module.js';
import { ModuleCache } from './module-cache.js';
import { emitWarnings, loadCode, openEngine } from './native.js';
import {
  badOption,
  checkOptions,
  flag,
  isRecord,
  MAX_INSTANCES,
  MAX_TABLE_ELEMENTS,
  oneOf,
  whole,
  words,
} from './options.js';
import { type ResourceSnapshot, ResourceTracker } from './resource-tracker.js';

/** Where compiled code is kept, and what makes a file there trusted. */
export interface CacheOptions {
  /**
   * The cache's directory; made where it is missing.
   * @default `$XDG_CACHE_HOME/riptide-wasm`, or `~/.cache/riptide-wasm`
   */
  directory?: string;
  /**
   * The file with the secret that artefacts are signed with (`trust: 'key'`).
   * @default a secret of this user, made on first use and kept outside the cache
   */
  keyFile?: string;
  /**
   * What makes an artefact trusted: `'key'`, a keyed MAC over its bytes; or `'owner'`, a directory that only this
   * user or root can write to.
   * @default 'key'
   */
  trust?: 'key' | 'owner';
}

/** Options of an {@link Engine}. Engines with equal options share one core in a process. */
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
   * Threads that run guests: 1 to 64. As many again, at a lower priority, run guests that compute for long.
   * @default the number of cores
   */
  workers?: number;
  /**
   * The most instances alive at once, over all pools: 1 to 4,096. Each takes address space, not memory.
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
   * Whether what guests execute is counted, so that `maxFuel` can limit it and `callWithStats` tell it. It makes guests
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
   * A start from the cache that takes longer than this counts as slow in `health()`; in milliseconds, 1 to 3,600,000.
   * @default 15
   */
  coldStartTargetMillis?: number;
}

/** The numbers of an {@link Engine} at one moment. */
export interface EngineStats {
  /** Threads that run guests; as many again run those that compute for long. */
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
  /** Milliseconds from asking for code to its first instance, the last time; 0 where there was none yet. */
  readonly coldStartMillis: number;
  /** Starts from the cache that took longer than `coldStartTargetMillis`. */
  readonly slowColdStarts: number;
}

/** How cold starts go. */
export interface ColdStartHealth {
  /** `coldStartTargetMillis`. */
  readonly targetMillis: number;
  /** The last cold start, in milliseconds; `undefined` where there was none yet. */
  readonly lastMillis: number | undefined;
  /** Starts from the cache that took longer than the target. */
  readonly slowStarts: number;
}

/** What an operator asks of an {@link Engine}. */
export interface EngineHealth {
  readonly coldStart: ColdStartHealth;
  readonly memory: ResourceSnapshot;
}

/** A WebAssembly file by its path or `file:` URL, or its bytes. */
export type CodeSource = string | URL | Uint8Array;

const COLD_START_TARGET_MILLIS = 15;

/** @internal */
export const ENGINE_RULES = {
  simd: flag,
  metrics: flag,
  workers: whole(1, 64, 'threads'),
  maxInstances: whole(1, MAX_INSTANCES, 'instances'),
  maxMemoryPages: whole(1, 65_536, 'pages'),
  maxTableElements: whole(1, MAX_TABLE_ELEMENTS, 'elements'),
  memoryBudgetBytes: whole(65_536, Number.MAX_SAFE_INTEGER, 'bytes'),
  fuel: flag,
  signalsBasedTraps: flag,
  cache: {
    allowed: 'true, false, or an object with directory, keyFile and trust',
    accepts: (value: unknown) => typeof value === 'boolean' || isRecord(value),
  },
  coldStartTargetMillis: whole(1, 3_600_000, 'milliseconds'),
};

const CACHE_RULES = { directory: words, keyFile: words, trust: oneOf('key', 'owner') };

/**
 * One Wasmtime engine: its worker threads, its cache of compiled code and its limits. Most processes need one. It needs
 * no closing: an engine without calls in flight keeps nothing alive.
 */
export class Engine {
  /** @internal */
  readonly [inner]: EngineInner;
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
    const cache = cacheOptions(options.cache ?? true);
    const resolved: BindingEngineOptions = {
      simd: options.simd ?? true,
      metrics: options.metrics ?? true,
      workers: options.workers ?? 0,
      maxInstances: options.maxInstances ?? 64,
      maxMemoryPages: options.maxMemoryPages ?? 4096,
      maxTableElements: options.maxTableElements ?? 100_000,
      fuel: options.fuel ?? false,
      signalsBasedTraps: options.signalsBasedTraps ?? true,
      coldStartTargetMillis: options.coldStartTargetMillis ?? COLD_START_TARGET_MILLIS,
    };
    if (options.memoryBudgetBytes !== undefined) resolved.memoryBudgetBytes = options.memoryBudgetBytes;
    if (cache !== undefined) resolved.cache = cache;
    const binding = openEngine(resolved);
    emitWarnings(binding);
    this[inner] = { binding, maxInstances: resolved.maxInstances };
    this.tracker = ResourceTracker.over(() => binding.tracker());
    this.cache = ModuleCache.over(cache?.directory, () => binding.stats);
    this.simd = resolved.simd;
    this.maxMemoryPages = resolved.maxMemoryPages;
    this.maxTableElements = resolved.maxTableElements;
    this.fuel = resolved.fuel;
    this.#coldStartTargetMillis = options.coldStartTargetMillis ?? COLD_START_TARGET_MILLIS;
  }

  /**
   * Loads a module or a component: which of the two, the file's header tells (`kind` of the result). Reading and
   * compiling happen off the event loop.
   *
   * @throws CompileError where the bytes are not WebAssembly, are cut short, or use SIMD on an engine without it.
   * @throws RiptideError `ERR_READ` where the file cannot be read.
   */
  async load(source: CodeSource): Promise<Module | Component> {
    const binding = await this.#load(source);
    return binding.kind === 'module' ? Module.over(binding, this) : Component.over(binding, this);
  }

  /** Loads a module; a component is `ERR_WRONG_KIND`. See {@link Engine.load}. */
  async loadModule(source: CodeSource): Promise<Module> {
    return Module.over(await this.#load(source, 'module'), this);
  }

  /** Loads a component; a module is `ERR_WRONG_KIND`. See {@link Engine.load}. */
  async loadComponent(source: CodeSource): Promise<Component> {
    return Component.over(await this.#load(source, 'component'), this);
  }

  /** A copy of the engine's numbers. */
  get stats(): EngineStats {
    const stats: BindingEngineStats = this[inner].binding.stats;
    return { ...stats };
  }

  /** How cold starts and memory are. */
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

  async #load(source: CodeSource, kind?: 'module' | 'component'): Promise<BindingCode> {
    const { binding } = this[inner];
    const code = await loadCode(binding, pathOrBytes(source), kind);
    emitWarnings(binding);
    return code;
  }
}

function pathOrBytes(source: CodeSource): string | Uint8Array {
  if (source instanceof Uint8Array) return source;
  if (typeof source === 'string' && source !== '' && !source.includes('\0')) return resolve(source);
  if (source instanceof URL && source.protocol === 'file:') return fileURLToPath(source);
  const expected = 'a path, a file: URL or a Uint8Array';
  throw makeError('ERR_BAD_ARGUMENT', { path: 'source', expected, received: describe(source) });
}

function cacheOptions(cache: boolean | CacheOptions): BindingEngineOptions['cache'] {
  if (cache === false) return undefined;
  const { directory, keyFile, trust = 'key' } = checkOptions(cache === true ? {} : cache, CACHE_RULES, 'cache.');
  if (trust === 'owner' && keyFile !== undefined)
    throw badOption('cache.keyFile', keyFile, "no key with trust 'owner'");
  const kept = directory === undefined ? defaultCacheDirectory() : resolve(directory);
  if (kept === undefined) return undefined;
  const resolved: BindingEngineOptions['cache'] = { directory: kept, trust };
  if (keyFile !== undefined) resolved.keyFile = resolve(keyFile);
  return resolved;
}

let warnedOfNoHome = false;

function defaultCacheDirectory(): string | undefined {
  const { XDG_CACHE_HOME: home } = process.env;
  // The XDG rules: a relative path counts as none.
  if (home?.startsWith('/')) return join(home, 'riptide-wasm');
  try {
    return join(homedir(), '.cache', 'riptide-wasm');
  } catch (error) {
    // A container's user may have no home. That costs compiling at each start, not the engine.
    if (!warnedOfNoHome) {
      const reason = error instanceof Error ? error.message : String(error);
      process.emitWarning(`no cache of compiled code: there is no home directory (${reason})`, 'RiptideWarning');
    }
    warnedOfNoHome = true;
    return undefined;
  }
}
