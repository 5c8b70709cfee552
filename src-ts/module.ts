import type { BindingCode } from './binding.js';
import { Code } from './code.js';
import type { Engine } from './engine.js';

/** A compiled core WebAssembly module. Made by `engine.load` and `engine.loadModule`. */
export class Module extends Code {
  /** `'module'`: a core module. */
  readonly kind = 'module';

  private constructor(binding: BindingCode, engine: Engine) {
    super(binding, engine);
  }

  /** @internal */
  static wrap(binding: BindingCode, engine: Engine): Module {
    return new Module(binding, engine);
  }
}
