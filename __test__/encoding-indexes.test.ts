// Every one- and two-byte sequence of each legacy encoding against the standard's indexes.
//
// The indexes are those of @exodus/bytes, which decodes by tables of its own in JavaScript and tests these against the
// standard's files. Node's TextDecoder is no measure: it has ICU's tables. The older npm packages (text-encoding, iconv-lite)
// have indexes from before the standard took over GB18030-2022.
import { createMultibyteDecoder } from '@exodus/bytes/multi-byte.js';
import { createSinglebyteDecoder } from '@exodus/bytes/single-byte.js';
import { describe, expect, test } from 'vitest';
import { decodePage } from './charset-support.js';

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);

const TRAILS = BYTES.filter((byte) => byte !== 0x0a);

/** Lines of these bytes. `\n` belongs to no sequence of any of these encodings, so that each line begins anew. */
const pageOf = (lines: readonly (readonly number[])[]) => Uint8Array.from(lines.flatMap((line) => [...line, 0x0a]));
const linesOf = (text: string) => text.split('\n');

function ours(page: Uint8Array, encoding: string): string {
  const decoded = decodePage(page, `text/html; charset=${encoding}`) as Uint8Array;
  return Buffer.from(decoded).toString();
}

/** Behind the `=`: a character, or a letter with its accent, of which big5 has four. */
const ONE_CHARACTER = /^=[^\ufffd][\u0304\u030c]?$/u;

const SINGLE_BYTE = [
  'ibm866',
  ...[2, 3, 4, 5, 6, 7, 8, '8-i', 10, 13, 14, 15, 16].map((part) => `iso-8859-${part}`),
  'koi8-r',
  'koi8-u',
  'macintosh',
  'windows-874',
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((page) => `windows-125${page}`),
  'x-mac-cyrillic',
  'x-user-defined',
];

describe('each byte is what the index says', () => {
  test.each(SINGLE_BYTE)('%s', (encoding) => {
    const page = pageOf(BYTES.map((byte) => [byte]));
    const standard = createSinglebyteDecoder(encoding as 'ibm866', true)(page);
    expect(new Set(standard).size).toBeGreaterThan(200);
    expect(ours(page, encoding)).toBe(standard);
  });
});

// How many pairs of bytes are one character, or in big5 a letter with its accent.
describe('each pair of bytes is what the index says', () => {
  test.each([
    ['big5', 18_594],
    ['euc-jp', 7_399],
    ['euc-kr', 17_048],
    ['gb18030', 23_940],
    ['gbk', 23_940],
    ['shift_jis', 9_604],
  ] as const)('%s', (encoding, count) => {
    const decoder = createMultibyteDecoder(encoding, true);
    const alone = pageOf(BYTES.map((byte) => [0x3d, byte]));
    expect(linesOf(ours(alone, encoding))).toEqual(linesOf(decoder(alone)));
    let valid = 0;
    for (const lead of BYTES) {
      const page = pageOf(TRAILS.map((trail) => [0x3d, lead, trail]));
      const standard = decoder(page);
      expect(linesOf(ours(page, encoding)), `lead byte ${lead}`).toEqual(linesOf(standard));
      if (lead >= 0x80) valid += linesOf(standard).filter((line) => ONE_CHARACTER.test(line)).length;
    }
    expect(valid).toBe(count);
  });

  test('iso-2022-jp', () => {
    const decoder = createMultibyteDecoder('iso-2022-jp', true);
    const printable = BYTES.slice(0x21, 0x7f);
    let valid = 0;
    for (const lead of printable) {
      // ESC $ B begins two-byte characters, ESC ( B ends them.
      const page = pageOf(printable.map((trail) => [0x1b, 0x24, 0x42, lead, trail, 0x1b, 0x28, 0x42]));
      const standard = decoder(page);
      expect(linesOf(ours(page, 'iso-2022-jp')), `lead byte ${lead}`).toEqual(linesOf(standard));
      valid += linesOf(standard).filter((line) => line !== '' && !line.includes('\ufffd')).length;
    }
    expect(valid).toBeGreaterThan(6_800);
  });
});
