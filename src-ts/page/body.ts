import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createInflate, createInflateRaw } from 'node:zlib';
import { Gathered } from './bytes.js';
import { gunzip } from './gzip.js';

type Pieces = AsyncIterable<Uint8Array>;

/** Room for a page before it comes. */
const FIRST_BYTES = 65_536;

/** Decoders by `content-encoding`. */
const DECODERS: Readonly<Record<string, (sent: Pieces) => Pieces>> = {
  identity: (sent) => sent,
  gzip: gunzip,
  'x-gzip': gunzip,
  // Some servers leave out the zlib header, whose low bits are always 8.
  deflate: (sent) => decompressed(sent, (first) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw())),
  br: (sent) => decompressed(sent, () => createBrotliDecompress()),
};

/** The encodings that {@link decoded} takes, as `accept-encoding` lists them. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/**
 * A body as it was before its `content-encoding`. What follows the end of a compressed one is left unread.
 *
 * @param encoding the header, if there is one
 * @throws Error for an encoding that is not known; where it is read, for what is no such encoding or is cut off
 */
export function decoded(sent: Pieces, encoding: string | undefined): Pieces {
  const coding = encoding?.trim().toLowerCase() || 'identity';
  const decode = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (decode === undefined) throw new Error(`unknown encoding ${coding}`);
  return decode(sent);
}

/** The same pieces, up to `maxBytes` in all; beyond them `refusal` is thrown. */
export async function* limited(pieces: Pieces, maxBytes: number, refusal: () => Error): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > maxBytes) throw refusal();
    yield piece;
  }
}

/** All pieces in one. `hold` is told the bytes of each as it comes; what it throws ends the reading. */
export async function gather(pieces: Pieces, hold?: (bytes: number) => void): Promise<Uint8Array> {
  const gathered = new Gathered(FIRST_BYTES);
  for await (const piece of pieces) {
    hold?.(piece.length);
    gathered.add(piece);
  }
  return gathered.whole();
}

async function* decompressed(sent: Pieces, decoderFor: (first: number) => Transform): AsyncGenerator<Uint8Array> {
  const pieces = sent[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (first.done) return;
  const decoder = decoderFor(first.value[0] ?? 0);
  const whole = async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  // A failure of the source comes out of the decoder, which is waited for alone: it may end before its source.
  pipeline(whole, decoder, ignore);
  yield* decoder as Pieces;
}

function ignore(): void {}
