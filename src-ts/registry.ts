// State that all copies of this package in a thread share, as they share the addon. There may be several: a bundle for
// each entry, or a test runner that loads the package anew for each file. The last one gets the addon's calls for all.

import { addon } from './addon.js';
import type { RegisteredFunction } from './host-functions.js';
import type { SharedTier } from './shared-cache.js';

/** Values by numbers, each of which is used once. @internal */
export class Numbered<T> extends Map<number, T> {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

interface Registry {
  readonly functions: Numbered<RegisteredFunction>;
  /** Errors thrown by host functions, until the failure of their call, which has the number, becomes an error. */
  readonly errors: Numbered<unknown>;
  /** Handlers of a pool's events. */
  readonly listeners: Numbered<(kind: string, detail: string) => void>;
  /** Shared tiers of live engines. */
  readonly sharedTiers: Numbered<SharedTier>;
}

const KEY = Symbol.for('riptide-wasm.registry');
const holder: { [KEY]?: Registry } = addon as object;
holder[KEY] ??= {
  functions: new Numbered(),
  errors: new Numbered(),
  listeners: new Numbered(),
  sharedTiers: new Numbered(),
};

/** @internal */
export const registry: Registry = holder[KEY];
