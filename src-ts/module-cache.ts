import type { BindingEngineStats } from './binding.js';

/** The numbers of a {@link ModuleCache} at one moment. */
export interface ModuleCacheSnapshot {
  /** Whether compiled code is kept. */
  readonly enabled: boolean;
  /** Where compiled code is kept; `undefined` where the cache is off. */
  readonly directory: string | undefined;
  /** Loads answered without compiling, from either tier. */
  readonly hits: number;
  /** Loads that compiled. */
  readonly misses: number;
  /** Hits of the memory tier. */
  readonly memoryHits: number;
  /** Hits of the disk tier. */
  readonly diskHits: number;
}

/** A live view of an engine's cache of compiled code. With the cache off, all counts stay 0. */
export class ModuleCache implements ModuleCacheSnapshot {
  /** Whether compiled code is kept. */
  readonly enabled: boolean;
  /** Where compiled code is kept; `undefined` where the cache is off. */
  readonly directory: string | undefined;
  readonly #read: () => BindingEngineStats;

  private constructor(directory: string | undefined, read: () => BindingEngineStats) {
    this.enabled = directory !== undefined;
    this.directory = directory;
    this.#read = read;
  }

  /** @internal */
  static over(directory: string | undefined, read: () => BindingEngineStats): ModuleCache {
    return new ModuleCache(directory, read);
  }

  get hits(): number {
    return this.#read().cacheHits;
  }

  get misses(): number {
    return this.#read().cacheMisses;
  }

  get memoryHits(): number {
    return this.#read().memoryHits;
  }

  get diskHits(): number {
    return this.#read().diskHits;
  }

  /** All numbers, read at once. */
  snapshot(): ModuleCacheSnapshot {
    const { cacheHits, cacheMisses, memoryHits, diskHits } = this.#read();
    const { enabled, directory } = this;
    return { enabled, directory, hits: cacheHits, misses: cacheMisses, memoryHits, diskHits };
  }

  /** So that logging a cache shows its numbers. */
  toJSON(): ModuleCacheSnapshot {
    return this.snapshot();
  }
}
