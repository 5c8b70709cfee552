import type { Code } from './code.js';
import { inner } from './internal.js';
import type { BindingInstanceOptions, HostFunction, RegisteredFunction } from './native.js';
import { badOption, checkOptions, flag, isRecord, MAX_INSTANCES, millis, type Rule, whole } from './options.js';

/** What a guest sees of WASI: arguments and environment. No files, no network; its output is dropped. */
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
    accepts: (value) => isRecord(value) && strings(Object.values(value)),
  },
};

/** @internal */
export const INSTANCE_RULES = {
  timeoutMillis: millis,
  maxMemoryPages: whole(1, 65_536, 'pages'),
  // A 32-bit guest has no more to give.
  maxResultBytes: whole(1, 4_294_967_295, 'bytes'),
  maxResultValues: whole(1, 4_294_967_295, 'values'),
  wasi: {
    allowed: 'true, false, or an object with args and env',
    accepts: (value: unknown) => typeof value === 'boolean' || isRecord(value),
  },
  imports: { allowed: 'an object of functions, or of objects of functions', accepts: isRecord },
} satisfies Record<string, Rule>;

/** Options checked and filled in, without the imports, which get their numbers from the caller. @internal */
export function instanceOptions(code: Code, options: InstanceOptions): Omit<BindingInstanceOptions, 'imports'> {
  const { maxMemoryPages: most } = code.engine;
  const { timeoutMillis, maxMemoryPages = most, wasi = false } = options;
  if (maxMemoryPages > most) {
    throw badOption('maxMemoryPages', maxMemoryPages, `1 to ${most} pages, the engine's maxMemoryPages`);
  }
  const resolved: Omit<BindingInstanceOptions, 'imports'> = {
    maxMemoryPages,
    maxResultBytes: options.maxResultBytes ?? 64 * 1024 * 1024,
    maxResultValues: options.maxResultValues ?? 1_000_000,
  };
  if (timeoutMillis !== undefined) resolved.timeoutMillis = timeoutMillis;
  if (wasi !== false) {
    const { args = [], env = {} } = wasi === true ? {} : wasi;
    if (wasi !== true) checkOptions(wasi, WASI_RULES, 'wasi.');
    resolved.wasi = { args: [...args], env: Object.entries(env) };
  }
  return resolved;
}

/** The host functions that the code asks for, by the names it asks with; with `sync`, async ones are refused. @internal */
export function matchImports(
  code: Code,
  imports: Imports = {},
  sync = false,
): { names: string[]; functions: RegisteredFunction[] } {
  const names: string[] = [];
  const functions: RegisteredFunction[] = [];
  for (const { name, type } of code[inner].binding.imports) {
    const found = find(name, imports, code.kind === 'component');
    if (found === undefined) continue; // the linker names what is missing, with its type
    const [path, value] = found;
    if (typeof value !== 'function') throw badOption(`imports.${path}`, value, 'a function');
    if (sync && isAsync(value)) {
      throw badOption(`imports.${path}`, value, 'a function that is not async, in a sync instance');
    }
    names.push(name);
    functions.push({ call: value as HostFunction, fallible: /-> result\b/.test(type ?? '') });
  }
  return { names, functions };
}

function find(name: string, imports: Imports, component: boolean): [path: string, value: unknown] | undefined {
  for (const [space, given] of Object.entries(imports)) {
    if (given === undefined) continue;
    if (space === name || (component && !name.includes('#') && kebab(space) === name)) return [space, given];
    // A module's namespace may hold a # of its own, so it is the namespace that says where the name begins.
    const rest = after(name, space, component);
    if (rest === undefined || !isRecord(given)) continue;
    for (const [key, value] of Object.entries(given)) {
      if (value !== undefined && (key === rest || (component && kebab(key) === rest)))
        return [`${space}.${key}`, value];
    }
  }
  return undefined;
}

function isAsync(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}

function after(name: string, space: string, component: boolean): string | undefined {
  if (name.startsWith(`${space}#`)) return name.slice(space.length + 1);
  if (!component || space.includes('@') || !name.startsWith(`${space}@`)) return undefined;
  const hash = name.indexOf('#');
  return hash < 0 ? undefined : name.slice(hash + 1);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Options that are not used here belong to the rules, so that they are refused by name. @internal */
export const POOL_RULES = {
  ...INSTANCE_RULES,
  min: whole(0, MAX_INSTANCES, 'instances'),
  max: whole(1, MAX_INSTANCES, 'instances'),
  reuse: flag,
} satisfies Record<string, Rule>;
