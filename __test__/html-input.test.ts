// A page as a string, as bytes of any encoding, and as a stream of either.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createExtractor, ExtractionError, type Extractor, type Html, type HtmlPiece } from '../dist/index.js';
import { eventually, failure } from './support.js';

const PAGE = '<!doctype html><title>Größe 潮</title><p>The tide – comes in twice a day.</p>';
const KANJI = [0x92, 0xaa]; // 潮 in shift_jis
const HEADER = { contentType: 'text/html; charset=Shift_JIS' };
const META = '<meta charset=shift_jis>';

const inShiftJis = (before: string) => Buffer.concat([Buffer.from(`${before}<title>`), Buffer.from(KANJI)]);
const arrayBuffer = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer;

/** Pieces of one byte, so that every character of more is cut. */
const inPieces = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte));

async function* generated<T>(pieces: readonly T[]): AsyncGenerator<T> {
  yield* pieces;
}

const webStream = <T>(pieces: readonly T[]) =>
  new ReadableStream<T>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false, min: 1, max: 2 });
});
afterAll(() => extractor.destroy());

describe('a page', () => {
  test.each<[string, () => Html]>([
    ['a string', () => PAGE],
    ['a Buffer', () => Buffer.from(PAGE)],
    ['a Uint8Array', () => new TextEncoder().encode(PAGE)],
    ['an ArrayBuffer', () => arrayBuffer(Buffer.from(PAGE))],
    ['UTF-16 with a mark', () => Buffer.from(`\ufeff${PAGE}`, 'utf16le')],
    ['a Readable of bytes', () => Readable.from(inPieces(Buffer.from(PAGE)))],
    ['a Readable of strings', () => Readable.from([PAGE.slice(0, 30), PAGE.slice(30)])],
    [
      'a Readable with an encoding',
      () => Readable.from(inPieces(Buffer.from(PAGE)), { objectMode: false }).setEncoding('utf8'),
    ],
    ['a web stream of bytes', () => webStream(inPieces(Buffer.from(PAGE)))],
    ['a web stream of strings', () => webStream([PAGE.slice(0, 30), PAGE.slice(30)])],
    ['the body of a Response', () => new Response(PAGE).body as ReadableStream<Uint8Array>],
    ['an async iterable of bytes', () => generated(inPieces(Buffer.from(PAGE)))],
    ['an async iterable of ArrayBuffers', () => generated(inPieces(Buffer.from(PAGE)).map(arrayBuffer))],
    [
      'a web stream that is no async iterable',
      () => {
        const stream = webStream(inPieces(Buffer.from(PAGE)));
        return { getReader: () => stream.getReader() };
      },
    ],
  ])('may be %s', async (_, html) => {
    expect(await extractor.extract(html(), 'https://example.com/')).toEqual(
      await extractor.extract(PAGE, 'https://example.com/'),
    );
    const { content, stats } = await extractor.extractWithStats(html());
    expect(content.title).toBe('Größe 潮');
    expect(stats.inputBytes).toBe(Buffer.byteLength(PAGE));
    expect(await extractor.validateHtml(html())).toBe(true);
  });

  test('of bytes is decoded by what it says, or by its header', async () => {
    const titleOf = async (html: Html, options?: object) =>
      (await extractor.extract(html, '', 'article', options)).title;
    for (const bytes of [inShiftJis(META), inShiftJis('')]) {
      for (const html of [() => bytes, () => arrayBuffer(bytes), () => Readable.from(inPieces(bytes))])
        expect(await titleOf(html(), HEADER)).toBe('潮');
    }
    expect(await titleOf(inShiftJis(META))).toBe('潮');
    expect(await titleOf(inShiftJis(META), { contentType: null })).toBe('潮');
    expect(await titleOf(inShiftJis(META), { contentType: 'text/html' })).toBe('潮');
    expect(await titleOf(inShiftJis(META), { contentType: 'text/html; charset=klingon' })).toBe('潮');
    expect(await titleOf(inShiftJis(META), { contentType: 'text/html; charset=latin1' })).toBe('’ª');
    expect(await titleOf(inShiftJis(''))).toBe('’ª');
    // A string has no encoding.
    expect(await titleOf(`${META}<title>潮`, { contentType: 'text/html; charset=latin1' })).toBe('潮');
    expect((await extractor.extractWithStats(inShiftJis(''), '', 'article', HEADER)).content.title).toBe('潮');
  });

  test('as `fetch` gives it: its body, or its bytes, with its header', async () => {
    const server = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=Shift_JIS' }).end(inShiftJis('')),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (const read of [
      async ({ body }: Response) => body as ReadableStream<Uint8Array>,
      (response: Response) => response.arrayBuffer(),
    ]) {
      const response = await fetch(address);
      const contentType = response.headers.get('content-type');
      const { title, url } = await extractor.extract(await read(response), response.url, 'article', { contentType });
      expect({ title, url }).toEqual({ title: '潮', url: address });
    }
  });

  test('of bytes is read before the call returns', async () => {
    for (const size of [1_000, 1_000_000]) {
      for (const bytes of [
        Buffer.from(`<title>tide</title>${'a'.repeat(size)}`),
        new Uint8Array(new SharedArrayBuffer(size)).fill(0x61),
      ]) {
        bytes.set(Buffer.from('<title>tide</title><p>'));
        const extracted = extractor.extract(bytes);
        bytes.fill(0x21);
        expect((await extracted).title).toBe('tide');
      }
    }
  });

  test.each<[string, () => unknown, string]>([
    [
      'a detached ArrayBuffer',
      () => {
        const buffer = new ArrayBuffer(8);
        structuredClone(buffer, { transfer: [buffer] });
        return buffer;
      },
      'detached',
    ],
    [
      'a detached Uint8Array',
      () => {
        const bytes = new Uint8Array(8);
        structuredClone(bytes, { transfer: [bytes.buffer] });
        return bytes;
      },
      'detached',
    ],
    ['an array', () => [1, 2], 'an array of 2'],
    ['a promise', () => Promise.resolve(PAGE), 'a Promise'],
    ['null', () => null, 'null'],
    ['a stream of numbers', () => Readable.from([1, 2]), 'one of 1'],
    ['a stream of strings and bytes', () => generated<HtmlPiece>(['<p>', Buffer.from('tide')]), 'one of both'],
  ])('is not %s', async (_, html, received) => {
    const error = await failure(extractor.extract(html() as Html));
    expect(error).toMatchObject({ code: 'ERR_BAD_ARGUMENT', details: { path: 'html' } });
    expect(error.message).toContain(received);
  });

  test('with a content type that is none is refused', async () => {
    const error = await failure(extractor.extract(PAGE, '', 'article', { contentType: 5 as never }));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: 'contentType' } });
  });
});

describe('a stream', () => {
  /** Gives the same piece for ever, and notes what becomes of it. */
  function endless(piece: HtmlPiece) {
    const seen = { pieces: 0, ended: false };
    async function* stream() {
      try {
        for (;;) {
          seen.pieces += 1;
          yield piece;
        }
      } finally {
        seen.ended = true;
      }
    }
    return { stream: stream(), seen };
  }

  test.each<[string, HtmlPiece]>([
    ['bytes', Buffer.alloc(1 << 20, 'a')],
    ['characters', 'é'.repeat(1 << 19)],
  ])('of too many %s is resource-limit, and read no further', async (_, piece) => {
    const { maxInputBytes } = await extractor.getInfo();
    const { stream, seen } = endless(piece);
    const error = await failure(extractor.extract(stream));
    expect(error).toBeInstanceOf(ExtractionError);
    expect(error).toMatchObject({ code: 'ERR_GUEST', payload: { tag: 'resource-limit' } });
    expect(error.message).toContain(String(maxInputBytes));
    expect(seen.pieces).toBe(maxInputBytes / (1 << 20) + 1);
    await eventually(() => seen.ended);
  });

  test('of as many bytes as the extractor takes goes to it', async () => {
    const { maxInputBytes } = await extractor.getInfo();
    const piece = Buffer.alloc(maxInputBytes / 32, '<!-- -->');
    expect(await extractor.validateHtml(Readable.from(Array(32).fill(piece)))).toBe(true);
  });

  test('that fails gives its own error', async () => {
    const reason = new Error('the line is dead');
    const readable = new Readable({ read: () => {} });
    readable.push('<p>The tide');
    setTimeout(() => readable.destroy(reason), 5);
    expect(await failure(extractor.extract(readable))).toBe(reason);
    const web = new ReadableStream({ pull: (controller) => controller.error(reason) });
    expect(await failure(extractor.extract(web))).toBe(reason);
  });

  test('that is empty is an empty page', async () => {
    for (const html of [Readable.from([]), webStream<Uint8Array>([])])
      expect((await failure(extractor.extract(html))).payload).toMatchObject({ tag: 'invalid-html' });
  });

  test('that waits is given up when the signal aborts', async () => {
    const reason = new Error('enough');
    const readable = new Readable({ read: () => {} });
    let cancelled = false;
    const web = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    const stuck = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    for (const html of [readable, web, stuck] as Html[]) {
      const controller = new AbortController();
      const extracted = extractor.extract(html, '', 'article', { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 5);
      expect(await failure(extracted)).toBe(reason);
    }
    expect(readable.destroyed).toBe(true);
    await eventually(() => cancelled);
    const { stream, seen } = endless('a');
    expect(await failure(extractor.extract(stream, '', 'article', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(seen.pieces).toBe(0);
  });
});
