import { type ParseArgsConfig, parseArgs } from 'node:util';
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
