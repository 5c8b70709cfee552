import { availableParallelism } from 'node:os';
import { Code } from './code.js';
import { describe, makeError } from './errors.js';
import { type InstanceOptions, instanceOptions, matchImports, POOL_RULES } from './instance-options.js';
import { inner } from './internal.js';
import {
  type BindingPool,
  callPool,
  emitWarnings,
  openPool,
  registerHostFunctions,
  releaseHostFunctions,
  settle,
} from './native.js';
import { badOption, checkOptions, millis } from './options.js';
import { ResourceTracker } from './resource-tracker.js';

/** Options of a {@link Pool}. */
export interface PoolOptions extends InstanceOptions {
  /**
   * Instances kept warm: 0 to `max`.
   * @default 0
   */
  min?: number;
  /**
   * The most instances at once; further calls wait for one: 1 to the engine's `maxInstances`.
   * @default the number of cores, or `min` where that is more; no more than the engine's `maxInstances`
   */
  max?: number;
  /**
   * Whether an instance, with its state, serves further calls after a good one. With `false` each call gets a fresh
   * instance. An instance that failed is never used again, either way.
   * @default false
   */
  reuse?: boolean;
}

/** Options of one call. */
export interface CallOptions {
  /** Ends the call at once; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * How long this call may take, waiting for an instance included, in milliseconds: above 0, up to 2,147,483,647.
   * @default the pool's or instance's `timeoutMillis`
   */
  timeoutMillis?: number | undefined;
}

/** The numbers of a {@link Pool} at one moment. */
export interface PoolStats {
  /** Instances alive. */
  readonly size: number;
  /** Instances that wait for a call. */
  readonly idle: number;
  /** Instances in a call. */
  readonly active: number;
  /** Calls that wait for an instance. */
  readonly waiting: number;
  /** Instances made so far. */
  readonly created: number;
  /** Instances discarded so far. */
  readonly destroyed: number;
  /** Calls that ended well. */
  readonly completed: number;
  /** Calls that failed, other than by time or abort. */
  readonly failed: number;
  /** Calls that took longer than their `timeoutMillis`. */
  readonly timedOut: number;
  /** Calls ended by their signal, or with the pool. */
  readonly aborted: number;
}

/** The functions of `T`, each returning a promise. */
export type Promised<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** Functions by name, of types nobody declared. */
export type AnyExports = Record<string, (...args: unknown[]) => unknown>;

/** Gives up the host functions of pools that were dropped without being closed. */
const dropped = new FinalizationRegistry<readonly number[]>(releaseHostFunctions);

/** Owners of host functions with calls in flight, one token a call. */
const inFlight = new Set<{ readonly owner: object }>();

/** Keeps the owner of host functions while a call may need them: an `await` alone does not keep `this`. @internal */
export async function held<T>(owner: object, ended: Promise<T>): Promise<T> {
  const token = { owner };
  inFlight.add(token);
  try {
    return await ended;
  } finally {
    inFlight.delete(token);
  }
}

/**
 * Instances of one module or component, on the engine's worker threads. Guest code never runs on the event loop.
 *
 * ```js
 * const pool = new Pool(await engine.load('add.wasm'), { max: 4, timeoutMillis: 100 });
 * await pool.call('add', [1, 2]); // 3
 * await pool.close();
 * ```
 */
export class Pool {
  /** @internal */
  readonly [inner]: BindingPool;
  /** The code its instances run. */
  readonly code: Code;
  /** Memory over the pool's instances. */
  readonly tracker: ResourceTracker;
  readonly #hostFunctions: readonly number[];

  /**
   * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range.
   * @throws LinkError `ERR_LINK` where the code imports what nobody provides.
   */
  constructor(code: Code, options: PoolOptions = {}) {
    checkCode(code);
    checkOptions(options, POOL_RULES);
    const { maxInstances: most } = code.engine[inner];
    const { min = 0, max = Math.min(Math.max(availableParallelism(), min), most), reuse = false } = options;
    if (max > most) throw badOption('max', max, `1 to ${most} instances, the engine's maxInstances`);
    if (min > max) throw badOption('min', min, `0 to ${max}, the pool's max`);
    const resolved = { min, max, reuse, exclusive: false, ...instanceOptions(code, options) };
    const { binding, ids } = openHosted(code, options.imports, false, (imports) =>
      openPool(code.engine[inner].binding, code[inner].binding, { ...resolved, imports }),
    );
    this[inner] = binding;
    this.code = code;
    this.tracker = ResourceTracker.over(() => binding.tracker());
    this.#hostFunctions = ids;
    dropped.register(this, ids, this);
    emitWarnings(code.engine[inner].binding);
  }

  /**
   * Calls an exported function: by its full name (`riptide:extractor/extract@1.0.0#get-info`), or by the bare name
   * where only one export has it (`get-info`, `getInfo`). Values cross as jco maps them: records are objects with
   * camelCase keys, variants `{ tag, val }`, 64-bit integers `bigint`, `list<u8>` a `Uint8Array`. Bytes are copied
   * before this returns.
   *
   * @throws ArgumentError `ERR_BAD_ARGUMENT` where an argument does not fit, before the guest runs.
   * @throws GuestError `ERR_GUEST` where the function's result is an `err`.
   * @throws TrapError, MemoryLimitError, TimeoutError, HostFunctionError, ClosedError, RiptideError
   */
  call<R = unknown>(name: string, args: readonly unknown[] = [], options?: CallOptions): Promise<R> {
    if (typeof name !== 'string' || !Array.isArray(args)) return Promise.reject(badCall(name, args));
    const bad = options && badCallOptions(options);
    if (bad !== undefined) return Promise.reject(bad);
    const ended = callPool(this[inner], name, args, options?.timeoutMillis, options?.signal) as Promise<R>;
    return this.#hostFunctions.length === 0 ? ended : held(this, ended);
  }

  /**
   * The exported functions as methods, typed by the caller; each returns a promise.
   *
   * ```ts
   * const { add } = pool.exports<{ add(a: number, b: number): number }>();
   * ```
   */
  exports<T extends object = AnyExports>(): Promised<T> {
    return callable(this.code, (name, args) => this.call(name, args)) as Promised<T>;
  }

  /** Resolves when `min` instances are warm; rejects with what kept them from it. */
  async ready(): Promise<void> {
    await held(
      this,
      settle(() => this[inner].ready()),
    );
    emitWarnings(this.code.engine[inner].binding);
  }

  /** A copy of the pool's numbers. */
  get stats(): PoolStats {
    return { ...this[inner].stats };
  }

  /** Takes no more calls, finishes those it has, and gives back all memory. May be called again. */
  async close(): Promise<void> {
    await settle(() => this[inner].close());
    this.#release();
  }

  /** Ends every call at once (`ERR_ABORTED`) and gives back all memory. May be called again, and after `close()`. */
  async destroy(): Promise<void> {
    await settle(() => this[inner].destroy());
    this.#release();
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #release(): void {
    dropped.unregister(this);
    releaseHostFunctions(this.#hostFunctions);
  }
}

/** @internal */
export function checkCode(code: unknown): void {
  if (!(code instanceof Code)) {
    throw makeError('ERR_BAD_ARGUMENT', {
      path: 'code',
      expected: 'a Module or Component of an Engine',
      received: describe(code),
    });
  }
}

/** Registers the host functions for as long as what `open` makes; none are left behind where it fails. @internal */
export function openHosted<B>(
  code: Code,
  given: InstanceOptions['imports'],
  sync: boolean,
  open: (imports: { name: string; functionId: number }[]) => B,
): { binding: B; ids: number[] } {
  const { names, functions } = matchImports(code, given, sync);
  const ids = registerHostFunctions(functions);
  try {
    return { binding: open(names.map((name, index) => ({ name, functionId: ids[index] as number }))), ids };
  } catch (error) {
    releaseHostFunctions(ids);
    throw error;
  }
}

/** @internal */
export function badCall(name: unknown, args: unknown): Error {
  return typeof name === 'string'
    ? makeError('ERR_BAD_ARGUMENT', { path: 'args', expected: 'an array', received: describe(args) })
    : makeError('ERR_BAD_ARGUMENT', { path: 'name', expected: 'a string', received: describe(name) });
}

const CALL_RULES = {
  signal: { allowed: 'an AbortSignal', accepts: (value: unknown) => value instanceof AbortSignal },
  timeoutMillis: millis,
};

/** @internal */
export function badCallOptions(options: CallOptions): unknown {
  try {
    checkOptions(options, CALL_RULES);
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * The exported functions as methods, under each name that `call` knows them by; `Object.keys` gives the full names.
 * @internal
 */
export function callable(code: Code, call: (name: string, args: unknown[]) => unknown): object {
  const methods = Object.create(null) as object;
  const add = (name: string, enumerable: boolean) => {
    // An object with `then` would be taken for a promise wherever it is awaited.
    if (name === 'then' || Object.hasOwn(methods, name)) return;
    Object.defineProperty(methods, name, { value: (...args: unknown[]) => call(name, args), enumerable });
  };
  const full = code.exports.filter(({ kind }) => kind === 'function').map(({ name }) => name);
  for (const name of full) add(name, true);
  for (const name of full) {
    const bare = name.slice(name.lastIndexOf('#') + 1);
    add(bare, false);
    add(camelCase(bare), false);
  }
  return Object.freeze(methods);
}

/** As the runtime does it: `get-info` is `getInfo`. */
function camelCase(name: string): string {
  const [first = '', ...rest] = name.split('-');
  const capital = (word: string) => word.replace(/^./u, (letter) => letter.toUpperCase());
  return first.replace(/^./u, (letter) => letter.toLowerCase()) + rest.map(capital).join('');
}
