// The messages that this package publishes on node:diagnostics_channel.
import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { Code } from './code.js';
import type { CodeSource, Engine } from './engine.js';
import type { Instance } from './instance.js';
import type { BreakerState, DeniedGrowth, DestroyReason, Pool, PoolEvents } from './pool.js';

/** A message of `tracing:riptide-wasm:load:*`: one `engine.load`, `loadModule` or `loadComponent`. */
export interface LoadMessage {
  /** The engine that loads. */
  readonly engine: Engine;
  /** The path, URL or bytes that it loads. */
  readonly source: CodeSource;
  /** The code, once it is loaded. */
  readonly result?: Code;
  /** Why loading failed. */
  readonly error?: unknown;
}

/** A message of `tracing:riptide-wasm:call:*`: one call of an exported function, except in sync instances. */
export interface CallMessage {
  /** The pool or instance that was called. */
  readonly target: Pool | Instance<object>;
  /** The function's name, as it was called. */
  readonly name: string;
  /** The caller's own arguments, not a copy. */
  readonly args: readonly unknown[];
  /** The result, once the call has succeeded; of `callWithStats` with its stats. */
  readonly result?: unknown;
  /** Why the call failed. */
  readonly error?: unknown;
}

/** A message of `riptide-wasm:pool:growthDenied`, `…:instanceCreated`, `…:instanceDestroyed` or `…:breaker`. */
export interface PoolMessage {
  /** The pool that the event is of. */
  readonly pool: Pool;
  /** With `growthDenied`: the growth. */
  readonly growth?: DeniedGrowth;
  /** With `instanceDestroyed`: why the instance was destroyed. */
  readonly reason?: DestroyReason;
  /** With `breaker`: its new state. */
  readonly state?: BreakerState;
}

/** @internal */
export const loads = tracingChannel('riptide-wasm:load');

/** @internal */
export const calls = tracingChannel('riptide-wasm:call');

/** @internal */
export const poolChannels: Readonly<Record<keyof PoolEvents, Channel>> = {
  growthDenied: channel('riptide-wasm:pool:growthDenied'),
  instanceCreated: channel('riptide-wasm:pool:instanceCreated'),
  instanceDestroyed: channel('riptide-wasm:pool:instanceDestroyed'),
  breaker: channel('riptide-wasm:pool:breaker'),
};
