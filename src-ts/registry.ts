// State that all copies of this package in a thread share, as they share the addon. There may be several: a bundle for
// each entry, or a test runner that loads the package anew for each file. The last one gets the addon's calls for all.

import { addon } from './addon.js';
import type { Engine } from './engine.js';
import type { RegisteredFunction } from './host-functions.js';
import type { Pool } from './pool.js';
import type { SharedTier } from './shared-cache.js';

/** Values by numbers, each of which is used once. @internal */
export class Numbered<T> extends Map<number, T> {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** How often errors of one code were made, and when the last one was. @internal */
export interface ErrorCount {
  count: number;
  /** Milliseconds since 1970. */
  last: number;
}

interface Registry {
  readonly functions: Numbered<RegisteredFunction>;
  /** Errors thrown by host functions, until the failure of their call, which has the number, becomes an error. */
  readonly errors: Numbered<unknown>;
  /** Handlers of a pool's events. */
  readonly listeners: Numbered<(kind: string, detail: string) => void>;
  /** Shared tiers of live engines. */
  readonly sharedTiers: Numbered<SharedTier>;
  /** Engines that are alive. */
  readonly engines: Numbered<WeakRef<Engine>>;
  /** Open pools, under the numbers of their handlers. */
  readonly pools: Map<number, WeakRef<Pool>>;
  /** Errors of native calls by code. */
  readonly errorCounts: Map<string, ErrorCount>;
  /** Publishers of the status that are open: each has a field of its own. */
  readonly publishers: Set<number>;
}

const KEY = Symbol.for('riptide-wasm.registry');
const holder: { [KEY]?: Registry } = addon as object;
holder[KEY] ??= {
  functions: new Numbered(),
  errors: new Numbered(),
  listeners: new Numbered(),
  sharedTiers: new Numbered(),
  engines: new Numbered(),
  pools: new Map(),
  errorCounts: new Map(),
  publishers: new Set(),
};

/** @internal */
export const registry: Registry = holder[KEY];
