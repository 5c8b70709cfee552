import type { Code } from './code.js';
import { makeError } from './errors.js';
import { INSTANCE_RULES, type InstanceOptions, instanceOptions } from './instance-options.js';
import { inner } from './internal.js';
import {
  type BindingPool,
  type BindingSyncInstance,
  type BindingTracker,
  callPool,
  callSync,
  disposeSync,
  emitWarnings,
  openPool,
  openSyncInstance,
  releaseHostFunctions,
  settle,
  trackSync,
} from './native.js';
import { checkOptions } from './options.js';
import {
  type AnyExports,
  badCall,
  badCallOptions,
  type CallOptions,
  callable,
  checkCode,
  held,
  openHosted,
  type Promised,
} from './pool.js';
import { ResourceTracker } from './resource-tracker.js';

/** Gives up the host functions of instances that were dropped without being closed. */
const dropped = new FinalizationRegistry<readonly number[]>(releaseHostFunctions);

/**
 * One instance outside a pool, which keeps its state between calls. In `async` mode (`Instance.create`) its calls run
 * on the engine's workers; in `sync` mode (`Instance.createSync`) on the caller's thread, event loop included.
 *
 * A second call while one runs is `ERR_BUSY`. After a trap, a timeout, an abort or a memory limit every call is
 * `ERR_CLOSED`.
 */
export class Instance<E extends object = AnyExports> {
  /** `async`: `call`. `sync`: `callSync`. */
  readonly mode: 'async' | 'sync';
  /** The code it runs. */
  readonly code: Code;
  /** The instance's memory. */
  readonly tracker: ResourceTracker;
  readonly #pool: BindingPool | undefined;
  readonly #sync: BindingSyncInstance | undefined;
  readonly #hostFunctions: readonly number[];
  #exports: E | undefined;
  #closed = false;

  private constructor(code: Code, binding: BindingPool | BindingSyncInstance, ids: readonly number[]) {
    this.code = code;
    this.tracker = ResourceTracker.over('ready' in binding ? () => binding.tracker() : this.#syncTracker(binding));
    this.#hostFunctions = ids;
    if ('ready' in binding) {
      this.mode = 'async';
      this.#pool = binding;
    } else {
      this.mode = 'sync';
      this.#sync = binding;
    }
    dropped.register(this, ids, this);
    emitWarnings(code.engine[inner].binding);
  }

  /**
   * Makes an instance whose calls run on the engine's workers.
   *
   * @throws OptionError, LinkError, and whatever its start function fails with
   */
  static async create<E extends object = AnyExports>(
    code: Code,
    options: InstanceOptions = {},
  ): Promise<Instance<Promised<E>>> {
    checkCode(code);
    checkOptions(options, INSTANCE_RULES);
    const resolved = { min: 1, max: 1, reuse: true, exclusive: true, ...instanceOptions(code, options) };
    const { binding, ids } = openHosted(code, options.imports, false, (imports) =>
      openPool(code.engine[inner].binding, code[inner].binding, { ...resolved, imports }),
    );
    try {
      await settle(() => binding.ready());
    } catch (error) {
      await settle(() => binding.destroy());
      releaseHostFunctions(ids);
      throw error;
    }
    return new Instance<Promised<E>>(code, binding, ids);
  }

  /**
   * Makes an instance whose calls run on the calling thread: quick to call, and nothing else runs meanwhile. Its calls
   * take no `AbortSignal`; `timeoutMillis` ends a loop all the same. Its host functions must not be async.
   *
   * @throws OptionError, LinkError, and whatever its start function fails with
   */
  static createSync<E extends object = AnyExports>(code: Code, options: InstanceOptions = {}): Instance<E> {
    checkCode(code);
    checkOptions(options, INSTANCE_RULES);
    const resolved = instanceOptions(code, options);
    const { binding, ids } = openHosted(code, options.imports, true, (imports) =>
      openSyncInstance(code.engine[inner].binding, code[inner].binding, { ...resolved, imports }),
    );
    return new Instance<E>(code, binding, ids);
  }

  /** The exported functions: in async mode each returns a promise, in sync mode its result. */
  get exports(): E {
    // The functions keep the instance, and with it the host functions that it needs.
    this.#exports ??= callable(this.code, (name, args) =>
      this.mode === 'async' ? this.call(name, args) : this.callSync(name, args),
    ) as E;
    return this.#exports;
  }

  /** Calls an exported function on the engine's workers; as {@link Pool.call}. Async mode only. */
  call<R = unknown>(name: string, args: readonly unknown[] = [], options?: CallOptions): Promise<R> {
    if (typeof name !== 'string' || !Array.isArray(args)) return Promise.reject(badCall(name, args));
    const bad = options && badCallOptions(options);
    if (bad !== undefined) return Promise.reject(bad);
    if (this.#pool === undefined) return Promise.reject(wrongMode('call()', 'sync', 'callSync()'));
    const ended = callPool(this.#pool, name, args, options?.timeoutMillis, options?.signal) as Promise<R>;
    return this.#hostFunctions.length === 0 ? ended : held(this, ended);
  }

  /** Calls an exported function on this thread and returns its result. Sync mode only. */
  callSync<R = unknown>(name: string, args: readonly unknown[] = []): R {
    if (typeof name !== 'string' || !Array.isArray(args)) throw badCall(name, args);
    if (this.#sync === undefined) throw wrongMode('callSync()', 'async', 'call()');
    return callSync(this.#sync, name, args) as R;
  }

  /** Ends the instance after the call it is in, and gives back its memory. May be called again. */
  async close(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) return this[Symbol.dispose]();
    await settle(() => pool.close());
    this.#release();
  }

  /** Ends the instance at once, with the call it is in (`ERR_ABORTED`). May be called again. */
  async destroy(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) return this[Symbol.dispose]();
    await settle(() => pool.destroy());
    this.#release();
  }

  /** Ends a sync instance. An async one is closed in the background: await `close()` instead. */
  [Symbol.dispose](): void {
    if (this.#sync === undefined) {
      void this.close();
    } else if (!this.#closed) {
      disposeSync(this.#sync);
      this.#release();
    }
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A sync instance gives no numbers in the middle of a call or after its end: the last ones hold then. */
  #syncTracker(binding: BindingSyncInstance): () => BindingTracker {
    let last = binding.tracker();
    return () => {
      last = this.#closed ? { ...last, currentBytes: 0, currentPages: 0 } : (trackSync(binding) ?? last);
      return last;
    };
  }

  #release(): void {
    this.#closed = true;
    dropped.unregister(this);
    releaseHostFunctions(this.#hostFunctions);
  }
}

function wrongMode(method: string, mode: string, instead: string): Error {
  return makeError(
    'ERR_UNSUPPORTED',
    { feature: method },
    { message: `${method} is not for an instance in ${mode} mode: use ${instead}` },
  );
}
