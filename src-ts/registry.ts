// What every copy of this package in a thread shares, because they share the addon. There may be several: a bundle for
// each entry, or a test runner that loads the package anew for each file. The last one answers the addon for all.

import { addon } from './addon.js';
import type { RegisteredFunction } from './host-functions.js';

/** Things by numbers, none of which is given twice. @internal */
export class Numbered<T> extends Map<number, T> {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

interface Registry {
  readonly functions: Numbered<RegisteredFunction>;
  /** What host functions threw, until the failed call that carries the number is read. */
  readonly errors: Numbered<unknown>;
  /** What hears a pool's events. */
  readonly listeners: Numbered<(kind: string, detail: string) => void>;
}

const KEY = Symbol.for('riptide-wasm.registry');
const holder: { [KEY]?: Registry } = addon as object;
holder[KEY] ??= { functions: new Numbered(), errors: new Numbered(), listeners: new Numbered() };

/** @internal */
export const registry: Registry = holder[KEY];
