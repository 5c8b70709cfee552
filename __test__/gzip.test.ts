import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { gunzip } from '../dist/page/gzip.js';
import { eventually, failure } from './support.js';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unzipped(bytes: Uint8Array, size = bytes.length): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of gunzip(inPieces(bytes, size))) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const FLAGS = { checksum: 0x02, extra: 0x04, name: 0x08, comment: 0x10 };

/** A member with what its flags say between its head and its data. */
function member(text: string, flags: number, between: Uint8Array): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(text));
  trailer.writeUInt32LE(Buffer.byteLength(text), 4);
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]), between, deflateRawSync(text), trailer]);
}

const TEXT = 'The tide comes in twice a day. '.repeat(40);
const page = gzipSync(TEXT);

describe('gunzip', () => {
  const garbage: [string, Uint8Array][] = [
    ['text', Buffer.from('garbage')],
    ['one byte', Buffer.from('g')],
    ['NULs', Buffer.alloc(512)],
    ['NULs and text', Buffer.from('\0\0\0x')],
    ['half of what begins a member', Buffer.from([0x1f])],
    ['nearly what begins a member', Buffer.from([0x1f, 0x8b, 7, 8])],
    ['a page', Buffer.from('<p>x'.repeat(50_000))],
  ];
  test.each(garbage)('leaves what follows unread: %s', async (_, after) => {
    for (const whole of [Buffer.concat([page, after]), Buffer.concat([page, page, after])]) {
      const expected = whole.length > 2 * page.length && whole.indexOf(page, 1) > 0 ? TEXT + TEXT : TEXT;
      for (const size of [1, 7, page.length - 8, page.length - 1, page.length, page.length + 1, whole.length])
        expect(await unzipped(whole, size)).toBe(expected);
    }
  });

  test('does not wait for what follows once it is none of its own', async () => {
    const forever = async function* () {
      yield Buffer.concat([page, Buffer.from('x')]);
      await new Promise(() => {});
    };
    let text = '';
    for await (const piece of gunzip(forever())) text += Buffer.from(piece).toString();
    expect(text).toBe(TEXT);
  });

  test('takes all members, up to a thousand', async () => {
    const members = Array.from({ length: 1_000 }, (_, index) => gzipSync(`${index} `));
    const expected = Array.from({ length: 1_000 }, (_, index) => `${index} `).join('');
    expect(await unzipped(Buffer.concat(members))).toBe(expected);
    expect(await unzipped(Buffer.concat([...members, Buffer.from('x')]), 100)).toBe(expected);
    const more = await failure(unzipped(Buffer.concat([...members, page])));
    expect(more.message).toBe('gzip of more than 1000 members');
  });

  test('reads a head with all that it may hold', async () => {
    const extra = Buffer.from([3, 0, 1, 2, 3]);
    const name = Buffer.from('page.html\0');
    const comment = Buffer.from('of tides\0');
    const checksum = Buffer.alloc(2);
    for (const [flags, between] of [
      [0, Buffer.alloc(0)],
      [FLAGS.extra, extra],
      [FLAGS.name, name],
      [FLAGS.comment, comment],
      [FLAGS.checksum, checksum],
      [0x1f, Buffer.concat([extra, name, comment, checksum])],
    ] as const)
      for (const size of [1, 1_000]) expect(await unzipped(member(TEXT, flags, between), size)).toBe(TEXT);
  });

  test('gives nothing for nothing, and for a member of nothing', async () => {
    expect(await unzipped(Buffer.alloc(0), 1)).toBe('');
    expect(await unzipped(gzipSync(''))).toBe('');
  });

  const broken = (at: number, byte: number) => {
    const bytes = Buffer.from(page);
    bytes[at < 0 ? bytes.length + at : at] = byte;
    return bytes;
  };
  test.each<[string, Uint8Array, RegExp]>([
    ['no gzip', Buffer.from('<p>tide'), /not gzip/],
    ['a part of its first bytes', page.subarray(0, 2), /not gzip/],
    ['a head that is cut off', page.subarray(0, 9), /cut off/],
    ['a name without end', member(TEXT, FLAGS.name, Buffer.from('x')).subarray(0, 11), /cut off/],
    ['data that is cut off', page.subarray(0, page.length - 12), /unexpected end of file/],
    ['a trailer that is cut off', page.subarray(0, page.length - 1), /cut off/],
    ['another method', broken(2, 7), /not gzip/],
    ['a flag that nobody knows', broken(3, 0x20), /unknown kind/],
    ['damaged data', broken(10, 0xff), /invalid/],
    ['a wrong checksum', broken(-5, 1), /checksum/],
    ['a wrong length', broken(-1, 1), /checksum/],
    ['a second member that is cut off', Buffer.concat([page, page.subarray(0, 40)]), /unexpected end of file|cut off/],
  ])('refuses %s', async (_, bytes, message) => {
    for (const size of [1, bytes.length]) expect((await failure(unzipped(bytes, size))).message).toMatch(message);
  });

  /** A source that says whether it was closed. */
  const closable = (pieces: readonly Uint8Array[], closing?: () => void) => {
    const source = {
      closed: false,
      async *[Symbol.asyncIterator]() {
        try {
          yield* pieces;
        } finally {
          source.closed = true;
          closing?.();
        }
      },
    };
    return source;
  };
  const rest = Array.from({ length: 10 }, () => Buffer.alloc(10));

  test.each<[string, Uint8Array, RegExp | undefined]>([
    ['has ended', page, undefined],
    ['is no gzip', Buffer.from('<p>tide'), /not gzip/],
    ['is damaged', broken(10, 0xff), /invalid/],
    ['has a wrong checksum', broken(-5, 1), /checksum/],
  ])('closes its source once it %s', async (_, first, message) => {
    const source = closable([first, ...rest]);
    const read = async () => {
      for await (const _ of gunzip(source));
    };
    if (message === undefined) await read();
    else expect((await failure(read())).message).toMatch(message);
    await eventually(() => source.closed);
  });

  test('closes its source when nobody reads on', async () => {
    const source = closable([page, ...rest]);
    for await (const _ of gunzip(source)) break;
    await eventually(() => source.closed);
  });

  test('does not wait for its source to close', async () => {
    let closed = false;
    const pieces: AsyncIterator<Uint8Array> = {
      next: async () => ({ done: false, value: Buffer.concat([page, Buffer.from('x')]) }),
      return: () => {
        closed = true;
        return new Promise(() => {});
      },
    };
    for await (const _ of gunzip({ [Symbol.asyncIterator]: () => pieces }));
    expect(closed).toBe(true);
  });

  test('a source that fails to close changes nothing', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    onTestFinished(() => void process.off('unhandledRejection', listen));
    const source = closable([page, ...rest, Buffer.from('x')], () => {
      throw new Error('cannot be closed');
    });
    let text = '';
    for await (const piece of gunzip(source)) text += Buffer.from(piece).toString();
    expect(text).toBe(TEXT);
    await eventually(() => source.closed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  test('a failure of what it reads is its own', async () => {
    const failing = async function* () {
      yield page.subarray(0, 50);
      throw new Error('the line is dead');
    };
    const read = async () => {
      for await (const _ of gunzip(failing()));
    };
    expect((await failure(read())).message).toBe('the line is dead');
  });
});
