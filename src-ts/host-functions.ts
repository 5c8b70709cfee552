// The host functions of live pools and instances, by the numbers that the addon calls them by.

import { types } from 'node:util';
import { makeError } from './errors.js';

/** A function the guest imports; it may return a promise, except in a sync instance. */
export type HostFunction = (...args: never[]) => unknown;

/** @internal */
export interface RegisteredFunction {
  readonly call: HostFunction;
  /** Whether its WIT type returns a `result`, so that a throw can be its `err`. */
  readonly fallible: boolean;
}

const hostFunctions = new Map<number, RegisteredFunction>();
/** What host functions threw, until the failed call that carries the number is read. */
const hostErrors = new Map<number, unknown>();
/** Errors of calls that had already ended are never fetched: the oldest go first. */
const MAX_HOST_ERRORS = 4096;
let lastFunctionId = 0;
let lastHostError = 0;

/** Keeps host functions under numbers that the addon calls them by. @internal */
export function registerHostFunctions(functions: readonly RegisteredFunction[]): number[] {
  return functions.map((registered) => {
    lastFunctionId += 1;
    hostFunctions.set(lastFunctionId, registered);
    return lastFunctionId;
  });
}

/** @internal */
export function releaseHostFunctions(ids: readonly number[]): void {
  for (const id of ids) hostFunctions.delete(id);
}

/** @internal */
export function keepHostError(error: unknown): number {
  if (hostErrors.size >= MAX_HOST_ERRORS) {
    const oldest = hostErrors.keys().next();
    if (!oldest.done) hostErrors.delete(oldest.value);
  }
  lastHostError += 1;
  hostErrors.set(lastHostError, error);
  return lastHostError;
}

/** @internal */
export function hostFunction(id: number): RegisteredFunction {
  const registered = hostFunctions.get(id);
  if (registered === undefined) throw makeError('ERR_CLOSED', {}, { message: 'the host function was released' });
  return registered;
}

/**
 * What to await where a host function returned something that has a result later; `undefined` where it is the result.
 * As `await` has it: `then` of anything but a promise is read once, here, and called in a microtask.
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

/** An error with a `payload` is the `err` of a function that returns a `result`; jco's rule too. @internal */
export function isGuestsErr(error: unknown, fallible: boolean): error is { payload: unknown } {
  return fallible && typeof error === 'object' && error !== null && Object.hasOwn(error, 'payload');
}

/** What a host function threw, under the number that the failed call carries; once. @internal */
export function takeHostError(id: number): { readonly error: unknown } | undefined {
  if (!hostErrors.has(id)) return undefined;
  const error = hostErrors.get(id);
  hostErrors.delete(id);
  return { error };
}
