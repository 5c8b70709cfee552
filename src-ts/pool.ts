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
import { type Histogram, histogram } from './histogram.js';
import { releaseHostFunctions } from './host-functions.js';
import { Instance } from './instance.js';
import { instanceOptions, openWithHostFunctions } from './instance-options.js';
import { inner } from './internal.js';
import { emitWarnings, openPool, promised, rethrow, settle } from './native.js';
import { checkOptions } from './options.js';
import { type BreakerOptions, POOL_RULES, type PoolOptions, poolOptions } from './pool-options.js';
import { ResourceTracker } from './resource-tracker.js';

/** Whether calls pass a breaker: `closed`, they do; `open`, they do not; `halfOpen`, one tries. */
export type BreakerState = 'closed' | 'open' | 'halfOpen';

/** The numbers of a breaker at one moment. */
export interface BreakerStats {
  /** Whether calls pass it. */
  readonly state: BreakerState;
  /** Until a call may try again, in milliseconds; 0 where it is not open. */
  readonly resetMillis: number;
  /** Calls in the window that did not fail. */
  readonly successes: number;
  /** Calls in the window that failed. */
  readonly failures: number;
  /** Calls refused so far. */
  readonly rejected: number;
  /** How often it opened. */
  readonly opened: number;
}

/**
 * How a call ended: `ok`; the guest's own `err`, or its exit (`guest_error`); a trap, an overflowed stack or used up fuel (`trap`); too
 * late (`timeout`); after a refused growth (`memory_limit`); by its signal or with its pool (`aborted`); not taken
 * (`rejected`); or in another way, such as by a host function that failed (`error`).
 */
export type CallOutcome = 'ok' | 'guest_error' | 'trap' | 'timeout' | 'memory_limit' | 'aborted' | 'rejected' | 'error';

/** The numbers of a {@link Pool} at one moment. */
export interface PoolStats {
  /** Instances alive. */
  readonly size: number;
  /** Instances that wait for a call. */
  readonly idle: number;
  /** Instances in a call, or checked out by `use`. */
  readonly active: number;
  /** Calls that wait for an instance. */
  readonly waiting: number;
  /** The most instances there may be. */
  readonly max: number;
  /** The most calls that may wait; none where any number may. */
  readonly maxQueue?: number;
  /** Instances made so far. */
  readonly created: number;
  /** Instances discarded so far. */
  readonly destroyed: number;
  /** Instances discarded so far, by reason. */
  readonly destroyedBy: Readonly<Record<DestroyReason, number>>;
  /** Calls that ended well. */
  readonly completed: number;
  /** Calls that failed, other than in the ways below. */
  readonly failed: number;
  /** Calls that took longer than their `timeoutMillis`, or waited longer than `acquireTimeoutMillis`. */
  readonly timedOut: number;
  /** Calls ended by their signal, or with the pool. */
  readonly aborted: number;
  /** Calls that were refused: the queue was full, the breaker open, the pool closed, the call re-entrant. */
  readonly rejected: number;
  /** Calls by how they ended: the sum of the five above, `failed` in its parts. */
  readonly outcomes: Readonly<Record<CallOutcome, number>>;
  /** How long calls took, from their submission to their answer, without those that were not taken; none where the engine's `metrics` are off. */
  readonly callDuration?: Histogram;
  /** How long calls, and the checkouts of `use`, waited for an instance; none where the engine's `metrics` are off. */
  readonly queueWait?: Histogram;
  /** The breaker, where the pool has one. */
  readonly breaker?: BreakerStats;
}

/** A growth of memory or of a table that was denied. */
export interface DeniedGrowth {
  /** The growth asked for, in bytes; for tables in elements. */
  readonly requested: number;
  /** The memory or elements held at that limit. */
  readonly held: number;
  /** The limit, in the same unit. */
  readonly limit: number;
  /** Whose limit: `instance`, `pool`, `engine` (its `memoryBudgetBytes`), `memory type`, `system` or `tables`. */
  readonly limitedBy: string;
  /** How many growths were denied since the last event; the numbers are the last one's. */
  readonly count: number;
}

/**
 * Why an instance is gone: each call gets a `fresh` one; it had served `maxUses` calls; it was `recycled` for its size,
 * `idle` too long; its program `exited`; its call `failed` or was ended; its pool was `closed`.
 */
export type DestroyReason = 'fresh' | 'maxUses' | 'recycled' | 'idle' | 'exited' | 'failed' | 'closed';

/** The events of a {@link Pool}, with what their listeners are given. */
export interface PoolEvents {
  /** Growths were denied. Many at once come as one event. */
  growthDenied: [growth: DeniedGrowth];
  /** An instance was made. */
  instanceCreated: [];
  /** An instance is gone. */
  instanceDestroyed: [reason: DestroyReason];
  /** The breaker changed its state. */
  breaker: [state: BreakerState];
}

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
