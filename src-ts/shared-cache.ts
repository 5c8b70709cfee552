import { types } from 'node:util';
import type { BindingCode, BindingEngine, BindingMissing } from './binding.js';
import { mostBytes, type SharedCache } from './cache-options.js';
import { findCode, loadMissing } from './native.js';

/** How long a load waits for `get`: after that, compiling is likely to be faster. */
const GET_MILLIS = 2000;

/** No load waits for `put`; one that does not settle in this time counts as failed. */
const PUT_MILLIS = 30_000;

/** How long no load asks the cache after a failure: each would wait for it. */
const REST_MILLIS = 10_000;

/** Loads with a shared cache behind memory and disk. Concurrent loads of one guest share one `get`. @internal */
export class SharedTier {
  readonly #binding: BindingEngine;
  readonly #cache: SharedCache;
  readonly #loading = new Map<string, Promise<BindingCode>>();
  readonly #putting = new Set<Promise<void>>();
  #failures = 0;
  #restsUntil = 0;

  constructor(binding: BindingEngine, cache: SharedCache) {
    this.#binding = binding;
    this.#cache = cache;
  }

  /** How often `get` or `put` failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves when every `put` has settled. */
  async idle(): Promise<void> {
    await Promise.all(this.#putting);
  }

  async load(source: string | Uint8Array, kind?: 'module' | 'component'): Promise<BindingCode> {
    const began = performance.now();
    const found = await findCode(this.#binding, source, kind);
    if (!('name' in found)) return found;
    const { name } = found;
    const before = this.#loading.get(name);
    if (before !== undefined) {
      await before;
      return loadMissing(found);
    }
    const loading = this.#ask(found, began);
    this.#loading.set(name, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(name);
    }
  }

  async #ask(missing: BindingMissing, began: number): Promise<BindingCode> {
    const { name } = missing;
    const sealed = await this.#get(name);
    const code = await loadMissing(missing, { spentMillis: performance.now() - began, sealed });
    const made = code.takeSealed();
    if (made !== null) {
      const putting = this.#put(name, made).finally(() => this.#putting.delete(putting));
      this.#putting.add(putting);
    }
    return code;
  }

  async #get(name: string): Promise<Uint8Array | undefined> {
    if (performance.now() < this.#restsUntil) return undefined;
    try {
      const sealed = (await withTimeout(GET_MILLIS, this.#cache.get(name), true)) ?? undefined;
      if (sealed === undefined) return undefined;
      if (!types.isUint8Array(sealed)) throw new TypeError('get() gave neither a Uint8Array nor undefined');
      // Checked before the addon copies it: a writer to the shared cache must not fill this process's memory.
      if (sealed.byteLength > mostBytes(name)) throw new RangeError(`${sealed.byteLength} bytes are no artefact`);
      return sealed;
    } catch (error) {
      this.#failed('read', error);
      return undefined;
    }
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    if (performance.now() < this.#restsUntil) return;
    try {
      await withTimeout(PUT_MILLIS, this.#cache.put(name, bytes), false);
    } catch (error) {
      this.#failed('written', error);
    }
  }

  #failed(what: string, error: unknown): void {
    this.#restsUntil = performance.now() + REST_MILLIS;
    if (this.#failures++ > 0) return;
    const warning = `the shared cache of compiled code could not be ${what}: ${reasonOf(error)}`;
    process.emitWarning(warning, 'RiptideWarning');
  }
}

/** The message of a thrown value; the user's cache may throw anything. */
function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'it threw something that has no text';
  }
}

/** Rejects when `work` takes too long. A timer of a `put`, which no load waits for, does not keep the process alive. */
async function withTimeout<T>(millis: number, work: Promise<T>, keepAlive: boolean): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${millis} ms`)), millis);
    if (!keepAlive) timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
