import type { BindingGuestOptions, BindingInstanceOptions } from './binding.js';
import type { Code } from './code.js';
import {
  type GivenFunction,
  type HostFunction,
  registerHostFunctions,
  releaseHostFunctions,
} from './host-functions.js';
import { inner } from './internal.js';
import { attempt } from './native.js';
import {
  badOption,
  checkOptions,
  isRecord,
  MAX_PAGES,
  MAX_TABLE_ELEMENTS,
  millis,
  type Rule,
  whole,
} from './options.js';

/** What a guest sees of WASI: arguments and environment. No files, no network. */
export interface WasiOptions {
  /**
   * The guest's arguments, its own name first.
   * @default []
   */
  args?: readonly string[];
  /**
   * The guest's environment.
   * @default {}
   */
  env?: Readonly<Record<string, string>>;
  /**
   * Bytes kept of what each call writes, of standard output and standard error each: 0 to 16,777,216. What is more is
   * dropped. `callWithStats` gives both, and so do the `details` of a failed call.
   * @default 0
   */
  maxOutputBytes?: number;
}

/**
 * Host functions by import namespace, then by name. A module's `(import "env" "log" …)` is `{ env: { log } }`; a
 * component's interface `{ 'pkg:name/iface@1.0.0': { doThis } }`, functions in camelCase or as WIT writes them, the
 * version optional. A component's own function imports stand at the top. What no import asks for is ignored.
 *
 * A host function that throws fails the call with `ERR_HOST_FUNCTION`; where its WIT type returns a `result`, throwing
 * an error with a `payload` gives the guest that payload as `err`.
 */
export type Imports = Readonly<Record<string, HostFunction | Readonly<Record<string, unknown>>>>;

/** Options of every instance, in a pool or not. */
export interface InstanceOptions {
  /**
   * How long a call may take, waiting for an instance included, in milliseconds: above 0, up to 2,147,483,647.
   * @default none: no limit
   */
  timeoutMillis?: number;
  /**
   * The most memory one instance may hold, over all its memories, in pages of 64 KiB: 1 to the engine's
   * `maxMemoryPages`.
   * @default the engine's `maxMemoryPages`
   */
  maxMemoryPages?: number;
  /**
   * The most elements the tables of one instance may have together: 1 to the engine's `maxTableElements`.
   * @default the engine's `maxTableElements`
   */
  maxTableElements?: number;
  /**
   * The fuel of each call, on an engine with `fuel: true`: 1 to 2^53 - 1. Most instructions take one; a guest that runs
   * out of it fails with `ERR_OUT_OF_FUEL`.
   * @default none: no limit
   */
  maxFuel?: number;
  /**
   * The most bytes a result may bring to JavaScript: 1 to 4,294,967,295.
   * @default 67_108_864 (64 MiB)
   */
  maxResultBytes?: number;
  /**
   * The most values (list elements, record fields, …) a result may bring to JavaScript: 1 to 4,294,967,295. Bytes and
   * numbers of typed arrays count once a list.
   * @default 1_000_000
   */
  maxResultValues?: number;
  /**
   * Whether the guest gets WASI, and with which arguments and environment.
   * @default false
   */
  wasi?: boolean | WasiOptions;
  /**
   * The host functions the guest imports.
   * @default {}
   */
  imports?: Imports;
}

const strings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\0'));

const WASI_RULES: Record<string, Rule> = {
  args: { allowed: 'an array of strings without NUL', accepts: strings },
  env: {
    allowed: 'an object of strings without NUL',
    accepts: (value) => isRecord(value) && strings(Object.keys(value)) && strings(Object.values(value)),
  },
  maxOutputBytes: whole(0, 16 * 1024 * 1024, 'bytes'),
};

/** @internal */
export const INSTANCE_RULES = {
  timeoutMillis: millis,
  maxMemoryPages: whole(1, MAX_PAGES, 'pages'),
  maxTableElements: whole(1, MAX_TABLE_ELEMENTS, 'elements'),
  maxFuel: whole(1, Number.MAX_SAFE_INTEGER),
  // A 32-bit guest has no more to give.
  maxResultBytes: whole(1, 4_294_967_295, 'bytes'),
  maxResultValues: whole(1, 4_294_967_295, 'values'),
  wasi: {
    allowed: 'true, false, or an object with args, env and maxOutputBytes',
    accepts: (value: unknown) => typeof value === 'boolean' || isRecord(value),
  },
  imports: { allowed: 'an object of functions, or of objects of functions', accepts: isRecord },
} satisfies Record<string, Rule>;

/** Options checked and filled in, without the imports, which get their numbers from the caller. @internal */
export function instanceOptions(code: Code, options: InstanceOptions): Omit<BindingInstanceOptions, 'imports'> {
  const { engine } = code;
  const atMostEngine = (name: 'maxMemoryPages' | 'maxTableElements', unit: string): number => {
    const { [name]: most } = engine;
    const value = options[name] ?? most;
    if (value > most) throw badOption(name, value, `1 to ${most} ${unit}, the engine's ${name}`);
    return value;
  };
  const guest: BindingGuestOptions = {
    maxMemoryPages: atMostEngine('maxMemoryPages', 'pages'),
    maxTableElements: atMostEngine('maxTableElements', 'elements'),
    maxResultBytes: options.maxResultBytes ?? 64 * 1024 * 1024,
    maxResultValues: options.maxResultValues ?? 1_000_000,
  };
  const { timeoutMillis, maxFuel, wasi = false } = options;
  if (maxFuel !== undefined) {
    if (!engine.fuel) throw badOption('maxFuel', maxFuel, 'nothing, on an engine without `fuel: true`');
    guest.fuel = maxFuel;
  }
  if (wasi !== false) {
    const { args = [], env = {}, maxOutputBytes = 0 } = checkOptions(wasi === true ? {} : wasi, WASI_RULES, 'wasi.');
    guest.wasi = { args: [...args], env: Object.entries(env), maxOutputBytes };
  }
  return timeoutMillis === undefined ? { guest } : { guest, timeoutMillis };
}

/** The host functions that the code asks for, with the places of its imports; with `sync`, async ones are refused. @internal */
export function matchImports(
  code: Code,
  imports: Imports = {},
  sync = false,
): { places: number[]; functions: GivenFunction[] } {
  // Names and what is given under them. All are matched in one native call: code may import any number of things.
  const names: string[] = [];
  const given: { path: string; value: unknown }[] = [];
  const offer = (path: string, value: unknown, ...asked: string[]): void => {
    for (const name of code.kind === 'component' ? new Set(asked) : asked.slice(0, 1)) {
      names.push(name);
      given.push({ path, value });
    }
  };
  for (const [space, inside] of Object.entries(imports)) {
    if (inside === undefined) continue;
    offer(space, inside, space, kebab(space));
    if (!isRecord(inside)) continue;
    for (const [key, value] of Object.entries(inside)) {
      if (value !== undefined) offer(`${space}.${key}`, value, `${space}#${key}`, `${space}#${kebab(key)}`);
    }
  }
  const matched = attempt(() => code[inner].binding.matchImports(names));
  const places: number[] = [];
  const functions: GivenFunction[] = [];
  for (let at = 0; at < matched.length; at += 3) {
    const { path, value } = given[matched[at] as number] as { path: string; value: unknown };
    if (typeof value !== 'function') throw badOption(`imports.${path}`, value, 'a function');
    if (sync && isAsync(value))
      throw badOption(`imports.${path}`, value, 'a function that is not async, in a sync instance');
    places.push(matched[at + 1] as number);
    functions.push({ call: value as HostFunction, fallible: matched[at + 2] === 1 });
  }
  return { places, functions };
}

function isAsync(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Registers host functions and calls `open` with their numbers; releases them if `open` throws. @internal */
export function openWithHostFunctions<B>(
  code: Code,
  given: Imports | undefined,
  open: (imports: Uint32Array) => B,
): { binding: B; ids: number[] } {
  const { places, functions } = matchImports(code, given);
  const ids = registerHostFunctions(functions);
  const pairs = new Uint32Array(2 * ids.length);
  for (const [index, id] of ids.entries()) pairs.set([places[index] as number, id], 2 * index);
  try {
    return { binding: open(pairs), ids };
  } catch (error) {
    releaseHostFunctions(ids);
    throw error;
  }
}
