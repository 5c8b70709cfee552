import { abortListener } from './abort-signals.js';
import { type BindingCaller, MEASURED, NESTED } from './binding.js';
import type { Code } from './code.js';
import { isInsidePool, nextContext, trackCall } from './context.js';
import { calls } from './diagnostics.js';
import { describe, makeError } from './errors.js';
import { inner } from './internal.js';
import { attempt, isAborted, promised, rethrow, toError } from './native.js';
import { abortSignal, checkOptions, millis } from './options.js';

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

/** The numbers of one call. */
export interface CallStats {
  /** From the call to its end, in milliseconds. */
  readonly wallMillis: number;
  /** CPU time of the guest, in milliseconds, without host functions. Absent on Windows. */
  readonly cpuMillis?: number;
  /** How long it waited for an instance to be free, in milliseconds. */
  readonly queueMillis: number;
  /** Fuel it used; on an engine with `fuel: true`. */
  readonly fuelConsumed?: number;
  /** Fuel it left of its `maxFuel`. */
  readonly fuelRemaining?: number;
  /** Linear memory of its instance before it, in pages of 64 KiB; a fresh instance begins with what its code asks for. */
  readonly pagesBefore: number;
  /** Linear memory of its instance after it, in pages. */
  readonly pagesAfter: number;
  /** The most linear memory its instance ever held, in pages. */
  readonly peakPages: number;
  /** The beginning of what the guest wrote to standard output, up to the last whole character within `wasi.maxOutputBytes`. */
  readonly stdout: string;
  /** The beginning of what the guest wrote to standard error, up to the same limit. */
  readonly stderr: string;
  /** The first `wasi.maxOutputBytes` bytes of what the guest wrote to standard output, as they are. */
  readonly stdoutBytes: Uint8Array;
  /** The first `wasi.maxOutputBytes` bytes of what the guest wrote to standard error, as they are. */
  readonly stderrBytes: Uint8Array;
}

/** A result together with the numbers of its call. */
export interface MeasuredCall<R = unknown> {
  /** The call's result. */
  readonly value: R;
  /** The call's numbers. */
  readonly stats: CallStats;
}

/** The functions of `T`, each returning a promise. */
export type Promised<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** Functions by name, of undeclared types. */
export type AnyExports = Record<string, (...args: unknown[]) => unknown>;

/** The pool, or an instance of one, that calls go to. @internal */
export interface Target {
  /** The object that its calls in flight keep alive. */
  readonly owner: object;
  /** Identifies the pool, to recognize calls that its own calls make. */
  readonly pool: object;
  /** Whether its guests may call host functions. */
  readonly hasHostFunctions: boolean;
  find(name: string): number;
  abort(context: number): void;
}

/** Checks the arguments of calls and passes them to the addon. @internal */
export class Caller {
  readonly #target: Target;
  readonly #call: BindingCaller;
  readonly #numbers = new Map<string, number>();

  constructor(target: Target, call: BindingCaller) {
    this.#target = target;
    this.#call = call;
  }

  call(name: string, args: readonly unknown[], options?: CallOptions, flags = 0): Promise<unknown> {
    if (!calls.hasSubscribers) return this.#begin(name, args, options, flags);
    const message = { target: this.#target.owner, name, args };
    return calls.tracePromise(() => this.#begin(name, args, options, flags), message);
  }

  #begin(name: string, args: readonly unknown[], options: CallOptions | undefined, flags: number): Promise<unknown> {
    const bad = badCall(name, args);
    if (bad !== undefined) return Promise.reject(bad);
    let checked: CallOptions | undefined;
    try {
      checked = callOptions(options);
    } catch (error) {
      return Promise.reject(error);
    }
    let number = this.#numbers.get(name);
    if (number === undefined) {
      try {
        number = this.#target.find(name);
      } catch (failure) {
        return Promise.reject(toError(failure));
      }
      this.#numbers.set(name, number);
    }
    const all = isInsidePool(this.#target.pool) ? flags | NESTED : flags;
    // The hot path: one native call.
    if (checked === undefined && !this.#target.hasHostFunctions) {
      const ended = all === 0 ? this.#call(number, args) : this.#call(number, args, undefined, undefined, all);
      return promised(ended).then(undefined, rethrow);
    }
    const fn = number;
    return submit(this.#target, checked, (context) =>
      promised(this.#call(fn, args, checked?.timeoutMillis, context, all)),
    );
  }

  callWithStats(name: string, args: readonly unknown[], options?: CallOptions): Promise<MeasuredCall> {
    return this.call(name, args, options, MEASURED) as Promise<MeasuredCall>;
  }
}

/** Begins a call or checkout under a new context: `signal` aborts it, and its host functions run in it. @internal */
export async function submit<T>(
  target: Target,
  options: CallOptions | undefined,
  begin: (context: number) => Promise<T>,
): Promise<T> {
  const context = nextContext();
  const started = target.hasHostFunctions
    ? () => trackCall(context, target.owner, target.pool, () => begin(context))
    : () => begin(context);
  const signal = options?.signal;
  if (signal === undefined) {
    try {
      return await started();
    } catch (failure) {
      throw toError(failure);
    }
  }
  signal.throwIfAborted();
  const abort = () => target.abort(context);
  const listener = abortListener(signal);
  listener.add(signal, abort);
  try {
    const ended = started();
    if (signal.aborted) abort(); // by an argument's getter, before the call had begun
    return await ended;
  } catch (failure) {
    if (signal.aborted && isAborted(failure)) throw signal.reason;
    throw toError(failure);
  } finally {
    listener.delete(signal, abort);
  }
}

/** @internal */
export function badCall(name: unknown, args: unknown): Error | undefined {
  if (typeof name !== 'string') {
    return makeError('ERR_BAD_ARGUMENT', { path: 'name', expected: 'a string', received: describe(name) });
  }
  if (!Array.isArray(args)) {
    return makeError('ERR_BAD_ARGUMENT', { path: 'args', expected: 'an array', received: describe(args) });
  }
  return undefined;
}

/** @internal */
export const CALL_RULES = {
  signal: abortSignal,
  timeoutMillis: millis,
};

/** Checks the options of a call, if there are any. @internal */
export function callOptions(options: CallOptions | undefined): CallOptions | undefined {
  return options === undefined ? undefined : checkOptions(options, CALL_RULES);
}

/**
 * The exported functions as methods, under each name that `call` knows them by; `Object.keys` gives the full names.
 * @internal
 */
export function callable(code: Code, method: (name: string) => (...args: unknown[]) => unknown): object {
  const methods = Object.create(null) as object;
  const add = (name: string, enumerable: boolean) => {
    // An object with `then` would be taken for a promise wherever it is awaited.
    if (name === 'then' || Object.hasOwn(methods, name)) return;
    Object.defineProperty(methods, name, { value: method(name), enumerable });
  };
  const full = attempt(() => code[inner].binding.functions());
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
