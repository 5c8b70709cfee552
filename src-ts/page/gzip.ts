import { crc32, createInflateRaw } from 'node:zlib';

/** Each member of a body costs a decoder, whatever comes out of it: a body of more of them is refused. */
const MAX_MEMBERS = 1_000;

/** What a member begins with: two bytes that say gzip, one that says deflate. */
const MAGIC = [0x1f, 0x8b, 8] as const;
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const HAS_CHECKSUM = 0x02;
const HAS_EXTRA = 0x04;
const HAS_NAME = 0x08;
const HAS_COMMENT = 0x10;
const RESERVED = 0xe0;

/**
 * Decompresses gzip (RFC 1952): all members that stand one behind the other. What follows the last of them and is no
 * other is left unread, as browsers do it; Node's own decoder fails there. No bytes at all give none. The source is closed
 * however this ends.
 *
 * @throws Error for what is no gzip, is cut off or damaged, or has more than 1,000 members
 */
export async function* gunzip(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new Input(sent);
  try {
    if (!(await input.fill())) return;
    if (!(await input.beginsWith(MAGIC))) throw new Error('not gzip');
    for (let members = 1; ; members++) {
      await skipHeader(input);
      yield* member(input);
      if (!(await input.beginsWith(MAGIC))) return;
      if (members === MAX_MEMBERS) throw new Error(`gzip of more than ${MAX_MEMBERS} members`);
    }
  } finally {
    // Not awaited: it would wait for a piece that is on its way, and may never come. What was read is not changed by it.
    input.close().catch(ignore);
  }
}

async function skipHeader(input: Input): Promise<void> {
  const flags = (await input.take(HEADER_BYTES))[3] as number;
  if ((flags & RESERVED) !== 0) throw new Error('gzip of an unknown kind');
  if ((flags & HAS_EXTRA) !== 0) await input.take((await input.take(2)).readUInt16LE());
  if ((flags & HAS_NAME) !== 0) await input.skipText();
  if ((flags & HAS_COMMENT) !== 0) await input.skipText();
  if ((flags & HAS_CHECKSUM) !== 0) await input.take(2);
}

/** What one member holds; reads up to its end. */
async function* member(input: Input): AsyncGenerator<Uint8Array> {
  const decoder = createInflateRaw();
  let last: Uint8Array = new Uint8Array();
  let given = 0;
  const feed = async () => {
    while (await input.fill()) {
      last = input.takePiece();
      given += last.length;
      // Versions of Node differ in whether the piece that holds the data's end is said to be taken.
      await new Promise<void>((resolve, reject) => {
        decoder.write(last, (error) => (error ? reject(error) : resolve()));
      });
      if (decoder.bytesWritten < given) return;
    }
    decoder.end();
  };
  feed().catch((error) => decoder.destroy(error));
  let checksum = 0;
  let length = 0;
  for await (const piece of decoder as AsyncIterable<Uint8Array>) {
    checksum = crc32(piece, checksum);
    length += piece.length;
    yield piece;
  }
  input.giveBack(last.subarray(last.length - (given - decoder.bytesWritten)));
  const trailer = await input.take(TRAILER_BYTES);
  if (trailer.readUInt32LE() !== checksum || trailer.readUInt32LE(4) !== length >>> 0) {
    throw new Error('gzip with a wrong checksum');
  }
}

/** Bytes that come in pieces, read from the front. */
class Input {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(sent: AsyncIterable<Uint8Array>) {
    this.#pieces = sent[Symbol.asyncIterator]();
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  /** Whether there are bytes; waits for some. */
  async fill(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#pieces.next();
      if (next.done) return false;
      this.#piece = next.value;
    }
    return true;
  }

  /** All bytes that have come. */
  takePiece(): Uint8Array {
    const piece = this.#piece;
    this.#piece = new Uint8Array();
    return piece;
  }

  /** @param piece the end of what was taken last */
  giveBack(piece: Uint8Array): void {
    if (piece.length > 0) this.#piece = piece;
  }

  async take(count: number): Promise<Buffer> {
    const taken = Buffer.alloc(count);
    for (let had = 0; had < count; ) {
      if (!(await this.fill())) throw new Error('gzip that is cut off');
      const piece = this.#piece.subarray(0, count - had);
      taken.set(piece, had);
      had += piece.length;
      this.#piece = this.#piece.subarray(piece.length);
    }
    return taken;
  }

  /** Whether these bytes are next; waits no longer than until one is another. */
  async beginsWith(bytes: readonly number[]): Promise<boolean> {
    for (const [index, byte] of bytes.entries()) {
      while (this.#piece.length <= index) {
        const next = await this.#pieces.next();
        if (next.done) return false;
        this.#piece = Buffer.concat([this.#piece, next.value]);
      }
      if (this.#piece[index] !== byte) return false;
    }
    return true;
  }

  /** Skips up to a NUL, which ends a text, and the NUL. */
  async skipText(): Promise<void> {
    for (;;) {
      if (!(await this.fill())) throw new Error('gzip that is cut off');
      const end = this.#piece.indexOf(0);
      this.#piece = this.#piece.subarray(end < 0 ? this.#piece.length : end + 1);
      if (end >= 0) return;
    }
  }
}

function ignore(): void {}
