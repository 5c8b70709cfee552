import type { BindingCode, BindingEngine, BindingEngineStats } from './binding.js';
import type { Engine } from './engine.js';

/** How classes of this package reach each other's native half, unseen in the typings. @internal */
export const inner: unique symbol = Symbol('riptide-wasm');

/**
 * What an engine or a pool was made with. Registered, so that copies of this package in one thread find it in each other's.
 * @internal
 */
export const configuration: unique symbol = Symbol.for('riptide-wasm.configuration') as never;

/**
 * A method of an engine: all its numbers by one native call, as making them takes longer than reading them.
 * @internal
 */
export const numbers: unique symbol = Symbol.for('riptide-wasm.numbers') as never;

/** @internal */
export interface EngineNumbers {
  readonly stats: BindingEngineStats;
  /** How often the shared tier of the cache could not be read or written. */
  readonly sharedFailures: number;
}

/** @internal */
export interface EngineInner {
  readonly binding: BindingEngine;
  readonly maxInstances: number;
}

/** @internal */
export interface CodeInner {
  readonly binding: BindingCode;
  readonly engine: Engine;
}
