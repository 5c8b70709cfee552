import type { BindingTracker } from './binding.js';

/** The numbers of a {@link ResourceTracker} at one moment. */
export interface ResourceSnapshot {
  /** Linear memory held now, in bytes, over all memories of all live instances. */
  readonly currentBytes: number;
  /** Linear memory held now, in pages of 64 KiB. */
  readonly currentPages: number;
  /** The highest `currentPages` has been, in pages. */
  readonly peakPages: number;
  /** The most pages there may be: an instance's limit; over a pool or an engine, that of all its instances together. */
  readonly maxPages: number;
  /** Growths of memory that were refused by a limit, or failed by the system. */
  readonly growFailures: number;
  /** Those of them that the engine's `memoryBudgetBytes` refused. */
  readonly budgetRefusals: number;
  /** Growths asked for, refused ones included. */
  readonly growRequests: number;
  /** Whether the engine takes SIMD code. */
  readonly simdEnabled: boolean;
  /** Whether the engine keeps compiled code. */
  readonly aotCacheEnabled: boolean;
}

/**
 * A live view of the memory an instance, a pool or an engine holds. Each getter reads the present number, without
 * a lock; use `snapshot()` for several that belong to one moment.
 */
export class ResourceTracker implements ResourceSnapshot {
  readonly #read: () => BindingTracker;

  private constructor(read: () => BindingTracker) {
    this.#read = read;
  }

  /** @internal */
  static wrap(read: () => BindingTracker): ResourceTracker {
    return new ResourceTracker(read);
  }

  /** Linear memory held now, in bytes. */
  get currentBytes(): number {
    return this.#read().currentBytes;
  }

  /** Linear memory held now, in pages of 64 KiB. */
  get currentPages(): number {
    return this.#read().currentPages;
  }

  /** The highest `currentPages` has been, in pages. */
  get peakPages(): number {
    return this.#read().peakPages;
  }

  /** The most pages there may be; see {@link ResourceSnapshot.maxPages}. */
  get maxPages(): number {
    return this.#read().maxPages;
  }

  /** Growths of memory that a limit refused, or that the system failed. */
  get growFailures(): number {
    return this.#read().growFailures;
  }

  /** Growths that the engine's `memoryBudgetBytes` refused. */
  get budgetRefusals(): number {
    return this.#read().budgetRefusals;
  }

  /** Growths asked for, refused ones included. */
  get growRequests(): number {
    return this.#read().growRequests;
  }

  /** Whether the engine takes SIMD code. */
  get simdEnabled(): boolean {
    return this.#read().simdEnabled;
  }

  /** Whether the engine keeps compiled code. */
  get aotCacheEnabled(): boolean {
    return this.#read().aotCacheEnabled;
  }

  /** All numbers, read at once. */
  snapshot(): ResourceSnapshot {
    return { ...this.#read() };
  }

  /** `snapshot()`, so that logging a tracker shows its numbers. */
  toJSON(): ResourceSnapshot {
    return this.snapshot();
  }
}
