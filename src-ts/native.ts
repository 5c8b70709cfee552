// Calls of the addon, whose failures are plain objects and become errors here.

import { types } from 'node:util';
import { addon } from './addon.js';
import type {
  BindingCode,
  BindingEngine,
  BindingEngineOptions,
  BindingFailure,
  BindingInstanceOptions,
  BindingPool,
  BindingPoolOptions,
  BindingSyncInstance,
  BindingTracker,
  Thrown,
} from './binding.js';
import { ERROR_CODES, type ErrorCode, type ErrorDetails, makeError } from './errors.js';
import { dispatch } from './events.js';
import {
  type GivenFunction,
  hostFunction,
  isGuestsErr,
  keepHostError,
  takeHostError,
  thenable,
} from './host-functions.js';
import { registry } from './registry.js';

// --- Failures -------------------------------------------------------------------------------------------------------

/** Codes of errors that napi throws before code of this package runs: a defect here, not the caller's mistake. */
const NAPI_CODES = /^(\w+Expected|InvalidArg|GenericFailure|PendingException|Closing|QueueFull|Unknown)$/;

/** A native failure as an error of its class. @internal */
export function toError(failure: unknown): unknown {
  try {
    return read(failure);
  } catch {
    return failure; // a value that throws when it is read (a proxy) is the caller's own
  }
}

function read(failure: unknown): unknown {
  // A test runner's context has an `Error` class of its own, so that `instanceof` is not enough.
  if (failure instanceof Error || types.isNativeError(failure)) {
    const code = (failure as { code?: unknown }).code;
    // Any other error is from the caller's code, which ran while a value was read (a getter, a proxy).
    if (typeof code !== 'string' || !NAPI_CODES.test(code)) return failure;
    return makeError('ERR_INTERNAL', {}, { message: failure.message, cause: failure });
  }
  if (!isFailure(failure)) return failure;
  const { code, message, details, hostError } = failure;
  const given: { message: string; cause?: unknown; payload?: unknown } = { message };
  if ('payload' in failure) given.payload = failure.payload;
  const thrown = hostError === undefined ? undefined : takeHostError(hostError);
  if (thrown !== undefined) given.cause = thrown.error;
  const known = (Object.hasOwn(ERROR_CODES, code) ? code : 'ERR_INTERNAL') as ErrorCode;
  count(known);
  return makeError(known, (details ?? {}) as ErrorDetails, given);
}

function count(code: ErrorCode): void {
  const counted = registry.errorCounts.get(code);
  if (counted === undefined) registry.errorCounts.set(code, { count: 1, last: Date.now() });
  else {
    counted.count += 1;
    counted.last = Date.now();
  }
}

function isFailure(value: unknown): value is BindingFailure {
  return typeof value === 'object' && value !== null && typeof (value as { code?: unknown }).code === 'string';
}

/** Makes a native call, and throws its failure as an error. @internal */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (failure) {
    throw toError(failure);
  }
}

// --- Host functions -------------------------------------------------------------------------------------------------

function answer(callId: number, fallible: boolean, result: unknown): void {
  try {
    addon.hostReturn(callId, result);
  } catch (failure) {
    fail(callId, fallible, toError(failure));
  }
}

async function answerLater(callId: number, fallible: boolean, later: PromiseLike<unknown>): Promise<void> {
  let result: unknown;
  try {
    result = await later;
  } catch (error) {
    fail(callId, fallible, error);
    return;
  }
  answer(callId, fallible, result);
}

function fail(callId: number, fallible: boolean, error: unknown): void {
  try {
    if (isGuestsErr(error, fallible)) {
      addon.hostErr(callId, error.payload);
      return;
    }
  } catch {
    // A payload that cannot be read counts as none: the guest still needs an answer.
  }
  addon.hostThrow(callId, keepHostError(error));
}

addon.setDispatchers(
  (callId, functionId, args, context) => {
    let fallible = false;
    try {
      const registered = hostFunction(functionId);
      fallible = registered.fallible;
      registered.runInCallContext(context, () => {
        const result = registered.call(...(args as never[]));
        const later = thenable(result);
        if (later === undefined) answer(callId, fallible, result);
        else void answerLater(callId, fallible, later);
      });
    } catch (error) {
      fail(callId, fallible, error);
    }
  },
  // A listener's throw becomes an uncaught exception, as with any event emitter.
  (poolId, kind, detail) => {
    try {
      dispatch(poolId, kind, detail);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  },
);

// A tier is gone where its engine is.
addon.setSharedTierDispatcher((tierId, name, get, sealed) => {
  const tier = registry.sharedTiers.get(tierId);
  if (sealed !== undefined) tier?.put(name, sealed);
  else if (get !== undefined) {
    const give = (found?: Uint8Array) => addon.sharedTierFound(get, found);
    if (tier === undefined) give();
    else void tier.get(name, give);
  }
});

/** Ignores the outcome of a promise, so that its rejection is not reported as unhandled. */
async function forget(later: PromiseLike<unknown>): Promise<void> {
  try {
    await later;
  } catch {
    // The call has failed already, because its host function returned a promise.
  }
}

/** A host function for a sync instance: it throws if the result is a promise. */
function atOnce({ call }: GivenFunction): (...args: unknown[]) => unknown {
  return (...args) => {
    const result = call(...(args as never[]));
    const later = thenable(result);
    if (later === undefined) return result;
    void forget(later);
    throw new TypeError('a host function of a sync instance returned a promise');
  };
}

function thrown(error: unknown, fallible: boolean): Thrown {
  try {
    if (isGuestsErr(error, fallible)) return { payload: error.payload };
  } catch {
    // as in `fail`
  }
  return { errorId: keepHostError(error) };
}

// --- Calls ----------------------------------------------------------------------------------------------------------

/** @internal */
export const processMetrics = (): Record<string, number> => addon.processMetrics();

/** The versions and the platform of a build. */
export interface BuildInfo {
  /** Version of this package. */
  readonly version: string;
  /** Version of Wasmtime inside. */
  readonly wasmtime: string;
  /** The platform the addon was built for, as a Rust target. */
  readonly target: string;
  /** Hash of the shipped extractor's source. */
  readonly guestHash: string;
}

/** The versions of package and Wasmtime in this build, its platform, and the hash of the shipped extractor's source. */
export function buildInfo(): BuildInfo {
  return { ...addon.buildInfo() };
}

/**
 * WebAssembly's text format, modules and components alike, to its binary format. For tests and small guests.
 *
 * @throws CompileError `ERR_COMPILE` where the text does not parse.
 */
export function wat2wasm(text: string): Uint8Array {
  if (typeof text !== 'string') {
    throw makeError('ERR_BAD_ARGUMENT', { path: 'text', expected: 'a string', received: typeof text });
  }
  return attempt(() => addon.wat2wasm(text));
}

/** @internal */
export function openEngine(options: BindingEngineOptions): BindingEngine {
  return attempt(() => new addon.BindingEngine(options));
}

/** @internal */
export function loadCode(
  engine: BindingEngine,
  source: string | Uint8Array,
  kind?: 'module' | 'component',
): Promise<BindingCode> {
  return settle(() => engine.load(source, kind));
}

/** The file of this user's cache key, which it creates if there is none. @internal */
export const ownCacheKeyFile = (): string => attempt(() => addon.ownCacheKeyFile());

/** @internal */
export const histogramBounds = (): number[] => addon.histogramBounds();

/** @internal */
export const compileStandardInput = (settings: string, bounds: string): void =>
  attempt(() => addon.compileStandardInput(settings, bounds));

/** Emits the engine's new warnings. @internal */
export function emitWarnings(engine: BindingEngine): void {
  for (const warning of engine.takeWarnings()) process.emitWarning(warning, 'RiptideWarning');
}

/** @internal */
export function openPool(code: BindingCode, options: BindingPoolOptions): BindingPool {
  return attempt(() => new addon.BindingPool(code, options));
}

/**
 * The promise of a native call. In a thread that is being terminated the addon returns none, and V8 may have dropped the
 * termination by then: the promise here never settles, or a loop over calls would keep the thread from ending.
 * @internal
 */
export function promised<T>(given: Promise<T> | undefined): Promise<T> {
  return given ?? new Promise(() => {});
}

/** Awaits a native call, and throws its failure as an error. @internal */
export async function settle<T>(call: () => Promise<T> | undefined): Promise<T> {
  try {
    return await promised(call());
  } catch (failure) {
    throw toError(failure);
  }
}

/** Throws a native failure as an error. @internal */
export function rethrow(failure: unknown): never {
  throw toError(failure);
}

/** Whether a call was aborted. @internal */
export function isAborted(failure: unknown): boolean {
  return isFailure(failure) && failure.code === 'ERR_ABORTED';
}

/** @internal */
export function openSyncInstance(
  code: BindingCode,
  options: BindingInstanceOptions,
  functions: readonly GivenFunction[],
): BindingSyncInstance {
  return attempt(() => new addon.BindingSyncInstance(code, options, functions.map(atOnce), thrown));
}

/** The numbers of a sync instance; `undefined` in the middle of its call. @internal */
export function trackSync(instance: BindingSyncInstance): BindingTracker | undefined {
  try {
    return instance.tracker();
  } catch {
    return undefined;
  }
}
