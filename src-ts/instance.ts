import type { BindingCheckout, BindingPool, BindingSyncInstance, BindingTracker } from './binding.js';
import { NESTED } from './binding.js';
import {
  type AnyExports,
  badCall,
  Caller,
  type CallOptions,
  callable,
  callOptions,
  type MeasuredCall,
  type Promised,
  submit,
  type Target,
} from './caller.js';
import { type Code, checkCode } from './code.js';
import { isInsidePool } from './context.js';
import { makeError } from './errors.js';
import { releaseHostFunctions } from './host-functions.js';
import {
  INSTANCE_RULES,
  type InstanceOptions,
  instanceOptions,
  matchImports,
  openWithHostFunctions,
} from './instance-options.js';
import { inner } from './internal.js';
import { attempt, emitWarnings, openPool, openSyncInstance, promised, settle, toError, trackSync } from './native.js';
import { checkOptions } from './options.js';
import { ResourceTracker } from './resource-tracker.js';

/** Releases the host functions of async instances that were collected without being closed. */
const collected = new FinalizationRegistry<readonly number[]>(releaseHostFunctions);

/** What an `Instance` calls: an instance of its own or of a pool, on workers, or one on the caller's thread. */
interface Backend {
  readonly code: Code;
  readonly read: () => BindingTracker;
  /** Async mode only. */
  readonly caller?: Caller;
  /** Sync mode only: a bound function of a name. */
  readonly bind?: (name: string) => (...args: unknown[]) => unknown;
  readonly close: () => Promise<void> | undefined;
  readonly destroy: () => Promise<void> | undefined;
}

/**
 * One instance that keeps its state between calls. In `async` mode (`Instance.create`, and what `pool.use` passes) its
 * calls run on the engine's workers; in `sync` mode (`Instance.createSync`) on the caller's thread, event loop included.
 *
 * A second call while one runs is `ERR_BUSY`. After a trap, a timeout, an abort, a memory limit or an exit every call is
 * `ERR_CLOSED`.
 */
export class Instance<E extends object = AnyExports> {
  /** `async`: `call`. `sync`: `callSync`. */
  readonly mode: 'async' | 'sync';
  /** The code it runs. */
  readonly code: Code;
  /** The instance's memory. */
  readonly tracker: ResourceTracker;
  readonly #backend: Backend;
  readonly #bound = new Map<string, (...args: unknown[]) => unknown>();
  #exports: E | undefined;

  private constructor(backend: Backend) {
    this.mode = backend.caller === undefined ? 'sync' : 'async';
    this.code = backend.code;
    this.tracker = ResourceTracker.wrap(backend.read);
    this.#backend = backend;
  }

  /**
   * Makes an instance whose calls run on the engine's workers.
   *
   * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range.
   * @throws LinkError `ERR_LINK` if an import of the code is not provided, or with another type.
   * @throws RiptideError the failure of its start function, or of a reactor's `_initialize`.
   */
  static async create<E extends object = AnyExports>(
    code: Code,
    given: InstanceOptions = {},
  ): Promise<Instance<Promised<E>>> {
    checkCode(code);
    const options = checkOptions(given, INSTANCE_RULES);
    const guest = instanceOptions(code, options);
    // A pool of its own, whose only instance stays checked out.
    const { binding, ids } = openWithHostFunctions(code, options.imports, (imports) =>
      openPool(code[inner].binding, {
        id: 0,
        context: 0,
        min: 0,
        max: 1,
        reuse: true,
        ...guest,
        imports,
      }),
    );
    const target = targetOf(binding, ids.length > 0);
    const release = (instance: object) => {
      collected.unregister(instance);
      releaseHostFunctions(ids);
    };
    try {
      const { timeoutMillis } = options;
      const checkout = await acquire(binding, target, timeoutMillis === undefined ? undefined : { timeoutMillis });
      emitWarnings(code.engine[inner].binding);
      const instance: Instance<Promised<E>> = new Instance<Promised<E>>({
        code,
        read: () => binding.tracker(),
        caller: new Caller(target, checkout.caller()),
        close: async () => {
          checkout.release(false);
          await settle(() => binding.close());
          release(instance);
        },
        destroy: async () => {
          await settle(() => binding.destroy());
          release(instance);
        },
      });
      target.owner = instance;
      collected.register(instance, ids, instance);
      return instance;
    } catch (error) {
      await settle(() => binding.destroy());
      releaseHostFunctions(ids);
      throw error;
    }
  }

  /**
   * Checks an instance out of a pool; `end` returns it to the pool, or discards it.
   * @internal
   */
  static async checkOut<E extends object>(
    code: Code,
    pool: BindingPool,
    target: Target,
    options: CallOptions | undefined,
  ): Promise<{ instance: Instance<E>; end: (discard: boolean) => void }> {
    const checkout = await acquire(pool, target, callOptions(options));
    const end = (discard: boolean) => checkout.release(discard);
    const instance = new Instance<E>({
      code,
      read: () => checkout.tracker(),
      caller: new Caller(target, checkout.caller()),
      close: async () => end(false),
      destroy: async () => end(true),
    });
    return { instance, end };
  }

  /**
   * Makes an instance whose calls run on the calling thread: quick to call, and nothing else runs meanwhile. Its calls
   * take no `AbortSignal`; `timeoutMillis` ends a loop all the same. Its host functions must not be async.
   *
   * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range.
   * @throws LinkError `ERR_LINK` if an import of the code is not provided, or with another type.
   * @throws RiptideError the failure of its start function, or of a reactor's `_initialize`.
   */
  static createSync<E extends object = AnyExports>(code: Code, given: InstanceOptions = {}): Instance<E> {
    checkCode(code);
    const options = checkOptions(given, INSTANCE_RULES);
    const guest = instanceOptions(code, options);
    const { places, functions } = matchImports(code, options.imports, true);
    const imports = Uint32Array.from(places);
    const engine = code.engine[inner].binding;
    const binding = openSyncInstance(code[inner].binding, { ...guest, imports }, functions);
    let closed = false;
    const close = (): undefined => {
      if (closed) return;
      attempt(() => binding.dispose());
      closed = true;
    };
    const instance: Instance<E> = new Instance<E>({
      code,
      read: syncTracker(binding, () => closed),
      bind: (name) => attempt(() => binding.bind(name)),
      close,
      destroy: close,
    });
    emitWarnings(engine);
    return instance;
  }

  /** The exported functions: in async mode each returns a promise, in sync mode its result. */
  get exports(): E {
    // The functions keep the instance, and with it the host functions that it needs.
    this.#exports ??= callable(this.code, (name) => {
      if (this.mode === 'async') return (...args) => this.call(name, args);
      let bound: ((...args: unknown[]) => unknown) | undefined;
      return (...args) => {
        bound ??= this.#bind(name);
        try {
          return bound(...args);
        } catch (failure) {
          throw toError(failure);
        }
      };
    }) as E;
    return this.#exports;
  }

  /** Calls an exported function on the engine's workers; as `pool.call`. Async mode only. */
  call<R = unknown>(name: string, args: readonly unknown[] = [], options?: CallOptions): Promise<R> {
    const { caller } = this.#backend;
    if (caller === undefined) return Promise.reject(badCall(name, args) ?? wrongMode('call()', 'sync', 'callSync()'));
    return caller.call(name, args, options) as Promise<R>;
  }

  /** Calls an exported function and returns its stats too; as `pool.callWithStats`. Async mode only. */
  callWithStats<R = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<MeasuredCall<R>> {
    const { caller } = this.#backend;
    if (caller === undefined) return Promise.reject(wrongMode('callWithStats()', 'sync', 'callSync()'));
    return caller.callWithStats(name, args, options) as Promise<MeasuredCall<R>>;
  }

  /** Calls an exported function on this thread and returns its result. Sync mode only. */
  callSync<R = unknown>(name: string, args: readonly unknown[] = []): R {
    const bad = badCall(name, args);
    if (bad !== undefined) throw bad;
    const bound = this.#bind(name);
    try {
      return bound(...args) as R;
    } catch (failure) {
      throw toError(failure);
    }
  }

  /** Ends the instance after the call it is in, and gives back its memory. May be called again. */
  async close(): Promise<void> {
    await this.#backend.close();
  }

  /** Ends the instance at once, with the call it is in (`ERR_ABORTED`). May be called again. */
  async destroy(): Promise<void> {
    await this.#backend.destroy();
  }

  /** Ends a sync instance. An async one is closed in the background: await `close()` instead. */
  [Symbol.dispose](): void {
    void this.#backend.close();
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #bind(name: string): (...args: unknown[]) => unknown {
    const known = this.#bound.get(name);
    if (known !== undefined) return known;
    const { bind } = this.#backend;
    if (bind === undefined) throw wrongMode('callSync()', 'async', 'call()');
    const bound = bind(name);
    this.#bound.set(name, bound);
    return bound;
  }
}

/** The target of calls to an instance that has a pool of its own. */
function targetOf(binding: BindingPool, hasHostFunctions: boolean): Target & { owner: object } {
  return {
    owner: binding,
    pool: {},
    hasHostFunctions,
    find: (name) => binding.find(name),
    abort: (context) => binding.abort(context),
  };
}

/** Waits for an instance of a pool. */
async function acquire(pool: BindingPool, target: Target, options: CallOptions | undefined): Promise<BindingCheckout> {
  const checkout = pool.checkout();
  const flags = isInsidePool(target.pool) ? NESTED : 0;
  await submit(target, options, (context) => promised(checkout.begin(options?.timeoutMillis, context, flags)));
  return checkout;
}

/** The last numbers of a sync instance: it gives no new ones during a call or after its end. */
function syncTracker(binding: BindingSyncInstance, isClosed: () => boolean): () => BindingTracker {
  let last = binding.tracker();
  return () => {
    last = isClosed() ? { ...last, currentBytes: 0, currentPages: 0 } : (trackSync(binding) ?? last);
    return last;
  };
}

function wrongMode(method: string, mode: string, instead: string): Error {
  return makeError(
    'ERR_UNSUPPORTED',
    { feature: method },
    { message: `${method} is not for an instance in ${mode} mode: use ${instead}` },
  );
}
