import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { CacheOptions } from '../cache-options.js';
import { cacheFields } from '../config.js';
import { warnOfUnknown } from '../variables.js';
import { oneLine, usage } from './failure.js';

/** `parseArgs`, whose failures are ways of asking that are not understood. */
export function parseArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw usage(oneLine(error).replace(/^ERR_\w+: /, ''));
  }
}

/** A whole number of an option; `undefined` where it is not given. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw usage(`--${option} is a whole number, not ${JSON.stringify(text)}`);
  return number;
}

/** The cache of the environment, with what the command says over it. */
export function cacheOf(directory: string | undefined, trust: string | undefined): CacheOptions {
  warnOfUnknown(process.env);
  const options = cacheFields(process.env);
  if (directory !== undefined) options.directory = directory;
  if (trust === undefined) return options;
  if (trust !== 'key' && trust !== 'owner') throw usage(`--trust is key or owner, not ${JSON.stringify(trust)}`);
  // There is no key with this trust, so the environment's is not for it.
  if (trust === 'owner') delete options.keyFile;
  return { ...options, trust };
}
