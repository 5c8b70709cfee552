import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusal } from './failures.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** More than the keys and punctuation of a body that fits its schema, with white space, take outside of strings. */
const MAX_STRUCTURE_BYTES = 4_096;

/** How many bytes are checked in one turn of the event loop. */
const SLICE_BYTES = 1024 * 1024;

/**
 * Refuses JSON that is more than a few strings: parsing megabytes of brackets takes the event loop seconds.
 *
 * @throws Refusal 400
 */
export async function checkStructure(json: Buffer): Promise<void> {
  let outside = 0;
  let inString = false;
  for (let at = 0; at < json.length; ) {
    if (at > 0) await nextTurn();
    for (const end = Math.min(at + SLICE_BYTES, json.length); at < end; at++) {
      const byte = json[at];
      // A quote counts as outside: a string has two.
      if (byte === QUOTE) inString = !inString;
      else if (inString && byte === BACKSLASH) at++;
      if (!inString) outside++;
    }
    if (outside > MAX_STRUCTURE_BYTES) {
      throw new Refusal(400, 'ERR_BAD_BODY', `a body may have ${MAX_STRUCTURE_BYTES} bytes of JSON outside of strings`);
    }
  }
}
