import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** How far into a page its `<meta charset>` must stand, in bytes, as in the HTML standard. */
const META_WITHIN = 1024;

/** So many bytes are decoded in one turn of the event loop: the slowest decoders take some 30 ns for each. */
const SLICE_BYTES = 64 * 1024;

const STREAM = { stream: true };

const BYTE_ORDER_MARKS: readonly (readonly [string, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** windows-1252 from 0x80 to 0x9f; the rest of it is Latin-1. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/**
 * A page's bytes as UTF-8 without a byte order mark. Its character set is that of its byte order mark, else of
 * `charset`, else of a `<meta>` in its first 1,024 bytes, else UTF-8 where it is valid, else windows-1252. A label that
 * Node does not know is as if it were absent; bytes that are no characters become U+FFFD.
 *
 * @param charset the label in its `content-type`, as {@link charsetOf} gives it
 * @returns `bytes` or a view of them where they are valid UTF-8 already
 */
export async function toUtf8(bytes: Uint8Array, charset?: string): Promise<Uint8Array> {
  for (const [encoding, mark] of BYTE_ORDER_MARKS) {
    if (mark.every((byte, index) => bytes[index] === byte)) return reencoded(bytes.subarray(mark.length), encoding);
  }
  const named = encodingOf(charset) ?? encodingOfMeta(bytes);
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

function encodingOfMeta(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, META_WITHIN)).toString('latin1');
  for (const [, text = ''] of head.replace(/<!--.*?(?:-->|$)/gs, '').matchAll(/<meta[\s/]([^>]*)/gi)) {
    const attributes = attributesOf(text);
    const declared = attributes.get('http-equiv')?.toLowerCase() === 'content-type';
    const label = attributes.get('charset') ?? (declared ? charsetOf(`;${attributes.get('content')}`) : undefined);
    const encoding = encodingOf(label);
    // What could be read as ASCII so far is no UTF-16, whatever it says.
    if (encoding !== undefined) return encoding.startsWith('utf-16') ? 'utf-8' : encoding;
  }
  return undefined;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = '', double, single, plain] of text.matchAll(
    /([^\s"'/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))/g,
  )) {
    const key = name.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, double ?? single ?? plain ?? '');
  }
  return attributes;
}

function encodingOf(label: string | undefined): string | undefined {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
