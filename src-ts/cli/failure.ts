/** A command that cannot go on, with its exit code: 1 for what failed, 2 for how it was asked. */
export class Failure extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A way of asking that is not understood; where it is described is told with it. */
export function usage(message: string): Failure {
  return new Failure(message, 2);
}

/** Any error in one line, with what caused it. */
export function oneLine(error: unknown): string {
  const { code } = error as { code?: unknown };
  const text = told(error);
  const known = typeof code === 'string' && code.startsWith('ERR_') && !text.includes(code) ? `${code}: ` : '';
  return sanitise(known + text);
}

function told(error: unknown): string {
  const { message, cause } = error as { message?: unknown; cause?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  const because = cause instanceof Error ? told(cause) : '';
  return text.includes(because) ? text : `${text} (${because})`;
}

/** Without control and invisible formatting characters, which could drive the terminal; white space collapsed. */
export function sanitise(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
