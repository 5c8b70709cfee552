// Options of the commands here.
import { Failure } from '../../scripts/lib.mjs';

/** A whole number from 1 that was given as text, or `otherwise` if none was. */
export function wholeNumber(name, given, otherwise) {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Failure(`--${name} is ${given}; allowed: a whole number from 1`);
  return value;
}
