import { describe, makeError, type OptionError } from './errors.js';

/** A rule for an option's value. @internal */
export interface Rule {
  /** The allowed values in words, for the error's message. */
  readonly allowed: string;
  accepts(value: unknown): boolean;
}

/** A whole number from `least` to `most`. @internal */
export function whole(least: number, most: number, unit = ''): Rule {
  return {
    allowed: `a whole number${unit && ` of ${unit}`} from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

/** The longest time limit: about 24.8 days, the longest a Node timer takes. @internal */
export const MAX_MILLIS = 2_147_483_647;

// Limits of the runtime, which refuses more: `binding.test.ts` compares them.

/** Bytes of a page of linear memory. @internal */
export const PAGE_BYTES = 65_536;

/** The most pages of one memory: 4 GiB. @internal */
export const MAX_PAGES = 65_536;

/** The most worker threads of an engine. @internal */
export const MAX_WORKERS = 64;

/** The most instances that an engine has room for. @internal */
export const MAX_INSTANCES = 4096;

/** The most elements that the tables of an instance have room for. @internal */
export const MAX_TABLE_ELEMENTS = 10_000_000;

// Defaults of an engine, made with options or from the environment.

/** @internal */
export const DEFAULT_MAX_INSTANCES = 64;

/** 256 MiB. @internal */
export const DEFAULT_MAX_PAGES = 4096;

/** @internal */
export const DEFAULT_COLD_START_TARGET_MILLIS = 15;

/** @internal */
export const MAX_COLD_START_TARGET_MILLIS = 3_600_000;

/** A hundred years. @internal */
export const MAX_AGE_MILLIS = 3_155_760_000_000;

/** A time above zero; fractions are allowed. @internal */
export const millis: Rule = {
  allowed: `a number of milliseconds above 0, up to ${MAX_MILLIS}`,
  accepts: (value) => typeof value === 'number' && value > 0 && value <= MAX_MILLIS,
};

/** @internal */
export const flag: Rule = { allowed: 'true or false', accepts: (value) => typeof value === 'boolean' };

/** @internal */
export const callback: Rule = { allowed: 'a function', accepts: (value) => typeof value === 'function' };

/** @internal */
export const abortSignal: Rule = { allowed: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal };

/** @internal */
export const words: Rule = {
  allowed: 'a string that is not empty and holds no NUL',
  accepts: (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
};

/** @internal */
export function oneOf(...values: string[]): Rule {
  return {
    allowed: values.map((value) => JSON.stringify(value)).join(' or '),
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

/** Checked by its own function later; here only its name is known. @internal */
export const anything: Rule = { allowed: 'anything', accepts: () => true };

/**
 * Checks an options object by name: unknown names and values out of range are `ERR_BAD_OPTION`.
 * `undefined` is the same as absent. What it returns is what was checked: each option is read once, whether it is the
 * object's own or its class's, so that a getter can't give another value later.
 * @internal
 */
export function checkOptions<T extends object>(
  options: T | undefined,
  rules: Readonly<Record<string, Rule>>,
  prefix = '',
): T {
  const checked: Record<string, unknown> = {};
  if (options === undefined) return checked as T;
  if (!isRecord(options)) throw badOption(prefix ? prefix.slice(0, -1) : 'options', options, 'an object');
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(rules, name)) continue;
    throw makeError(
      'ERR_BAD_OPTION',
      { option: prefix + name, value: detail(options[name]), allowed: Object.keys(rules) },
      { message: `${prefix}${name} is not an option; there are ${Object.keys(rules).join(', ')}` },
    );
  }
  for (const [name, rule] of Object.entries(rules)) {
    const value = options[name];
    if (value === undefined) continue;
    if (!rule.accepts(value)) throw badOption(prefix + name, value, rule.allowed);
    checked[name] = value;
  }
  return checked as T;
}

/**
 * @param index where the value is one of a list, which the option is
 * @internal
 */
export function badOption(option: string, value: unknown, allowed: string, index?: number): OptionError {
  const place = index === undefined ? option : `${option}[${index}]`;
  return makeError(
    'ERR_BAD_OPTION',
    { option, value: detail(value), allowed },
    { message: `${place} is ${describe(value)}; allowed: ${allowed}` },
  ) as OptionError;
}

/** @internal */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function detail(value: unknown): number | string {
  return typeof value === 'number' || typeof value === 'string' ? value : describe(value);
}
