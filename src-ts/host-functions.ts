// The host functions of live pools and instances, by the numbers under which the addon calls them.

import { types } from 'node:util';
import { runInCallContext } from './context.js';
import { makeError } from './errors.js';
import { registry } from './registry.js';

/** A function the guest imports; it may return a promise, except in a sync instance. */
export type HostFunction = (...args: never[]) => unknown;

/** @internal */
export interface GivenFunction {
  readonly call: HostFunction;
  /** Whether its WIT type returns a `result`, so that a throw can be its `err`. */
  readonly fallible: boolean;
}

/** @internal */
export interface RegisteredFunction extends GivenFunction {
  /** `runInCallContext` of the copy of this package that made the call: the others do not track it. */
  runInCallContext<T>(context: number, run: () => T): T;
}

/** The most errors kept: those of calls that had already ended are never fetched, so the oldest are dropped. */
const MAX_HOST_ERRORS = 4096;

/** Keeps host functions, and returns the numbers under which the addon calls them. @internal */
export function registerHostFunctions(functions: readonly GivenFunction[]): number[] {
  return functions.map(({ call, fallible }) => {
    const id = registry.functions.next();
    registry.functions.set(id, { call, fallible, runInCallContext });
    return id;
  });
}

/** @internal */
export function releaseHostFunctions(ids: readonly number[]): void {
  for (const id of ids) registry.functions.delete(id);
}

/** @internal */
export function keepHostError(error: unknown): number {
  const { errors } = registry;
  if (errors.size >= MAX_HOST_ERRORS) {
    const oldest = errors.keys().next();
    if (!oldest.done) errors.delete(oldest.value);
  }
  const id = errors.next();
  errors.set(id, error);
  return id;
}

/** @internal */
export function hostFunction(id: number): RegisteredFunction {
  const registered = registry.functions.get(id);
  if (registered === undefined) throw makeError('ERR_CLOSED', {}, { message: 'the host function was released' });
  return registered;
}

/**
 * The promise to await if a host function returned one, or another thenable; `undefined` if it returned its result. As in
 * `await`, the `then` of a thenable is read once, here, and called in a microtask.
 * @internal
 */
export function thenable(value: unknown): PromiseLike<unknown> | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  if (types.isPromise(value)) return value;
  const { then } = value as { then?: unknown };
  if (typeof then !== 'function') return undefined;
  // biome-ignore lint/suspicious/noThenProperty: awaited in place of `value`, whose `then` would be read again
  return { then: (resolve, reject) => Reflect.apply(then, value, [resolve, reject]) };
}

/** An error with a `payload` is the `err` of a function that returns a `result`, as in jco. @internal */
export function isGuestsErr(error: unknown, fallible: boolean): error is { payload: unknown } {
  return fallible && typeof error === 'object' && error !== null && Object.hasOwn(error, 'payload');
}

/** Takes the error that a host function threw, by the number in the failure of its call. @internal */
export function takeHostError(id: number): { readonly error: unknown } | undefined {
  const { errors } = registry;
  if (!errors.has(id)) return undefined;
  const error = errors.get(id);
  errors.delete(id);
  return { error };
}
