import { Refusal } from './failures.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** More than the keys and punctuation of a body that fits its schema, with white space, take outside of strings. */
const MAX_STRUCTURE_BYTES = 4_096;

/**
 * Refuses JSON that is more than a few strings: parsing megabytes of brackets takes the event loop seconds.
 *
 * @throws Refusal 400
 */
export function checkStructure(json: Buffer): void {
  let outside = 0;
  let end = 0;
  while (end < json.length) {
    const quote = json.indexOf(QUOTE, end);
    outside += (quote === -1 ? json.length : quote) - end;
    if (outside > MAX_STRUCTURE_BYTES) {
      throw new Refusal(400, 'ERR_BAD_BODY', `a body may have ${MAX_STRUCTURE_BYTES} bytes of JSON outside of strings`);
    }
    if (quote === -1) return;
    end = endOfString(json, quote + 1);
  }
}

/** The place behind the quote that ends a string. */
function endOfString(json: Buffer, start: number): number {
  for (let at = start; ; ) {
    const quote = json.indexOf(QUOTE, at);
    if (quote === -1) return json.length;
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === BACKSLASH && quote - backslashes > start) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}
