import type { BindingCode } from './binding.js';
import { Code } from './code.js';
import type { Engine } from './engine.js';

/** A compiled WebAssembly component. Made by `engine.load` and `engine.loadComponent`. */
export class Component extends Code {
  /** `'component'`. */
  readonly kind = 'component';

  private constructor(binding: BindingCode, engine: Engine) {
    super(binding, engine);
  }

  /** @internal */
  static wrap(binding: BindingCode, engine: Engine): Component {
    return new Component(binding, engine);
  }
}
