import type { BindingCode, BindingEngine } from './binding.js';
import type { Engine } from './engine.js';

/** How classes of this package reach each other's native half, unseen in the typings. @internal */
export const inner: unique symbol = Symbol('riptide-wasm');

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
