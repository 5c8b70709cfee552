/** A message lies in Redis with the job, and in the queue's stream of events. */
const MAX_LENGTH = 500;

/**
 * An error in one line that may lie in a queue: with its code, without credentials and queries of addresses, and without what
 * a database of UTF-8 text refuses (U+0000, lone surrogates).
 */
export function failureMessage(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : said(error);
  const known = typeof code === 'string' && !text.includes(code) ? `${code}: ` : '';
  return cleanText(known + text)
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ')
    .replace(/\/\/[^\s/@]*@/g, '//…@')
    .replace(/(\w+:\/\/[^\s?]*)\?[^\s'")]*/g, '$1?…')
    .trim()
    .slice(0, MAX_LENGTH)
    .replace(/[\ud800-\udbff]$/, '');
}

/** A text that every queue takes: lone surrogates and U+0000 become U+FFFD. */
export function cleanText(text: string): string {
  return text.replace(/\p{Cs}|\0/gu, '\ufffd');
}

/** A value that was thrown and has no message: `throw null` too. */
function said(thrown: unknown): string {
  return typeof thrown === 'string' && thrown !== '' ? thrown : `failed without an error (${typeof thrown})`;
}
