// Calls of the addon. Failures arrive as plain objects and become errors here, once.

import { types } from 'node:util';
import { addon } from './addon.js';
import type {
  BindingCode,
  BindingEngine,
  BindingEngineOptions,
  BindingFailure,
  BindingInstanceOptions,
  BindingMissing,
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

// --- Failures -------------------------------------------------------------------------------------------------------

/** What napi itself throws, before any code of ours ran: our mistake, not the caller's. */
const NAPI_CODES = /^(\w+Expected|InvalidArg|GenericFailure|PendingException|Closing|QueueFull|Unknown)$/;

/** A native failure as an error of its class. @internal */
export function toError(failure: unknown): unknown {
  try {
    return read(failure);
  } catch {
    return failure; // what throws when it is looked at (a proxy) is the caller's own
  }
}

function read(failure: unknown): unknown {
  // A test runner's context has an `Error` of its own, which the addon knows nothing of.
  if (failure instanceof Error || types.isNativeError(failure)) {
    const code = (failure as { code?: unknown }).code;
    // Anything else was thrown by the caller's own code while a value was read (a getter, a proxy).
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
  return makeError(known, (details ?? {}) as ErrorDetails, given);
}

function isFailure(value: unknown): value is BindingFailure {
  return typeof value === 'object' && value !== null && typeof (value as { code?: unknown }).code === 'string';
}

/** Throws what the native call threw, as an error. @internal */
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
    // A payload that cannot be read is none: the guest gets its answer all the same.
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
  // A listener that throws is the caller's own uncaught exception, as with any event emitter.
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

/** Waits for an outcome that is nobody's any more, so that its rejection is not reported as unhandled. */
async function forget(later: PromiseLike<unknown>): Promise<void> {
  try {
    await later;
  } catch {
    // The caller was told that it returned a promise.
  }
}

/** A host function as a sync instance calls it: its result must be there at once. */
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

/** What this build is. */
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

/** What this build is: package and Wasmtime versions, platform, and the hash of the shipped extractor's source. */
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

/** What the shared tier had, and how long it took to ask it. @internal */
export interface Offer {
  readonly spentMillis: number;
  readonly sealed: Uint8Array | undefined;
}

/** @internal */
export function loadCode(
  engine: BindingEngine,
  source: string | Uint8Array,
  kind?: 'module' | 'component',
): Promise<BindingCode> {
  return settle(() => engine.load(source, kind));
}

/** From memory or the disk. @internal */
export function findCode(
  engine: BindingEngine,
  source: string | Uint8Array,
  kind?: 'module' | 'component',
): Promise<BindingCode | BindingMissing> {
  return settle(() => engine.find(source, kind));
}

/** Loads what was not found: the bytes that were looked for, whatever became of the caller's. @internal */
export function loadMissing(missing: BindingMissing, offer?: Offer): Promise<BindingCode> {
  return settle(() => missing.load(offer?.spentMillis, offer?.sealed));
}

/** Where this user's key of the cache is; made where there is none. Touches the disk. @internal */
export const ownCacheKeyFile = (): string => attempt(() => addon.ownCacheKeyFile());

/** @internal */
export const histogramBounds = (): number[] => addon.histogramBounds();

/** @internal */
export const compileStandardInput = (settings: string, bounds: string): void =>
  attempt(() => addon.compileStandardInput(settings, bounds));

/** Says each of the engine's warnings once. @internal */
export function emitWarnings(engine: BindingEngine): void {
  for (const warning of engine.takeWarnings()) process.emitWarning(warning, 'RiptideWarning');
}

/** @internal */
export function openPool(code: BindingCode, options: BindingPoolOptions): BindingPool {
  return attempt(() => new addon.BindingPool(code, options));
}

/**
 * The promise a native call gave. A thread that was told to end gets none, and V8 may have forgotten by then that it
 * was: so nothing here goes on in such a thread, or a loop over calls would never let it end.
 * @internal
 */
export function promised<T>(given: Promise<T> | undefined): Promise<T> {
  return given ?? new Promise(() => {});
}

/** What a native call's promise gives; what it throws or rejects with as a failure of this package. @internal */
export async function settle<T>(call: () => Promise<T> | undefined): Promise<T> {
  try {
    return await promised(call());
  } catch (failure) {
    throw toError(failure);
  }
}

/** What a call that rejected with `failure` rejects with. @internal */
export function rethrow(failure: unknown): never {
  throw toError(failure);
}

/** Whether a call was ended from outside. @internal */
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
