import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../dist/server/failures.js';
import {
  codeOf,
  endless,
  get,
  HEAD,
  HTML,
  inChild,
  local,
  MIB,
  open,
  PAGE,
  page,
  serve,
  serveRaw,
  text,
} from './fetch-support.js';
import { eventually, failure } from './support.js';

describe('the request', () => {
  test('is a GET that says who asks, and nothing about anybody', async () => {
    const seen: unknown[] = [];
    const server = await serve((request, response) => {
      seen.push([request.method, request.url, request.rawHeaders]);
      if (request.url === '/bay') return response.writeHead(200, HTML).end(PAGE);
      return response.writeHead(303, { location: '/bay', 'set-cookie': 'id=7' }).end('elsewhere');
    });
    const fetched = await get(`${server.url}a%20b?c=d#e`);
    expect(fetched.url).toBe(`${server.url}bay`);
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const headers = [
      ['host', `127.0.0.1:${server.port}`],
      ['accept', 'text/html, application/xhtml+xml;q=0.9'],
      ['accept-encoding', 'gzip, deflate, br'],
      ['user-agent', `riptide-wasm/${version}`],
      ['Connection', 'close'],
    ].flat();
    expect(seen).toEqual([
      ['GET', '/a%20b?c=d', headers],
      ['GET', '/bay', headers],
    ]);
    expect(server.sockets).toHaveLength(2);
    await eventually(() => server.sockets.every((socket) => socket.closed));
  });

  test('uses no proxy of the environment', async () => {
    const proxy = await page('a proxy');
    const server = await page(PAGE);
    const env = { NODE_USE_ENV_PROXY: '1', http_proxy: proxy.url, HTTP_PROXY: proxy.url, no_proxy: '', NO_PROXY: '' };
    const code = 'report(Buffer.from((await fetchPage(process.argv[2], options, signal)).html).toString());';
    expect(JSON.parse((await inChild(code, [server.url], env)).stdout)).toBe(PAGE);
    expect(proxy.sockets).toHaveLength(0);
  });
});

describe('redirects', () => {
  const redirecting = (location: string, status = 302) =>
    serve((_, response) => response.writeHead(status, { location }).end());

  test.each([301, 302, 303, 307, 308])('%i is followed, the fragment is not told', async (status) => {
    const target = await page(PAGE);
    const server = await redirecting(`${target.url}bay?x=1#y`, status);
    expect(await get(server.url)).toEqual({
      html: expect.any(Uint8Array),
      contentType: 'text/html',
      url: `${target.url}bay?x=1`,
    });
  });

  test('a location of raw UTF-8 is escaped', async () => {
    const server = await serveRaw((socket) => {
      if (socket.bytesRead > 0 && server.sockets.length === 1)
        socket.end(Buffer.from('HTTP/1.1 302 Found\r\nlocation: /größe\r\n\r\n'));
      else socket.end(`${HEAD}\r\n${PAGE}`);
    });
    expect((await get(server.url)).url).toBe(`${server.url}gr%C3%B6%C3%9Fe`);
  });

  test.each([
    ['http://127.0.0.2:PORT/', true],
    ['//127.0.0.2:PORT/', true],
    ['http://2130706434:PORT/', true],
    ['http://0x7f.2:PORT/', true],
    ['http://[::ffff:127.0.0.1]:PORT/', false],
    ['http://[::1]:PORT/', false],
    ['http://0.0.0.0:PORT/', false],
    ['http://169.254.169.254/latest/meta-data/', false],
  ])('to %s is refused before it connects', async (location, reachable) => {
    const target = await page('a secret');
    const there = location.replace('PORT', String(target.port));
    const server = await redirecting(there);
    expect(await failure(get(server.url))).toMatchObject({ code: 'ERR_FETCH_ADDRESS', statusCode: 403 });
    expect(server.sockets).toHaveLength(1);
    expect(target.sockets).toHaveLength(0);
    if (!reachable) return;
    expect(text(await get(server.url, open))).toBe('a secret');
    expect(target.sockets).toHaveLength(1);
  });

  test.each(['ftp://example.com/', 'http://user:secret@127.0.0.1/', 'http://127.0.0.1:22/', 'http://', 'file:///'])(
    'to %s is refused',
    async (location) => {
      const server = await redirecting(location);
      const error = await failure(get(server.url));
      expect(error).toMatchObject({ code: 'ERR_FETCH_REDIRECTS', statusCode: 502 });
      expect(server.sockets).toHaveLength(1);
    },
  );

  test('five are followed, a sixth and a loop are not', async () => {
    const server = await serve(({ url = '' }, response) => {
      const left = Number(url.slice(1));
      if (left === 0) return response.writeHead(200, HTML).end(PAGE);
      return response.writeHead(302, { location: Number.isNaN(left) ? url : `/${left - 1}` }).end();
    });
    expect(text(await get(`${server.url}5`))).toBe(PAGE);
    expect(server.sockets).toHaveLength(6);
    const error = await failure(get(`${server.url}6`));
    expect(error).toMatchObject({ code: 'ERR_FETCH_REDIRECTS', statusCode: 502 });
    expect(await codeOf(`${server.url}loop`)).toBe('ERR_FETCH_REDIRECTS');
    expect(server.sockets).toHaveLength(18);
  });

  test('the body of a redirect is not read', async () => {
    const target = await page(PAGE);
    const server = await serveRaw((socket) => {
      socket.write(`HTTP/1.1 302 Found\r\nlocation: ${target.url}\r\n\r\n`);
      endless(socket, Buffer.alloc(65_536));
    });
    expect(text(await get(server.url))).toBe(PAGE);
    await eventually(() => server.sockets[0]?.closed === true);
  });
});

describe('the answer', () => {
  test.each([100, 199, 300, 304, 400, 404, 500, 503, 999])('status %i is no page', async (status) => {
    const server = await serveRaw((socket) => socket.end(`HTTP/1.1 ${status} So\r\ncontent-type: text/html\r\n\r\n`));
    const error = await failure(get(server.url));
    // Below 200 an answer is still to come.
    expect(error.code).toBe(status < 200 ? 'ERR_FETCH_FAILED' : 'ERR_FETCH_STATUS');
    expect(error.statusCode).toBe(502);
    if (status >= 200) expect(error.message).toContain(String(status));
  });

  test('a redirect without a location is no page', async () => {
    const server = await serve((_, response) => response.writeHead(302).end());
    expect(await codeOf(server.url)).toBe('ERR_FETCH_STATUS');
  });

  test.each(['text/html', 'TEXT/HTML; charset=utf-8', 'application/xhtml+xml', ' text/html ;x', undefined])(
    'type %s is a page',
    async (type) => {
      const server = await page(PAGE, type === undefined ? {} : { 'content-type': type });
      expect(text(await get(server.url))).toBe(PAGE);
    },
  );

  test.each(['text/plain', 'application/json', 'image/png', 'text/htmlx', 'application/xml', 'text/plain; text/html'])(
    'type %s is none',
    async (type) => {
      const server = await page(PAGE, { 'content-type': type });
      expect(await failure(get(server.url))).toMatchObject({ code: 'ERR_FETCH_TYPE', statusCode: 422 });
    },
  );

  test.each([
    ['nothing', ''],
    ['no HTTP', 'tides\r\n\r\n'],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['a head of 20,000 bytes', `${HEAD}x: ${'y'.repeat(20_000)}\r\n\r\n${PAGE}`],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'],
    ['less than its length', `${HEAD}content-length: 100\r\n\r\n${PAGE}`],
    ['a chunk without end', `${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nTides\r\n`],
    ['two lengths', `${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`],
    ['length and chunks', `${HEAD}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`],
    ['gzip that is none', `${HEAD}content-encoding: gzip\r\n\r\n${PAGE}`],
    ['brotli that is none', `${HEAD}content-encoding: br\r\n\r\n${PAGE}`],
    ['deflate that is none', `${HEAD}content-encoding: deflate\r\n\r\n${PAGE}`],
  ])('%s has failed', async (_, answer) => {
    const server = await serveRaw((socket) => socket.end(answer));
    expect(await failure(get(server.url))).toMatchObject({ code: 'ERR_FETCH_FAILED', statusCode: 502 });
  });

  test.each(['zstd', 'gzip, br', 'gzip, gzip', 'constructor'])('encoding %s is not known', async (coding) => {
    const server = await page('x', { ...HTML, 'content-encoding': coding });
    const error = await failure(get(server.url));
    expect(error).toMatchObject({ code: 'ERR_FETCH_FAILED', statusCode: 502 });
    expect(error.message).toContain(`unknown encoding ${coding}`);
  });

  test('a connection that is reset has failed, even where its end was to be the end', async () => {
    const server = await serveRaw((socket) => {
      socket.write(`${HEAD}\r\n${PAGE}`);
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    expect(await codeOf(server.url)).toBe('ERR_FETCH_FAILED');
  });

  const long = PAGE.repeat(1000);
  const CODINGS = [
    ['gzip', gzipSync(long)],
    ['x-gzip', gzipSync(long)],
    ['GZIP', gzipSync(long)],
    ['deflate', deflateSync(long)],
    ['deflate', deflateRawSync(long)],
    ['br', brotliCompressSync(long)],
    ['identity', Buffer.from(long)],
    ['', Buffer.from(long)],
  ] as const;

  test.each(CODINGS)('encoding %j is taken, also byte by byte', async (coding, body) => {
    const server = await page(body, { ...HTML, 'content-encoding': coding });
    expect(text(await get(server.url))).toBe(long);
    const trickling = await serve((_, response) => {
      response.writeHead(200, { ...HTML, 'content-encoding': coding });
      for (const byte of body.subarray(0, 300)) response.write(Uint8Array.of(byte));
      response.end(body.subarray(300));
    });
    expect(text(await get(trickling.url))).toBe(long);
  });

  test.each(CODINGS.slice(0, 6))('encoding %j that is cut off has failed', async (coding, body) => {
    for (const kept of [body.length - 1, body.length >> 1, 1]) {
      const server = await page(body.subarray(0, kept), { ...HTML, 'content-encoding': coding });
      expect(await codeOf(server.url)).toBe('ERR_FETCH_FAILED');
    }
  });

  test('an encoded body of no bytes is an empty page', async () => {
    const server = await page('', { ...HTML, 'content-encoding': 'gzip' });
    expect(text(await get(server.url))).toBe('');
  });

  test.each(CODINGS.slice(0, 6))('what follows the end of a page in %j is not waited for', async (coding, body) => {
    const server = await serveRaw((socket) =>
      socket.write(
        Buffer.concat([Buffer.from(`${HEAD}content-encoding: ${coding}\r\n\r\n`), body, Buffer.from('and more')]),
      ),
    );
    expect(text(await get(server.url))).toBe(long);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('gzip in several members is one page', async () => {
    const body = Buffer.concat([gzipSync(PAGE), gzipSync(PAGE), Buffer.from('and more')]);
    const server = await page(body, { ...HTML, 'content-encoding': 'gzip' });
    expect(text(await get(server.url))).toBe(PAGE + PAGE);
  });
});

describe('maxBytes', () => {
  const tooLarge = { code: 'ERR_FETCH_TOO_LARGE', statusCode: 413 };

  test('is the most that is taken, of every encoding', async () => {
    const body = Buffer.alloc(5000, 'tides');
    for (const [coding, encoded] of [
      ['identity', body],
      ['gzip', gzipSync(body)],
      ['br', brotliCompressSync(body)],
    ] as const) {
      const server = await page(encoded, { ...HTML, 'content-encoding': coding });
      expect(text(await get(server.url, { ...local, maxBytes: 5000 }))).toBe(body.toString());
      expect(await failure(get(server.url, { ...local, maxBytes: 4999 }))).toMatchObject(tooLarge);
    }
  });

  test('is told piece by piece, and what that throws ends the fetch', async () => {
    const server = await page(gzipSync(Buffer.alloc(MIB)), { ...HTML, 'content-encoding': 'gzip' });
    const held: number[] = [];
    await get(server.url, { ...local, hold: (bytes) => held.push(bytes) });
    expect([held.length > 1, held.reduce((sum, bytes) => sum + bytes, 0)]).toEqual([true, MIB]);
    const full = new Refusal(503, 'ERR_TOO_MANY_BODIES', 'full');
    const hold = () => {
      throw full;
    };
    expect(await failure(get(server.url, { ...local, hold }))).toBe(full);
    await eventually(() => server.sockets.every((socket) => socket.closed));
  });

  test('is compared with a length that is told, before a body comes', async () => {
    const server = await serveRaw((socket) => socket.write(`${HEAD}content-length: ${MIB + 1}\r\n\r\n`));
    expect(await failure(get(server.url))).toMatchObject(tooLarge);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  const bomb = gzipSync(Buffer.alloc(64 * MIB));

  test.each([
    ['plain', '', Buffer.alloc(65_536, 'x'), 16 * MIB],
    ['gzip of zeros', 'content-encoding: gzip\r\n', bomb, 4 * MIB],
    ['gzip of little in many members', 'content-encoding: gzip\r\n', gzipSync(Buffer.alloc(2_000)), 16 * MIB],
    ['gzip of nothing', 'content-encoding: gzip\r\n', gzipSync(''), 16 * MIB, 'ERR_FETCH_FAILED'],
  ])('ends a body without end: %s', async (_, header, piece, mostSent, code = tooLarge.code) => {
    const server = await serveRaw((socket) => {
      socket.write(`${HEAD}${header}\r\n`);
      endless(socket, piece);
    });
    expect(await codeOf(server.url)).toBe(code);
    await eventually(() => server.sockets[0]?.closed === true);
    expect(server.sockets[0]?.bytesWritten).toBeLessThan(mostSent);
  });

  test.each([
    ['gzip', () => Buffer.concat(Array(16).fill(bomb))],
    ['br', () => brotliCompressSync(Buffer.alloc(256 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
    ['deflate', () => deflateSync(Buffer.alloc(256 * MIB))],
  ])('bounds what a bomb of %s takes', async (coding, made) => {
    const body = made();
    expect(body.length).toBeLessThan(2 * MIB);
    const server = await page(body, { ...HTML, 'content-encoding': coding });
    const before = 'await fetchPage(process.argv[3], options, signal); const before = process.resourceUsage().maxRSS;';
    const after = 'report({ code: error.code, grownKib: process.resourceUsage().maxRSS - before })';
    const small = await page(gzipSync(PAGE), { ...HTML, 'content-encoding': 'gzip' });
    const { stdout, stderr } = await inChild(
      `${before} await fetchPage(process.argv[2], options, signal).catch((error) => ${after});`,
      [server.url, small.url],
    );
    expect(stderr).toBe('');
    const { code, grownKib } = JSON.parse(stdout);
    expect(code).toBe('ERR_FETCH_TOO_LARGE');
    expect(grownKib).toBeLessThan(48 * 1024);
  });
});
