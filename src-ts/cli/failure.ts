import { inspect } from 'node:util';

/** A command that cannot go on, with its exit code: 1 for what failed, 2 for how it was asked. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command line that is not understood, with a hint to the help. */
export function usage(message: string): Failure {
  return new Failure(message, 2);
}

/** The most causes behind an error that are looked at: a chain of them may be a cycle. */
export const MOST_CAUSES = 8;

/** Anything thrown in one line, with what caused it. */
export function oneLine(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  const text = describeError(error);
  const known = typeof code === 'string' && code.startsWith('ERR_') && !text.includes(code) ? `${code}: ` : '';
  return sanitise(known + text);
}

function describeError(error: unknown, left = MOST_CAUSES): string {
  const { message, cause } = Object(error) as { message?: unknown; cause?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : asText(error);
  const because = cause instanceof Error && left > 0 ? describeError(cause, left - 1) : '';
  return text.includes(because) ? text : `${text} (${because})`;
}

/** An object need not have a `toString`. */
function asText(value: unknown): string {
  return typeof value === 'object' && !(value instanceof Error) ? inspect(value) : String(value);
}

/** Without control and invisible formatting characters, which could drive the terminal; white space collapsed. */
export function sanitise(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
