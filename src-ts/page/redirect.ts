import type { IncomingMessage } from 'node:http';

const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** Where a page is said to be; `undefined` where the answer is no redirect. */
export function locationOf({ statusCode, headers: { location } }: IncomingMessage): string | undefined {
  if (!REDIRECTS.has(statusCode) || location === undefined) return undefined;
  // Node reads headers as Latin-1; a URL that is not escaped is UTF-8.
  return Buffer.from(location, 'latin1').toString();
}
