import { addonFile } from './addon.js';
import type { BindingEngineOptions } from './binding.js';
import { makeError } from './errors.js';
import { insideExecutable } from './location.js';
import { badOption, checkOptions, flag, isRecord, MAX_MILLIS, type Rule, whole } from './options.js';

/** Limits of compiling. Code that exceeds one fails with `ERR_COMPILE_LIMIT`. */
export interface CompileOptions {
  /**
   * Whether code is compiled in a child process (`process.execPath`), which can be ended; the compiler cannot be
   * interrupted otherwise. It costs the start of a Node process for each compilation, and nothing where the cache has
   * the code.
   * @default false
   */
  isolated?: boolean;
  /**
   * With `isolated`: the longest that compiling may take, in milliseconds, the child's start included: 1 to 2,147,483,647.
   * @default 60_000
   */
  timeoutMillis?: number;
  /**
   * With `isolated`: the most memory that the child may hold, in bytes; Node itself takes some 50 MiB of it. 128 MiB to
   * 1 TiB. Kept on Linux only.
   * @default 1 GiB
   */
  memoryBytes?: number;
  /**
   * The most bytes of WebAssembly: 8 to 2^53 - 1.
   * @default 64 MiB
   */
  maxBytes?: number;
  /**
   * The most functions, over all modules of a component, those of its canonical ABI included: 1 to 1,000,000.
   * @default 100_000
   */
  maxFunctions?: number;
  /**
   * How deep modules, components and their types, and the blocks of a function, may lie in each other: 1 to 100,000;
   * types at most 1000 whatever it is.
   * @default 1000
   */
  maxNesting?: number;
  /**
   * The most memory that names and types of imports and exports may take, in bytes: 1024 to 2^53 - 1. A type that is
   * used many times counts once; an import counts 3 KiB and its name, since every pool looks for it.
   * @default 4 MiB
   */
  maxTypeBytes?: number;
}

const MIB = 1024 ** 2;

const RULES = {
  isolated: flag,
  timeoutMillis: whole(1, MAX_MILLIS, 'milliseconds'),
  memoryBytes: whole(128 * MIB, 1024 ** 2 * MIB, 'bytes'),
  maxBytes: whole(8, Number.MAX_SAFE_INTEGER, 'bytes'),
  maxFunctions: whole(1, 1_000_000, 'functions'),
  maxNesting: whole(1, 100_000, 'levels'),
  maxTypeBytes: whole(1024, Number.MAX_SAFE_INTEGER, 'bytes'),
};

/** The rule of the engine's `compile` option. @internal */
export const compileRule: Rule = {
  allowed: `an object with ${Object.keys(RULES).join(', ')}`,
  accepts: isRecord,
};

/**
 * The whole of a compiling process: WebAssembly from standard input, an artefact to standard output. It needs the addon
 * alone, whose file stands before the addon's own arguments; in a bundle there is no other file to run.
 */
const COMPILING = `
const addon = { exports: {} };
process.dlopen(addon, process.argv[1]);
try {
  addon.exports.compileStandardInput(...process.argv.slice(2));
} catch ({ message }) {
  throw new Error(message);
}`;

/** @internal */
export function resolveCompile(given: CompileOptions): BindingEngineOptions['compile'] {
  const options = checkOptions(given, RULES, 'compile.');
  const { isolated = false, timeoutMillis, memoryBytes } = options;
  for (const [name, value] of Object.entries({ timeoutMillis, memoryBytes })) {
    if (!isolated && value !== undefined)
      throw badOption(`compile.${name}`, value, 'only with compile.isolated, since nothing else can be ended');
  }
  const resolved: BindingEngineOptions['compile'] = {
    maxBytes: options.maxBytes ?? 64 * MIB,
    maxFunctions: options.maxFunctions ?? 100_000,
    maxNesting: options.maxNesting ?? 1000,
    maxTypeBytes: options.maxTypeBytes ?? 4 * MIB,
  };
  if (isolated) {
    if (insideExecutable) {
      const message =
        'compile.isolated starts Node, and this program is an executable of its own: compile beforehand, or without it';
      throw makeError('ERR_UNSUPPORTED', { feature: 'compile.isolated' }, { message });
    }
    // In a program that is Node and application in one, a compiling process may begin as the application.
    if (process.env.RIPTIDE_WASM_COMPILING !== undefined)
      throw badOption('compile.isolated', isolated, 'nothing in a process that compiles for another');
    resolved.isolated = {
      program: process.execPath,
      arguments: ['-e', COMPILING, '--', addonFile],
      timeoutMillis: timeoutMillis ?? 60_000,
      memoryBytes: memoryBytes ?? 1024 * MIB,
    };
  }
  return resolved;
}
