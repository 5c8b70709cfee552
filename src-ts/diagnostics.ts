// What this package tells on node:diagnostics_channel, to whoever has subscribed.
import { type Channel, channel, tracingChannel } from 'node:diagnostics_channel';
import type { Code } from './code.js';
import type { CodeSource, Engine } from './engine.js';
import type { Instance } from './instance.js';
import type { BreakerState, DeniedGrowth, DestroyReason, Pool, PoolEvents } from './pool.js';

/** What `tracing:riptide-wasm:load:*` tells: one of `engine.load`, `loadModule` and `loadComponent`. */
export interface LoadMessage {
  readonly engine: Engine;
  readonly source: CodeSource;
  /** When it ended well. */
  readonly result?: Code;
  /** When it failed. */
  readonly error?: unknown;
}

/** What `tracing:riptide-wasm:call:*` tells: one call of an exported function, but for those of sync instances. */
export interface CallMessage {
  readonly target: Pool | Instance<object>;
  /** The function's name, as it was called. */
  readonly name: string;
  /** The caller's own arguments, not a copy. */
  readonly args: readonly unknown[];
  /** When it ended well; with what it took for `callWithStats`. */
  readonly result?: unknown;
  /** When it failed. */
  readonly error?: unknown;
}

/** What `riptide-wasm:pool:growthDenied`, `…:instanceCreated`, `…:instanceDestroyed` and `…:breaker` tell. */
export interface PoolMessage {
  readonly pool: Pool;
  /** Of `growthDenied`. */
  readonly growth?: DeniedGrowth;
  /** Of `instanceDestroyed`. */
  readonly reason?: DestroyReason;
  /** Of `breaker`: the state it is in now. */
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
