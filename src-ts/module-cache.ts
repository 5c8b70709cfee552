import type { BindingCacheEntry, BindingCacheLimits, BindingEngine } from './binding.js';
import { type CacheLimits, type ResolvedCache, resolveLimits } from './cache-options.js';
import { type Histogram, histogram } from './histogram.js';
import { emitWarnings, settle } from './native.js';
import type { SharedTier } from './shared-cache.js';

/**
 * Why an artefact was not used: the `directory` cannot be opened or trusted; the file is `unreadable` (a link, a pipe);
 * under owner trust it is `untrusted` (its owner, its mode, a second name); it is `malformed` (cut short, another format);
 * its seal is `forged` (other bytes, another key, another guest's artefact); or it is genuine, and `incompatible`.
 */
export type CacheRejection = 'directory' | 'unreadable' | 'untrusted' | 'malformed' | 'forged' | 'incompatible';

/** The numbers of a {@link ModuleCache} at one moment. */
export interface ModuleCacheSnapshot {
  /** Whether compiled code is kept. */
  readonly enabled: boolean;
  /** Where compiled code is kept; `undefined` where the cache is off. */
  readonly directory: string | undefined;
  /** Loads answered without compiling, from any tier. */
  readonly hits: number;
  /** Loads that compiled. */
  readonly misses: number;
  /** Hits of the memory tier. */
  readonly memoryHits: number;
  /** Hits of the disk tier. */
  readonly diskHits: number;
  /** Hits of the shared tier. */
  readonly sharedHits: number;
  /** Artefacts that were not used, by reason. Each cost a compile, and nothing else. */
  readonly rejected: Readonly<Record<CacheRejection, number>>;
  /** Artefacts that could not be written to the disk. */
  readonly writeFailures: number;
  /** How often the shared tier could not be read or written. */
  readonly sharedFailures: number;
  /** Artefacts removed from the disk by this engine. */
  readonly evictions: number;
  /** Artefacts with a time in the future: a clock ran backwards. */
  readonly clockSkews: number;
  /** Artefacts on the disk, of all engines, when they were last counted: after the first load, and each that compiled. */
  readonly entries: number;
  /** Bytes of those artefacts. */
  readonly bytes: number;
  /** How long loading from the disk or the shared tier took. */
  readonly load: Histogram;
}

/** An artefact on the disk. */
export interface CacheEntry {
  /** BLAKE3 of the WebAssembly, in hexadecimal. */
  readonly moduleHash: string;
  /** Bytes of the WebAssembly. */
  readonly moduleBytes: number;
  /** Bytes of the artefact. */
  readonly bytes: number;
  /** When it was last used, give or take an hour. */
  readonly used: Date;
  /** Its folder: Wasmtime's version, the processor and the settings it is for, as 64 hexadecimal digits. */
  readonly compat: string;
  /** Whether this engine would use it. */
  readonly current: boolean;
}

/** A verified artefact on the disk. */
export interface VerifiedCacheEntry extends CacheEntry {
  /** Why it would not be used; `undefined` where it is genuine. */
  readonly rejection: CacheRejection | undefined;
}

/** The artefacts that were removed from the disk. */
export interface RemovedFromCache {
  /** Artefacts. */
  readonly entries: number;
  /** Bytes of those artefacts. */
  readonly bytes: number;
}

/** A live view of an engine's cache of compiled code. With the cache off, all counts stay 0. */
export class ModuleCache {
  /** Whether compiled code is kept. */
  readonly enabled: boolean;
  /** Where compiled code is kept; `undefined` where the cache is off. */
  readonly directory: string | undefined;
  readonly #binding: BindingEngine;
  readonly #shared: SharedTier | undefined;
  readonly #limits: BindingCacheLimits | undefined;

  private constructor(binding: BindingEngine, cache: ResolvedCache | undefined, shared: SharedTier | undefined) {
    this.enabled = cache !== undefined;
    this.directory = cache?.binding.directory;
    this.#binding = binding;
    this.#limits = cache?.binding.limits;
    this.#shared = shared;
  }

  /** @internal */
  static wrap(binding: BindingEngine, cache: ResolvedCache | undefined, shared: SharedTier | undefined): ModuleCache {
    return new ModuleCache(binding, cache, shared);
  }

  /** @internal */
  static shared(cache: ModuleCache): SharedTier | undefined {
    return cache.#shared;
  }

  /** Loads answered without compiling, from any tier. */
  get hits(): number {
    return this.#binding.stats.cacheHits;
  }

  /** Loads that compiled. */
  get misses(): number {
    return this.#binding.stats.cacheMisses;
  }

  /** Hits of the memory tier. */
  get memoryHits(): number {
    return this.#binding.stats.memoryHits;
  }

  /** Hits of the disk tier. */
  get diskHits(): number {
    return this.#binding.stats.diskHits;
  }

  /** Hits of the shared tier. */
  get sharedHits(): number {
    return this.#binding.stats.sharedHits;
  }

  /** All numbers, read at once. */
  snapshot(): ModuleCacheSnapshot {
    const { enabled, directory } = this;
    const { stats } = this.#binding;
    return {
      enabled,
      directory,
      hits: stats.cacheHits,
      misses: stats.cacheMisses,
      memoryHits: stats.memoryHits,
      diskHits: stats.diskHits,
      sharedHits: stats.sharedHits,
      rejected: {
        directory: stats.rejected.directory ?? 0,
        unreadable: stats.rejected.unreadable ?? 0,
        untrusted: stats.rejected.untrusted ?? 0,
        malformed: stats.rejected.malformed ?? 0,
        forged: stats.rejected.forged ?? 0,
        incompatible: stats.rejected.incompatible ?? 0,
      },
      writeFailures: stats.writeFailures,
      sharedFailures: this.#shared?.failures ?? 0,
      evictions: stats.evictions,
      clockSkews: stats.clockSkews,
      entries: stats.cacheEntries,
      bytes: stats.cacheBytes,
      load: histogram(stats.cacheLoad),
    };
  }

  /**
   * The artefacts on the disk, of all engines and versions that share the directory, the most recently used first.
   *
   * @throws RiptideError `ERR_READ` if the directory cannot be read or trusted.
   */
  async entries(): Promise<CacheEntry[]> {
    const entries = await this.#maintain(() => this.#binding.cacheEntries(false));
    return entries.map(toEntry).sort(latestFirst);
  }

  /** Reads every artefact on the disk, and says of each whether it is genuine. See {@link ModuleCache.entries}. */
  async verify(): Promise<VerifiedCacheEntry[]> {
    const entries = await this.#maintain(() => this.#binding.cacheEntries(true));
    return entries
      .map((entry) => ({ ...toEntry(entry), rejection: (entry.rejection ?? undefined) as CacheRejection | undefined }))
      .sort(latestFirst);
  }

  /**
   * Removes artefacts of any engine from the disk until it is within these limits, the least recently used first. Code
   * that is running stays in memory. A limit that is not given is the engine's own, which the engine also applies by itself
   * after each load that compiled.
   *
   * @throws OptionError `ERR_BAD_OPTION` for an unknown limit or a value out of range.
   * @throws RiptideError `ERR_READ` if the directory cannot be changed.
   */
  async prune(limits: CacheLimits = {}): Promise<RemovedFromCache> {
    const resolved = resolveLimits(limits, this.#limits);
    return this.#maintain(() => this.#binding.pruneCache(resolved));
  }

  /** Removes all artefacts from the disk. Code that this process has in memory stays there. */
  async clear(): Promise<RemovedFromCache> {
    return this.#maintain(() => this.#binding.pruneCache());
  }

  /** `snapshot()`, so that logging a cache shows its numbers. */
  toJSON(): ModuleCacheSnapshot {
    return this.snapshot();
  }

  async #maintain<T>(work: () => Promise<T>): Promise<T> {
    const outcome = await settle(work);
    emitWarnings(this.#binding);
    return outcome;
  }
}

/** The last moment that a `Date` can hold. */
const LATEST_MILLIS = 8.64e15;

function toEntry({ name, bytes, used, compat, current }: BindingCacheEntry): CacheEntry {
  const [moduleHash = '', moduleBytes] = name.split('_');
  return {
    moduleHash,
    moduleBytes: Number(moduleBytes),
    bytes,
    used: new Date(Math.min(used, LATEST_MILLIS)),
    compat,
    current,
  };
}

function latestFirst(one: CacheEntry, other: CacheEntry): number {
  return other.used.getTime() - one.used.getTime();
}
