// The only file that loads the addon and calls it. Failures arrive as plain objects and become errors here, once.

import { createRequire } from 'node:module';
import { ERROR_CODES, type ErrorCode, type ErrorDetails, makeError } from './errors.js';

/** What a failed native call throws or rejects with. @internal */
interface BindingFailure {
  code: string;
  message: string;
  details: Record<string, number | string | string[]>;
  payload?: unknown;
  hostError?: number;
}

/** @internal */
export interface BindingEngineOptions {
  simd: boolean;
  metrics: boolean;
  /** 0: as many as there are cores. */
  workers: number;
  maxInstances: number;
  maxMemoryPages: number;
  signalsBasedTraps: boolean;
  cache?: { directory: string; keyFile?: string; trust: 'key' | 'owner' };
  coldStartTargetMillis?: number;
}

/** @internal */
export interface BindingTracker {
  currentBytes: number;
  currentPages: number;
  peakPages: number;
  maxPages: number;
  growFailures: number;
  growRequests: number;
  simdEnabled: boolean;
  aotCacheEnabled: boolean;
}

/** @internal */
export interface BindingEngineStats {
  workers: number;
  allocation: string;
  slots: number;
  instances: number;
  cacheHits: number;
  cacheMisses: number;
  memoryHits: number;
  diskHits: number;
  coldStartMillis: number;
  slowColdStarts: number;
}

/** @internal */
export interface BindingPoolStats {
  size: number;
  idle: number;
  active: number;
  waiting: number;
  created: number;
  destroyed: number;
  completed: number;
  failed: number;
  timedOut: number;
  aborted: number;
}

/** @internal */
export interface BindingExtern {
  name: string;
  kind: string;
  type?: string;
}

/** @internal */
export interface BindingEngine {
  load(source: string | Uint8Array, kind?: 'module' | 'component'): Promise<BindingCode>;
  readonly stats: BindingEngineStats;
  takeWarnings(): string[];
  tracker(): BindingTracker;
  metrics(): Record<string, number>;
}

/** @internal */
export interface BindingCode {
  readonly kind: 'module' | 'component';
  readonly exports: BindingExtern[];
  readonly imports: BindingExtern[];
  readonly cacheHit: boolean;
  readonly loadMillis: number;
}

/** @internal */
export interface BindingInstanceOptions {
  timeoutMillis?: number;
  maxMemoryPages: number;
  maxResultBytes: number;
  maxResultValues: number;
  wasi?: { args: string[]; env: [string, string][] };
  imports: { name: string; functionId: number }[];
}

/** @internal */
export interface BindingPoolOptions extends BindingInstanceOptions {
  min: number;
  max: number;
  reuse: boolean;
  exclusive: boolean;
}

/** @internal */
export interface BindingPool {
  ready(): Promise<void>;
  call(name: string, args: readonly unknown[], timeoutMillis?: number, ticket?: number): Promise<unknown>;
  abort(ticket: number): void;
  close(): Promise<void>;
  destroy(): Promise<void>;
  readonly stats: BindingPoolStats;
  tracker(): BindingTracker;
  metrics(): Record<string, number>;
}

/** @internal */
export interface BindingSyncInstance {
  call(name: string, args: readonly unknown[]): unknown;
  tracker(): BindingTracker;
  dispose(): void;
}

interface Addon {
  errorCodes(): string[];
  buildInfo(): { version: string; wasmtime: string; target: string; guestHash: string };
  wat2wasm(text: string): Buffer;
  processMetrics(): Record<string, number>;
  setHostDispatcher(dispatch: (callId: number, functionId: number, args: unknown[]) => void): void;
  hostReturn(callId: number, result: unknown): void;
  hostErr(callId: number, payload: unknown): void;
  hostThrow(callId: number, errorId: number): void;
  BindingEngine: new (options: BindingEngineOptions) => BindingEngine;
  BindingPool: new (engine: BindingEngine, code: BindingCode, options: BindingPoolOptions) => BindingPool;
  BindingSyncInstance: new (
    engine: BindingEngine,
    code: BindingCode,
    options: BindingInstanceOptions,
    hostCall: (functionId: number, args: unknown[]) => SyncAnswer,
  ) => BindingSyncInstance;
}

/** What a host function of a sync instance gave: its result, the `err` of its WIT result, or what it threw. */
type SyncAnswer = { ok: unknown } | { err: { val: unknown } } | { errorId: number };

/** A function the guest imports; it may return a promise, except in a sync instance. */
export type HostFunction = (...args: never[]) => unknown;

const addon = loadAddon();

function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)('../native/index.js') as Addon;
  } catch (cause) {
    const feature = `${process.platform}-${process.arch}`;
    throw makeError(
      'ERR_UNSUPPORTED',
      { feature },
      { message: `there is no native binary of riptide-wasm for ${feature}, or it does not load`, cause },
    );
  }
}

// --- Failures -------------------------------------------------------------------------------------------------------

/** What napi itself throws, before any code of ours ran: our mistake, not the caller's. */
const NAPI_CODES = /^(\w+Expected|InvalidArg|GenericFailure|PendingException|Closing|QueueFull|Unknown)$/;

function toError(failure: unknown): unknown {
  try {
    return read(failure);
  } catch {
    return failure; // what throws when it is looked at (a proxy) is the caller's own
  }
}

function read(failure: unknown): unknown {
  if (failure instanceof Error) {
    const code = (failure as { code?: unknown }).code;
    // Anything else was thrown by the caller's own code while a value was read (a getter, a proxy).
    if (typeof code !== 'string' || !NAPI_CODES.test(code)) return failure;
    return makeError('ERR_INTERNAL', {}, { message: failure.message, cause: failure });
  }
  if (!isFailure(failure)) return failure;
  const { code, message, details, hostError } = failure;
  const given: { message: string; cause?: unknown; payload?: unknown } = { message };
  if ('payload' in failure) given.payload = failure.payload;
  if (hostError !== undefined && hostErrors.has(hostError)) {
    given.cause = hostErrors.get(hostError);
    hostErrors.delete(hostError);
  }
  const known = (Object.hasOwn(ERROR_CODES, code) ? code : 'ERR_INTERNAL') as ErrorCode;
  return makeError(known, (details ?? {}) as ErrorDetails, given);
}

function isFailure(value: unknown): value is BindingFailure {
  return typeof value === 'object' && value !== null && typeof (value as { code?: unknown }).code === 'string';
}

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (failure) {
    throw toError(failure);
  }
}

// --- Host functions -------------------------------------------------------------------------------------------------

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

function keepHostError(error: unknown): number {
  if (hostErrors.size >= MAX_HOST_ERRORS) {
    const oldest = hostErrors.keys().next();
    if (!oldest.done) hostErrors.delete(oldest.value);
  }
  lastHostError += 1;
  hostErrors.set(lastHostError, error);
  return lastHostError;
}

function hostFunction(id: number): RegisteredFunction {
  const registered = hostFunctions.get(id);
  if (registered === undefined) throw makeError('ERR_CLOSED', {}, { message: 'the host function was released' });
  return registered;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

/** An error with a `payload` is the `err` of a function that returns a `result`; jco's rule too. */
function isGuestsErr(error: unknown, fallible: boolean): error is { payload: unknown } {
  return fallible && typeof error === 'object' && error !== null && Object.hasOwn(error, 'payload');
}

function answer(callId: number, fallible: boolean, result: unknown): void {
  try {
    addon.hostReturn(callId, result);
  } catch (failure) {
    fail(callId, fallible, toError(failure));
  }
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

addon.setHostDispatcher((callId, functionId, args) => {
  let fallible = false;
  try {
    const registered = hostFunction(functionId);
    fallible = registered.fallible;
    const result = registered.call(...(args as never[]));
    if (isThenable(result)) {
      result.then(
        (value) => answer(callId, fallible, value),
        (error) => fail(callId, fallible, error),
      );
    } else {
      answer(callId, fallible, result);
    }
  } catch (error) {
    fail(callId, fallible, error);
  }
});

function answerSync(functionId: number, args: unknown[]): SyncAnswer {
  let fallible = false;
  try {
    const registered = hostFunction(functionId);
    fallible = registered.fallible;
    const result = registered.call(...(args as never[]));
    if (!isThenable(result)) return { ok: result };
    result.then(undefined, () => {}); // its outcome is nobody's any more
    throw new TypeError('a host function of a sync instance returned a promise');
  } catch (error) {
    try {
      if (isGuestsErr(error, fallible)) return { err: { val: error.payload } };
    } catch {
      // as in `fail`
    }
    return { errorId: keepHostError(error) };
  }
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

/** @internal */
export async function loadCode(
  engine: BindingEngine,
  source: string | Uint8Array,
  kind?: 'module' | 'component',
): Promise<BindingCode> {
  try {
    return await engine.load(source, kind);
  } catch (failure) {
    throw toError(failure);
  }
}

/** Says each of the engine's warnings once. @internal */
export function emitWarnings(engine: BindingEngine): void {
  for (const warning of engine.takeWarnings()) process.emitWarning(warning, 'RiptideWarning');
}

/** @internal */
export function openPool(engine: BindingEngine, code: BindingCode, options: BindingPoolOptions): BindingPool {
  return attempt(() => new addon.BindingPool(engine, code, options));
}

/** `ready`, `close` and `destroy`. @internal */
export async function settle(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (failure) {
    throw toError(failure);
  }
}

let lastTicket = 0;

/** The hot path: one native call, and a listener only where there is a signal. @internal */
export async function callPool(
  pool: BindingPool,
  name: string,
  args: readonly unknown[],
  timeoutMillis?: number,
  signal?: AbortSignal,
): Promise<unknown> {
  if (signal === undefined) {
    try {
      return await pool.call(name, args, timeoutMillis);
    } catch (failure) {
      throw toError(failure);
    }
  }
  signal.throwIfAborted();
  lastTicket += 1;
  const ticket = lastTicket;
  const abort = () => pool.abort(ticket);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const ended = pool.call(name, args, timeoutMillis, ticket);
    if (signal.aborted) pool.abort(ticket); // by an argument's getter, before there was a ticket to abort
    return await ended;
  } catch (failure) {
    if (signal.aborted && isFailure(failure) && failure.code === 'ERR_ABORTED') throw signal.reason;
    throw toError(failure);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @internal */
export function openSyncInstance(
  engine: BindingEngine,
  code: BindingCode,
  options: BindingInstanceOptions,
): BindingSyncInstance {
  return attempt(() => new addon.BindingSyncInstance(engine, code, options, answerSync));
}

/** @internal */
export function callSync(instance: BindingSyncInstance, name: string, args: readonly unknown[]): unknown {
  try {
    return instance.call(name, args);
  } catch (failure) {
    throw toError(failure);
  }
}

/** @internal */
export function disposeSync(instance: BindingSyncInstance): void {
  attempt(() => instance.dispose());
}

/** The numbers of a sync instance; `undefined` in the middle of its call. @internal */
export function trackSync(instance: BindingSyncInstance): BindingTracker | undefined {
  try {
    return instance.tracker();
  } catch {
    return undefined;
  }
}
