import type { BindingCode, BindingEngine } from './binding.js';
import type { Engine } from './engine.js';

/** How classes of this package reach each other's native half, unseen in the typings. @internal */
export const inner: unique symbol = Symbol('riptide-wasm');

/**
 * What an engine or a pool was made with. Registered, so that copies of this package in one thread find it in each other's.
 * @internal
 */
export const configuration: unique symbol = Symbol.for('riptide-wasm.configuration') as never;

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
