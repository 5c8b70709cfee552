import { EventEmitter } from 'node:events';
import { availableParallelism } from 'node:os';
import type { BindingPool } from './binding.js';
import {
  type AnyExports,
  Caller,
  type CallOptions,
  callable,
  type MeasuredCall,
  type Promised,
  type Target,
} from './caller.js';
import { type Code, checkCode } from './code.js';
import { isInsidePool, nextContext, runInsidePool, trackCall, trackWarmUps, untrackWarmUps } from './context.js';
import { calls, poolChannels } from './diagnostics.js';
import { describe, makeError, RejectedError } from './errors.js';
import { EVENT_BITS, forget, listen, nextId } from './events.js';
import { histogram } from './histogram.js';
import { releaseHostFunctions } from './host-functions.js';
import { Instance } from './instance.js';
import { instanceOptions, openWithHostFunctions } from './instance-options.js';
import { configuration, inner } from './internal.js';
import { emitWarnings, openPool, promised, rethrow, settle } from './native.js';
import { checkOptions } from './options.js';
import {
  type BreakerOptions,
  POOL_RULES,
  type PoolConfiguration,
  type PoolOptions,
  poolConfiguration,
  poolOptions,
} from './pool-options.js';
import type { BreakerState, DestroyReason, PoolEvents, PoolStats } from './pool-stats.js';
import { registry } from './registry.js';
import { ResourceTracker } from './resource-tracker.js';

export type {
  BreakerState,
  BreakerStats,
  CallOutcome,
  DeniedGrowth,
  DestroyReason,
  PoolEvents,
  PoolStats,
} from './pool-stats.js';

/** What to release when a pool is closed or collected. */
interface Cleanup {
  readonly hostFunctions: readonly number[];
  readonly id: number;
  readonly context: number;
}

function release({ hostFunctions, id, context }: Cleanup): void {
  releaseHostFunctions(hostFunctions);
  untrackWarmUps(context);
  forget(id);
  registry.pools.delete(id);
}

/** Cleans up after pools that were collected without being closed. */
const collected = new FinalizationRegistry<Cleanup>(release);

/**
 * Instances of one module or component, on the engine's worker threads. Guest code never runs on the event loop. Calls
 * are served in the order they came.
 *
 * ```js
 * await using pool = new Pool(await engine.load('add.wasm'), { max: 4, timeoutMillis: 100 });
 * await pool.call('add', [1, 2]); // 3
 * ```
 */
export class Pool extends EventEmitter<PoolEvents> {
  /** @internal */
  readonly [inner]: BindingPool;
  /** @internal */
  readonly [configuration]: PoolConfiguration;
  /** The code its instances run. */
  readonly code: Code;
  /** Memory over the pool's instances. */
  readonly tracker: ResourceTracker;
  readonly #cleanup: Cleanup;
  readonly #target: Target;
  readonly #caller: Caller;
  #closed = false;
  readonly #fallback: BreakerOptions['fallback'];
  readonly #bounds: Pick<PoolStats, 'max' | 'maxQueue'>;

  /**
   * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range.
   * @throws LinkError `ERR_LINK` if an import of the code is not provided, or with another type.
   */
  constructor(code: Code, given: PoolOptions = {}) {
    super();
    checkCode(code);
    const options = checkOptions(given, POOL_RULES);
    const { maxInstances } = code.engine[inner];
    const own = poolOptions(options, maxInstances, availableParallelism());
    const guest = instanceOptions(code, options);
    const [id, context] = [nextId(), nextContext()];
    const { binding, ids } = openWithHostFunctions(code, options.imports, (imports) =>
      openPool(code[inner].binding, { ...own, ...guest, id, context, imports }),
    );
    this[inner] = binding;
    this[configuration] = poolConfiguration(own, guest);
    this.#bounds = { max: own.max, ...(own.maxQueue !== undefined && { maxQueue: own.maxQueue }) };
    this.code = code;
    this.tracker = ResourceTracker.wrap(() => binding.tracker());
    this.#target = {
      owner: this,
      pool: {},
      hasHostFunctions: ids.length > 0,
      find: (name) => binding.find(name),
      abort: (context) => binding.abort(context),
    };
    this.#caller = new Caller(this.#target, binding.caller());
    this.#fallback = typeof options.breaker === 'object' ? options.breaker.fallback : undefined;
    this.#cleanup = { hostFunctions: ids, id, context };
    if (ids.length > 0) trackWarmUps(context, this.#target.pool);
    collected.register(this, this.#cleanup, this);
    listen(id, this, Pool.#dispatch);
    registry.pools.set(id, new WeakRef(this));
    this.#watchListeners();
    // Until then the addon sends every event: warm-ups begin before a listener can be added.
    queueMicrotask(() => this.#listen());
    emitWarnings(code.engine[inner].binding);
  }

  /**
   * Calls an exported function: by its full name (`riptide:extractor/extract@1.0.0#get-info`), or by the bare name
   * where only one export has it (`get-info`, `getInfo`). Values cross as jco maps them: records are objects with
   * camelCase keys, variants `{ tag, val }`, 64-bit integers `bigint`, `list<u8>` a `Uint8Array`. Bytes are copied
   * before this returns.
   *
   * A guest that exits ends its call: with status 0 well, where the function has no value to give (`_start`, WIT's `run`);
   * otherwise with `ERR_EXIT`. Its instance serves no other call. A reactor's `_initialize` has run before its first
   * export does; calling it does nothing.
   *
   * @throws ArgumentError `ERR_BAD_ARGUMENT` if an argument does not fit its type; the guest does not run then.
   * @throws GuestError `ERR_GUEST` if the function's result is an `err`.
   * @throws ExitError `ERR_EXIT` if the guest exits with another status than 0.
   * @throws TrapError `ERR_TRAP`, `ERR_STACK_OVERFLOW` or `ERR_OUT_OF_FUEL` if the guest traps.
   * @throws MemoryLimitError `ERR_MEMORY_LIMIT` if the guest fails after a growth that was refused.
   * @throws TimeoutError `ERR_TIMEOUT` or `ERR_ACQUIRE_TIMEOUT` if the call takes, or waits for an instance, too long.
   * @throws HostFunctionError `ERR_HOST_FUNCTION` if a host function throws; `cause` is what it threw.
   * @throws RejectedError `ERR_QUEUE_FULL`, `ERR_BREAKER_OPEN` or `ERR_REENTRANT` if the pool does not take the call.
   * @throws ClosedError `ERR_CLOSED` after `close()` or `destroy()`.
   * @throws RiptideError `ERR_MISSING_EXPORT`, `ERR_RESULT_TOO_LARGE`, `ERR_NO_SLOT`, or `ERR_ABORTED` with the pool.
   */
  call<R = unknown>(name: string, args: readonly unknown[] = [], options?: CallOptions): Promise<R> {
    const ended = this.#caller.call(name, args, options) as Promise<R>;
    return this.#fallback === undefined ? ended : this.#orFallback(ended, name, args);
  }

  /** Calls an exported function and returns its stats too; as {@link Pool.call}, without a breaker's `fallback`. */
  callWithStats<R = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options?: CallOptions,
  ): Promise<MeasuredCall<R>> {
    return this.#caller.callWithStats(name, args, options) as Promise<MeasuredCall<R>>;
  }

  /**
   * Checks out an instance for several calls that share its state, and passes it to `fn`, its only caller meanwhile. The
   * pool takes it back when the promise of `fn` settles; if that rejects, the pool discards the instance.
   *
   * @param options how long to wait for an instance, and what ends the waiting
   * @returns what `fn` returns
   */
  async use<E extends object = AnyExports, T = unknown>(
    fn: (instance: Instance<Promised<E>>) => T | PromiseLike<T>,
    options?: CallOptions,
  ): Promise<T> {
    if (typeof fn !== 'function') {
      throw makeError('ERR_BAD_ARGUMENT', { path: 'fn', expected: 'a function', received: describe(fn) });
    }
    const { instance, end } = await Instance.checkOut<Promised<E>>(this.code, this[inner], this.#target, options);
    let discard = true;
    const checkout = { pool: this.#target.pool, ended: false };
    try {
      // Awaited inside: where `fn` returns a thenable, its `then` is part of the checkout as well.
      const result = await runInsidePool(checkout, async () => await fn(instance));
      discard = false;
      return result;
    } finally {
      checkout.ended = true;
      end(discard);
    }
  }

  /**
   * The exported functions as methods, typed by the caller; each returns a promise.
   *
   * ```ts
   * const { add } = pool.exports<{ add(a: number, b: number): number }>();
   * ```
   */
  exports<T extends object = AnyExports>(): Promised<T> {
    const { hasHostFunctions, pool } = this.#target;
    const plain = !hasHostFunctions && this.#fallback === undefined;
    return callable(this.code, (name) => {
      if (!plain) return (...args) => this.call(name, args);
      let bound: ((...args: unknown[]) => Promise<unknown>) | undefined;
      return (...args) => {
        if (isInsidePool(pool) || calls.hasSubscribers) return this.call(name, args);
        try {
          bound ??= this[inner].bind(this[inner].find(name));
        } catch {
          return this.call(name, args); // which rejects with the reason
        }
        return promised(bound(...args)).then(undefined, rethrow);
      };
    }) as Promised<T>;
  }

  /** Resolves when `min` instances are warm; rejects with the error that prevents it. */
  async ready(): Promise<void> {
    const { pool } = this.#target;
    await trackCall(nextContext(), this, pool, () => settle(() => this[inner].ready()));
    emitWarnings(this.code.engine[inner].binding);
  }

  /** Whether `close` or `destroy` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A copy of the pool's numbers. */
  get stats(): PoolStats {
    const { destroyed, outcomes: counted, callDuration, queueWait, ...stats } = this[inner].stats;
    const outcomes = counted as PoolStats['outcomes'];
    return {
      ...stats,
      ...this.#bounds,
      destroyed: Object.values(destroyed).reduce((sum, count) => sum + count, 0),
      destroyedBy: destroyed as PoolStats['destroyedBy'],
      completed: outcomes.ok,
      failed: outcomes.guest_error + outcomes.trap + outcomes.memory_limit + outcomes.error,
      timedOut: outcomes.timeout,
      aborted: outcomes.aborted,
      rejected: outcomes.rejected,
      outcomes,
      ...(callDuration && { callDuration: histogram(callDuration) }),
      ...(queueWait && { queueWait: histogram(queueWait) }),
    };
  }

  /** Takes no more calls, finishes those it has, and gives back all memory. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    await settle(() => this[inner].close());
    this.#release();
  }

  /** Ends every call at once (`ERR_ABORTED`) and gives back all memory. May be called again, and after `close()`. */
  async destroy(): Promise<void> {
    this.#closed = true;
    await settle(() => this[inner].destroy());
    this.#release();
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As `EventEmitter`'s; the pool goes on sending events to listeners that are added later. */
  override removeAllListeners(...name: Parameters<EventEmitter<PoolEvents>['removeAllListeners']>): this {
    super.removeAllListeners(...name);
    if (name.length === 0) this.#watchListeners();
    this.#listen();
    return this;
  }

  /** Subscribes to an event in the addon only while it has a listener. */
  #watchListeners(): void {
    const events = this as EventEmitter;
    events.on('newListener', (name) => Object.hasOwn(EVENT_BITS, name) && this.#listen(String(name)));
    events.on('removeListener', () => this.#listen());
  }

  /** Tells the addon which events have a listener or a subscriber; `more` is one that is about to have one. */
  #listen(more = ''): void {
    let bits = EVENT_BITS[more] ?? 0;
    for (const name of this.eventNames()) bits |= EVENT_BITS[String(name)] ?? 0;
    for (const [name, { hasSubscribers }] of Object.entries(poolChannels)) {
      if (hasSubscribers) bits |= EVENT_BITS[name] ?? 0;
    }
    this[inner].listen(bits);
  }

  static #dispatch(pool: Pool, kind: string, detail: string): void {
    if (kind === 'growthDenied') {
      const growth = pool[inner].takeDenied();
      if (growth === null) return;
      poolChannels.growthDenied.publish({ pool, growth });
      pool.emit('growthDenied', growth);
    } else if (kind === 'instanceCreated') {
      poolChannels.instanceCreated.publish({ pool });
      pool.emit('instanceCreated');
    } else if (kind === 'instanceDestroyed') {
      const reason = detail as DestroyReason;
      poolChannels.instanceDestroyed.publish({ pool, reason });
      pool.emit('instanceDestroyed', reason);
    } else {
      const state = detail as BreakerState;
      poolChannels.breaker.publish({ pool, state });
      pool.emit('breaker', state);
    }
  }

  async #orFallback<R>(ended: Promise<R>, name: string, args: readonly unknown[]): Promise<R> {
    try {
      return await ended;
    } catch (error) {
      if (this.#fallback !== undefined && error instanceof RejectedError && error.code === 'ERR_BREAKER_OPEN') {
        return (await this.#fallback(error, name, args)) as R;
      }
      throw error;
    }
  }

  #release(): void {
    collected.unregister(this);
    release(this.#cleanup);
  }
}
