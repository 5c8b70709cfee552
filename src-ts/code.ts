import type { BindingCode } from './binding.js';
import type { Engine } from './engine.js';
import { describe, makeError, RiptideError } from './errors.js';
import { type CodeInner, inner } from './internal.js';
import { attempt } from './native.js';

/** An export or import of compiled code. */
export interface ExternDescription {
  /**
   * A module's export by its name (`add`), its import as `env#f`; a component's with its interface
   * (`riptide:extractor/extract@1.0.0#get-info`).
   */
  readonly name: string;
  /** `function`, `memory`, `table`, `global`, … */
  readonly kind: string;
  /** A function's type in words; one of more than 4,096 bytes of UTF-8 is cut, and ends with "…". */
  readonly type?: string;
}

/** Compiled code: a {@link Module} or a {@link Component}. */
export abstract class Code {
  /** @internal */
  readonly [inner]: CodeInner;
  /** Whether it is a module or a component. */
  abstract readonly kind: 'module' | 'component';
  /** Whether it came from the engine's cache, without compiling. */
  readonly cacheHit: boolean;
  /** How long loading took, in milliseconds. */
  readonly loadMillis: number;
  #exports: readonly ExternDescription[] | undefined;
  #imports: readonly ExternDescription[] | undefined;

  /** @internal */
  protected constructor(binding: BindingCode, engine: Engine) {
    this[inner] = { binding, engine };
    this.cacheHit = binding.cacheHit;
    this.loadMillis = binding.loadMillis;
  }

  /** Its exports; exported functions can be called. Described on first access. */
  get exports(): readonly ExternDescription[] {
    this.#exports ??= written(() => this[inner].binding.exports());
    return this.#exports;
  }

  /** Its imports, which an instance needs. Described on first access. */
  get imports(): readonly ExternDescription[] {
    this.#imports ??= written(() => this[inner].binding.imports());
    return this.#imports;
  }

  /** The engine it was loaded by. */
  get engine(): Engine {
    return this[inner].engine;
  }
}

/** Anything thrown here is a failure of this package, because none of the caller's code runs. */
function written(describe: () => ExternDescription[]): readonly ExternDescription[] {
  try {
    return Object.freeze(attempt(describe));
  } catch (error) {
    if (error instanceof RiptideError) throw error;
    throw makeError('ERR_INTERNAL', {}, { message: `what the code imports and exports: ${error}`, cause: error });
  }
}

/** @internal */
export function checkCode(code: unknown): void {
  if (!(code instanceof Code)) {
    throw makeError('ERR_BAD_ARGUMENT', {
      path: 'code',
      expected: 'a Module or Component of an Engine',
      received: describe(code),
    });
  }
}
