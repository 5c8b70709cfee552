// HTML as callers have it, made into what the extractor takes: a string, or bytes of UTF-8.

import { types } from 'node:util';
import { addon } from './addon.js';
import { CALL_RULES, type CallOptions } from './caller.js';
import { describe, makeError } from './errors.js';
import { ExtractionError } from './extraction-error.js';
import { attempt, toError } from './native.js';
import { checkOptions } from './options.js';
import { Gathered } from './page/bytes.js';
import { type Reader, readerOf, untilAborted, type WebStream } from './stream-reader.js';

/** A piece of a stream of HTML. */
export type HtmlPiece = string | Uint8Array | ArrayBufferLike;

/**
 * A page: a string, its bytes, or a stream of either (a Node `Readable`, a `ReadableStream` such as `response.body`, an
 * async iterable). The pieces of one stream are all strings or all bytes.
 *
 * Bytes are decoded as browsers do it: by their byte order mark, else the `charset` in {@link PageOptions.contentType}, else
 * the first `<meta>` that names an encoding, else the XML declaration; else they are UTF-8 where they are valid, and
 * windows-1252 where they are not. Strings are taken as they are.
 *
 * Bytes are read before the call returns: what becomes of them later makes no difference.
 */
export type Html = HtmlPiece | AsyncIterable<HtmlPiece> | WebStream<HtmlPiece>;

/** Options of a call with a page. */
export interface PageOptions extends CallOptions {
  /**
   * The `content-type` that the page came with, such as `response.headers.get('content-type')`: its `charset` says what the
   * bytes are, unless they begin with a byte order mark. An unknown `charset` is as if there were none.
   * @default none
   */
  contentType?: string | null | undefined;
}

/** The largest page that the extractor takes, in bytes of UTF-8: `maxInputBytes` of its `getInfo()`. @internal */
export const MAX_PAGE_BYTES = 33_554_432;

/** No page of more bytes is a smaller one in UTF-8 than the extractor takes: nothing shrinks more than UTF-16, by half. */
const MAX_ENCODED_BYTES = 2 * MAX_PAGE_BYTES;

/** Room for a stream's bytes before they come. */
const FIRST_BYTES = 65_536;

/** @internal */
export const CONTENT_TYPE_RULE = {
  allowed: 'a string, or null',
  accepts: (value: unknown) => value === null || typeof value === 'string',
};

const PAGE_RULES = { ...CALL_RULES, contentType: CONTENT_TYPE_RULE };

/** Checks the options of a call with a page, if there are any. @internal */
export function pageOptions(options: PageOptions | undefined): PageOptions | undefined {
  return options === undefined ? undefined : checkOptions(options, PAGE_RULES);
}

/**
 * The page as the extractor takes it: at once where it is a string or up to 64 KiB, so that the call itself can begin
 * before its caller goes on.
 *
 * @param signal gives up a stream that is waiting, which is then cancelled or destroyed; and a page that is being decoded
 * @throws ArgumentError `ERR_BAD_ARGUMENT` for what is no page
 * @throws ExtractionError `ERR_GUEST` (`resource-limit`) for a page that is larger than the extractor takes
 * @throws Error the stream's own, if it fails
 * @internal
 */
export function readHtml(
  html: Html,
  contentType: string | null | undefined,
  signal: AbortSignal | undefined,
): string | Uint8Array | Promise<string | Uint8Array> {
  if (typeof html === 'string') return html;
  const bytes = bytesOf(html);
  if (bytes !== undefined) return decode(bytes, contentType, signal);
  const reader = readerOf<HtmlPiece>(html);
  if (reader === undefined) throw badHtml('a string, a Uint8Array, an ArrayBuffer or a stream of them', describe(html));
  return gather(reader, signal).then((page) => (typeof page === 'string' ? page : decode(page, contentType, signal)));
}

/** The bytes of a `Uint8Array`, an `ArrayBuffer` or a `SharedArrayBuffer`, not a copy. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (types.isUint8Array(value)) return value;
  if (!types.isAnyArrayBuffer(value)) return undefined;
  try {
    return new Uint8Array(value);
  } catch {
    throw badHtml('an ArrayBuffer', 'an ArrayBuffer that is detached');
  }
}

function decode(
  bytes: Uint8Array,
  contentType: string | null | undefined,
  signal: AbortSignal | undefined,
): Uint8Array | Promise<Uint8Array> {
  if (bytes.length > MAX_ENCODED_BYTES) throw tooLarge(`${bytes.length} bytes`);
  const page = attempt(() => addon.decodePage(bytes, contentType ?? undefined));
  if (types.isUint8Array(page)) return page;
  const decoded = page.catch((failure: unknown) => {
    throw toError(failure);
  });
  return untilAborted(decoded, signal);
}

/** All that a stream has, within {@link MAX_PAGE_BYTES}. */
async function gather(reader: Reader<HtmlPiece>, signal: AbortSignal | undefined): Promise<string | Uint8Array> {
  const strings: string[] = [];
  const bytes = new Gathered(FIRST_BYTES);
  let length = 0;
  let isText: boolean | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await untilAborted(reader.next(), signal);
      if (done) return isText ? strings.join('') : bytes.whole();
      const piece = typeof value === 'string' ? value : bytesOf(value);
      if (piece === undefined) throw badHtml('a stream of strings or of bytes', `one of ${describe(value)}`);
      const wasText = isText;
      isText = typeof piece === 'string';
      if (wasText !== undefined && wasText !== isText) throw badHtml('a stream of strings or of bytes', 'one of both');
      length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
      if (length > MAX_PAGE_BYTES) throw tooLarge(`more than ${MAX_PAGE_BYTES} bytes`);
      if (typeof piece === 'string') strings.push(piece);
      else bytes.add(piece);
    }
  } catch (error) {
    // What it says to that is no news: `error` is why.
    reader.stop().catch(() => {});
    throw error;
  }
}

function badHtml(expected: string, received: string): Error {
  return makeError('ERR_BAD_ARGUMENT', { path: 'html', expected, received });
}

function tooLarge(size: string): ExtractionError {
  return ExtractionError.of({
    tag: 'resource-limit',
    val: `the page has ${size}; at most ${MAX_PAGE_BYTES} are allowed`,
  });
}
