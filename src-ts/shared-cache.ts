import { types } from 'node:util';
import { mostBytes, type SharedCache } from './cache-options.js';
import { reasonOf } from './errors.js';
import { registry } from './registry.js';

/** How long a load waits for `get`: after that, compiling is likely to be faster. */
const GET_MILLIS = 2000;

/** No load waits for `put`; one that does not settle in this time counts as failed. */
const PUT_MILLIS = 30_000;

/** How long no load asks the cache after a failure: each would wait for it. */
const REST_MILLIS = 10_000;

/** Numbers of tiers whose engine is gone. */
const collected = new FinalizationRegistry<number>((id) => registry.sharedTiers.delete(id));

/** The shared cache of an engine, as the addon asks it: nothing it does fails a load. @internal */
export class SharedTier {
  readonly #cache: SharedCache;
  readonly #putting = new Set<Promise<void>>();
  #failures = 0;
  #restsUntil = 0;

  /** The number under which the addon asks it, as long as `engine` lives. */
  readonly id = registry.sharedTiers.next();

  constructor(cache: SharedCache, engine: object) {
    this.#cache = cache;
    registry.sharedTiers.set(this.id, this);
    collected.register(engine, this.id);
  }

  /** How often `get` or `put` failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves when every `put` has settled. */
  async idle(): Promise<void> {
    await Promise.all(this.#putting);
  }

  /** Gives the artefact of this name, or nothing if there is none or the cache fails. Never rejects. */
  async get(name: string, give: (sealed?: Uint8Array) => void): Promise<void> {
    if (performance.now() < this.#restsUntil) return give();
    try {
      const sealed = (await withTimeout(GET_MILLIS, this.#cache.get(name), true)) ?? undefined;
      if (sealed === undefined) return give();
      if (!types.isUint8Array(sealed)) throw new TypeError('get() gave neither a Uint8Array nor undefined');
      // Checked before the addon copies it: a writer to the shared cache must not fill this process's memory.
      if (sealed.byteLength > mostBytes(name)) throw new RangeError(`${sealed.byteLength} bytes are no artefact`);
      give(sealed);
    } catch (error) {
      this.#failed('read', error);
      give();
    }
  }

  /** Keeps an artefact. */
  put(name: string, bytes: Uint8Array): void {
    const putting = this.#put(name, bytes).finally(() => this.#putting.delete(putting));
    this.#putting.add(putting);
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
