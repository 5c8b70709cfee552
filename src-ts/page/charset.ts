import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { declaredEncodingOf, encodingOf } from './encoding.js';
import { MetaScanner } from './meta.js';

/** How far the HTML standard's prescan looks, in bytes. */
const PRESCAN_BYTES = 1024;

/** Bytes that are decoded in one turn of the event loop: the slowest decoders take some 30 ns for each. */
const SLICE_BYTES = 64 * 1024;

/** Bytes that are scanned in one turn: fewer, as a page that is written to be slow takes some 100 ns for each. */
const SCAN_SLICE_BYTES = 16 * 1024;

const STREAM = { stream: true };

const BYTE_ORDER_MARKS: readonly (readonly [string, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** `<?x` in UTF-16. */
const XML_DECLARATIONS: readonly (readonly [string, readonly number[]])[] = [
  ['utf-16le', [0x3c, 0, 0x3f, 0, 0x78, 0]],
  ['utf-16be', [0, 0x3c, 0, 0x3f, 0, 0x78]],
];

/** windows-1252 from 0x80 to 0x9f; the rest of it is Latin-1. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/**
 * A page's bytes as UTF-8 without a byte order mark. Its character set is the first of these that there is, as in the HTML
 * standard: that of its byte order mark; `charset`; the first `<meta>` that names one, however late it stands; one that
 * only looks like a `<meta>`, as inside of a script, in the first 1,024 bytes; an XML declaration; UTF-8 where the bytes
 * are valid; windows-1252. A label that Node does not know is as if it were absent, and so is every `<meta>` after 64 of
 * them; bytes that are no characters become U+FFFD.
 *
 * @param charset the label in its `content-type`, as {@link charsetOf} gives it
 * @returns `bytes` or a view of them where they are valid UTF-8 already
 */
export async function toUtf8(bytes: Uint8Array, charset?: string): Promise<Uint8Array> {
  const marked = BYTE_ORDER_MARKS.find(([, mark]) => beginsWith(bytes, mark));
  if (marked !== undefined) return reencoded(bytes.subarray(marked[1].length), marked[0]);
  const named = encodingOf(charset) ?? (await declaredEncoding(bytes));
  return reencoded(bytes, named ?? (isUtf8(bytes) ? 'utf-8' : 'windows-1252'));
}

/** The character set that a `content-type` names, if it does. */
export function charsetOf(contentType: string | undefined): string | undefined {
  const [, quoted, plain] = /;\s*charset\s*=\s*(?:["']([^"']*)["']|([^\s;"']+))/i.exec(contentType ?? '') ?? [];
  return quoted ?? plain;
}

async function reencoded(bytes: Uint8Array, encoding: string): Promise<Uint8Array> {
  if (encoding === 'utf-8' && isUtf8(bytes)) return bytes;
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  const decode = encoding === 'windows-1252' ? decodeWindows1252 : (slice: Uint8Array) => decoder.decode(slice, STREAM);
  const pieces: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    if (start > 0) await nextTurn();
    pieces.push(Buffer.from(decode(bytes.subarray(start, start + SLICE_BYTES))));
  }
  pieces.push(Buffer.from(decoder.decode()));
  return Buffer.concat(pieces);
}

/** By hand: Node's own decoder takes it for Latin-1 in many versions (20.18.3 and later, 22.13 and later). */
function decodeWindows1252(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    units[index] = byte >= 0x80 && byte < 0xa0 ? WINDOWS_1252.charCodeAt(byte - 0x80) : byte;
  }
  return Buffer.from(units.buffer).toString('utf16le');
}

/** What the page says of itself. */
async function declaredEncoding(bytes: Uint8Array): Promise<string | undefined> {
  const utf16 = XML_DECLARATIONS.find(([, declaration]) => beginsWith(bytes, declaration));
  if (utf16 !== undefined) return utf16[0];
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const parser = new MetaScanner(page, true);
  parser.scan(SCAN_SLICE_BYTES);
  while (parser.unfinished) {
    await nextTurn();
    parser.scan(SCAN_SLICE_BYTES);
  }
  if (parser.encoding !== undefined) return parser.encoding;
  const head = page.subarray(0, PRESCAN_BYTES);
  const prescan = new MetaScanner(head, false);
  prescan.scan(PRESCAN_BYTES);
  return prescan.encoding ?? encodingOfXml(head.toString('latin1'));
}

function encodingOfXml(head: string): string | undefined {
  // In two steps: one expression for both takes milliseconds of a head that is written for it.
  const [declaration = ''] = /^<\?xml[^>]*>/.exec(head) ?? [];
  const [, , label] = /encoding[\0- ]*=[\0- ]*(["'])([^\0- ]*?)\1/.exec(declaration) ?? [];
  return declaredEncodingOf(label);
}

function beginsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
