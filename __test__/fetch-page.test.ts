import { execFileSync, spawnSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import dns from 'node:dns/promises';
import { getEventListeners, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer as createRawServer, type Server as RawServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPublic } from '../dist/server/addresses.js';
import { charsetOf, toUtf8 } from '../dist/server/charset.js';
import { FetchError, type FetchedPage, fetchPage } from '../dist/server/fetch-page.js';
import { eventually, failure, run, temporaryFolder } from './support.js';

const MIB = 1024 * 1024;
const PAGE = '<!doctype html><title>Tides</title><p>The tide comes in twice a day.</p>';
const HTML = { 'content-type': 'text/html' };
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n';
const REMOTE = '93.184.216.34';

const public4 = { maxBytes: MIB };
/** 127.0.0.1 is the Internet of these tests; the rest of 127/8 stays loopback. */
const local = { maxBytes: MIB, allowAddress: (address: string) => address === '127.0.0.1' || isPublic(address) };
const open = { maxBytes: MIB, allowAddress: () => true };
const never = new AbortController().signal;

const listed = (words: string) => words.trim().split(/\s+/);

interface Listening {
  readonly port: number;
  readonly url: string;
  /** Of every connection it ever had. */
  readonly sockets: Socket[];
  /** Which of its addresses they came to. */
  readonly reached: (string | undefined)[];
  received(): number;
}

async function listen(server: Server | RawServer, scheme = 'http'): Promise<Listening> {
  const sockets: Socket[] = [];
  const reached: (string | undefined)[] = [];
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    reached.push(socket.localAddress);
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const received = () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
  return { port, url: `${scheme}://127.0.0.1:${port}/`, sockets, reached, received };
}

const serve = (answer: RequestListener) => listen(createServer(answer));

/** Answers each connection with these bytes once it was sent something, and says no more unless it is ended. */
const serveRaw = (answer: (socket: Socket) => void) =>
  listen(createRawServer((socket) => socket.once('data', () => answer(socket))));

const page = (body: string | Uint8Array, headers: Record<string, string> = HTML) =>
  serve((_, response) => response.writeHead(200, headers).end(body));

const text = ({ html }: FetchedPage) => Buffer.from(html).toString();

const get = (url: string, options: Parameters<typeof fetchPage>[1] = local) => fetchPage(url, options, never);

/** The code that fetching ends in. */
async function codeOf(url: string, options: Parameters<typeof fetchPage>[1] = local): Promise<unknown> {
  return (await failure(get(url, options))).code;
}

/** Has names resolved to these addresses, one list a call, the last for ever. Returns the names asked for. */
function resolving(...answers: (readonly string[])[]): string[] {
  const asked: string[] = [];
  const original = dns.lookup;
  const set = (lookup: unknown) => {
    Object.assign(dns, { lookup });
    syncBuiltinESMExports();
  };
  set(async (name: string) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  });
  onTestFinished(() => set(original));
  return asked;
}

describe('isPublic', () => {
  test.each(
    listed(`
      1.1.1.1 8.8.8.8 93.184.216.34 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
      169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0
      198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255 2000:: 2001:200:: 2001:db7:ffff::
      2001:db9:: 2001:4860:4860::8888 2001:ffff:: 2003:: 2606:4700:4700::1111 2620:4f:7fff::
      2a00:1450:4001:81b::200e 3ffe:ffff:: 3fff:1000:: 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff`),
  )('takes %s', (address) => expect(isPublic(address)).toBe(true));

  test.each([
    ...listed(`
      0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255
      169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.8 192.0.2.1 192.31.196.1 192.52.193.1
      192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.255
      224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.255 :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1
      ::ffff:7f00:1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 0:0:0:0:0:ffff:0a00:0001 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1
      1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1
      2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8::1 2001:DB8:ffff:: 2002:7f00:1:: 2002:808:808::1
      2620:4f:8000::1 3fff::1 3fff:fff:ffff:: 4000:: 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0
      2606:4700:4700::1111%eth0 fec0::1 ff02::1 localhost example.com 127.1 8.8.8 08.8.8.8 134744072 0x08080808
      8.8.8.8:80 8.8.8.8/32 [2606:4700:4700::1111]`),
    '',
    ' 8.8.8.8',
    '8.8.8.8 ',
  ])('refuses %j', (address) => expect(isPublic(address)).toBe(false));
});

describe('which URLs are fetched', () => {
  test.each([
    ['', 'cannot be parsed'],
    ['tides', 'cannot be parsed'],
    ['http://', 'cannot be parsed'],
    ['http://[fe80::1%25lo]/', 'cannot be parsed'],
    ['http://1.2.3.4.5/', 'cannot be parsed'],
    ['ftp://example.com/', 'neither http: nor https:'],
    ['file:///etc/passwd', 'neither http: nor https:'],
    ['data:text/html,hi', 'neither http: nor https:'],
    ['javascript:alert(1)', 'neither http: nor https:'],
    ['blob:http://example.com/x', 'neither http: nor https:'],
    ['http://user@example.com/', 'credentials'],
    ['http://:secret@example.com/', 'credentials'],
    ['https://example.com:25/', 'port 25'],
    ['http://example.com:22/', 'port 22'],
    ['http://example.com:1023/', 'port 1023'],
    ['http://example.com:0/', 'port 0'],
    [`http://example.com/${'a'.repeat(8192)}`, 'longer than 8192'],
    [`http://example.com/${'é'.repeat(2000)}`, 'longer than 8192'],
  ])('%.40s is refused: %s', async (url, message) => {
    const asked = resolving([REMOTE]);
    const error = await failure(get(url));
    expect(error).toBeInstanceOf(FetchError);
    expect(error).toMatchObject({ name: 'FetchError', code: 'ERR_FETCH_URL', statusCode: 400 });
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(100);
    expect(asked).toEqual([]);
  });

  test.each(
    listed(`
      127.0.0.1 127.1 2130706433 0x7f.1 0x7f000001 0177.0.0.1 017700000001 127.0.0.1. １２７.０.０.１ 127。0。0。1
      %31%32%37.0.0.1 0.0.0.0 0 [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::127.0.0.1]
      [2002:7f00:1::] [::1] [::] localhost LOCALHOST ⓛocalhost`),
  )('%s is not reached', async (host) => {
    const server = await page(PAGE);
    const error = await failure(get(`http://${host}:${server.port}/`, public4));
    expect(error).toMatchObject({ code: 'ERR_FETCH_ADDRESS', statusCode: 403 });
    expect(server.sockets).toHaveLength(0);
  });

  test.each([
    ['only a private address', ['10.0.0.1']],
    ['a public and a private address', [REMOTE, '127.0.0.1']],
    ['a private and a public address', ['127.0.0.1', REMOTE]],
    ['a mapped address', [REMOTE, '::ffff:127.0.0.1']],
    ['no address', []],
    ['what is no address', ['localhost']],
  ])('a name with %s is not reached', async (_, answer) => {
    resolving(answer);
    const server = await page(PAGE);
    const code = await codeOf(`http://bay.example:${server.port}/`, public4);
    expect(code).toBe(answer.length === 0 ? 'ERR_FETCH_FAILED' : 'ERR_FETCH_ADDRESS');
    expect(server.sockets).toHaveLength(0);
  });

  test('a name is resolved once a connection: a second answer is never asked for', async () => {
    const asked = resolving(['127.0.0.1'], ['127.0.0.2']);
    const server = await page(PAGE);
    expect(text(await get(`http://bay.example:${server.port}/`))).toBe(PAGE);
    expect(asked).toEqual(['bay.example']);
    expect(await codeOf(`http://bay.example:${server.port}/`)).toBe('ERR_FETCH_ADDRESS');
    expect(server.reached).toEqual(['127.0.0.1']);
  });

  test('further addresses of a name are tried', async () => {
    resolving(['127.0.0.3', '127.0.0.1']);
    const server = createServer((_, response) => response.writeHead(200, HTML).end(PAGE)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `http://bay.example:${(server.address() as AddressInfo).port}/`;
    expect(text(await get(url, open))).toBe(PAGE);
  });

  test.each(['http', 'https'])('nothing is sent over %s to a connected address that is refused', async (scheme) => {
    const server = await listen(createRawServer());
    const asked: string[] = [];
    const options = { maxBytes: MIB, allowAddress: (address: string) => asked.push(address) === 1 };
    const error = await failure(get(`${scheme}://127.0.0.1:${server.port}/`, options));
    expect(error).toMatchObject({ code: 'ERR_FETCH_ADDRESS', statusCode: 403 });
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1']);
    await eventually(() => server.sockets.length === 1);
    server.sockets[0]?.resume();
    await eventually(() => server.sockets[0]?.closed === true);
    expect(server.received()).toBe(0);
  });

  test('an unknown name and a closed port have failed', async () => {
    const error = await failure(get('http://bay.invalid/'));
    expect(error).toMatchObject({ code: 'ERR_FETCH_FAILED', statusCode: 502, cause: { syscall: 'getaddrinfo' } });
    expect(await codeOf('http://127.0.0.1:1999/')).toBe('ERR_FETCH_FAILED');
  });
});

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
    expect(await get(server.url)).toEqual({ html: expect.any(Uint8Array), url: `${target.url}bay?x=1` });
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

/** Writes for as long as the other side reads. */
function endless(socket: Socket, piece: Uint8Array): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

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

  test('what follows the end of a compressed page is not waited for', async () => {
    const server = await serveRaw((socket) =>
      socket.write(Buffer.concat([Buffer.from(`${HEAD}content-encoding: br\r\n\r\n`), CODINGS[5][1], Buffer.alloc(9)])),
    );
    expect(text(await get(server.url))).toBe(long);
    await eventually(() => server.sockets[0]?.closed === true);
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

  test('is compared with a length that is told, before a body comes', async () => {
    const server = await serveRaw((socket) => socket.write(`${HEAD}content-length: ${MIB + 1}\r\n\r\n`));
    expect(await failure(get(server.url))).toMatchObject(tooLarge);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  const bomb = gzipSync(Buffer.alloc(64 * MIB));

  test.each([
    ['plain', '', Buffer.alloc(65_536, 'x'), 16 * MIB],
    ['gzip of zeros', 'content-encoding: gzip\r\n', bomb, 4 * MIB],
    ['gzip of nothing', 'content-encoding: gzip\r\n', gzipSync(''), 16 * MIB],
  ])('ends a body without end: %s', async (_, header, piece, mostSent) => {
    const server = await serveRaw((socket) => {
      socket.write(`${HEAD}${header}\r\n`);
      endless(socket, piece);
    });
    expect(await failure(get(server.url))).toMatchObject(tooLarge);
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

/** Runs code that has `fetchPage`, options for loopback, a signal and `report`, in a process of its own. */
function inChild(code: string, args: string[], env: Record<string, string> = {}) {
  const source = `
    const { fetchPage } = await import(process.argv[1]);
    const options = { maxBytes: ${MIB}, allowAddress: () => true };
    const signal = AbortSignal.timeout(20_000);
    const report = (value) => process.stdout.write(JSON.stringify(value));
    ${code}`;
  return run('dist/server/fetch-page.js', args, { node: ['--input-type=module', '-e', source], env });
}

describe('an abort', () => {
  const stalls = {
    'before the head': '',
    'in the head': 'HTTP/1.1 200 OK\r\ncontent-',
    'before the body': `${HEAD}content-length: 100\r\n\r\n`,
    'in the body': `${HEAD}content-length: 100\r\n\r\n<p>The tide`,
    'in a body without length': `${HEAD}\r\n<p>The tide`,
    'in a compressed body': Buffer.concat([
      Buffer.from(`${HEAD}content-encoding: gzip\r\n\r\n`),
      gzipSync(PAGE).subarray(0, 40),
    ]),
  };

  /** Aborts once `ready`, and says how long the rejection took. */
  async function aborted(url: string, ready: () => Promise<unknown>): Promise<number> {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const fetching = failure(fetchPage(url, local, controller.signal));
    await ready();
    const before = performance.now();
    controller.abort(reason);
    expect(await fetching).toBe(reason);
    const took = performance.now() - before;
    await eventually(() => getEventListeners(controller.signal, 'abort').length === 0);
    return took;
  }

  test.each(Object.entries(stalls))('%s closes the connection', async (_, sent) => {
    const server = await serveRaw((socket) => socket.write(sent));
    const ready = async () => {
      await eventually(() => server.received() > 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    expect(await aborted(server.url, ready)).toBeLessThan(100);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('in a handshake closes the connection', async () => {
    const server = await listen(createRawServer((socket) => socket.resume()));
    const ready = () => eventually(() => server.received() > 0);
    expect(await aborted(`https://127.0.0.1:${server.port}/`, ready)).toBeLessThan(100);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('while it connects sends nothing', async () => {
    const server = await listen(createRawServer((socket) => socket.resume()));
    const controller = new AbortController();
    const options = {
      maxBytes: MIB,
      allowAddress: () => {
        process.nextTick(() => controller.abort());
        return true;
      },
    };
    expect(await failure(fetchPage(server.url, options, controller.signal))).toBe(controller.signal.reason);
    await eventually(() => server.sockets.every((socket) => socket.closed));
    expect(server.received()).toBe(0);
  });

  test('while a name is resolved does not wait for it, and connects no more', async () => {
    const server = await page(PAGE);
    // getaddrinfo queues behind these: nothing is resolved before one of them is done.
    const busy = Array.from({ length: Number(process.env.UV_THREADPOOL_SIZE ?? 4) }, () => {
      return new Promise((resolve) => pbkdf2('tides', 'salt', 600_000, 64, 'sha512', resolve));
    });
    let free = false;
    Promise.race(busy).then(() => {
      free = true;
    });
    const ready = () => new Promise((resolve) => setTimeout(resolve, 20));
    expect(await aborted(`http://localhost:${server.port}/`, ready)).toBeLessThan(100);
    expect(free).toBe(false);
    await Promise.all(busy);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.sockets).toHaveLength(0);
  });

  test('that came before sends nothing', async () => {
    const server = await page(PAGE);
    const reason = new Error('too late');
    expect(await failure(fetchPage(server.url, local, AbortSignal.abort(reason)))).toBe(reason);
    expect(server.sockets).toHaveLength(0);
  });

  test('by time ends a slow server', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, HTML);
      const slowly = setInterval(() => response.write('<p>'), 10);
      response.on('close', () => clearInterval(slowly));
    });
    const error = await failure(fetchPage(server.url, local, AbortSignal.timeout(200)));
    expect(error.name).toBe('TimeoutError');
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('that never comes leaves nothing on its signal', async () => {
    const server = await page(PAGE);
    const { signal } = new AbortController();
    await fetchPage(server.url, local, signal);
    await eventually(() => getEventListeners(signal, 'abort').length === 0);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('https (its certificates are made by openssl)', () => {
  async function serveTls(answer: RequestListener) {
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tides'.split(' ');
    execFileSync('openssl', ['req', ...made, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], {
      stdio: 'pipe',
    });
    const names: unknown[] = [];
    const requests: string[] = [];
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      names.push((request.socket as unknown as { servername: unknown }).servername);
      requests.push(request.url ?? '');
      answer(request, response);
    });
    return { ...(await listen(server, 'https')), names, requests, cert };
  }

  /** What a process that trusts this certificate gets. */
  async function trusting(cert: string, url: string, env: Record<string, string> = {}) {
    const { stdout } = await inChild(
      `await fetchPage(process.argv[2], options, signal).then(
        ({ html, url }) => report({ html: Buffer.from(html).toString(), url }),
        ({ code, message }) => report({ code, message }))`,
      [url],
      { NODE_EXTRA_CA_CERTS: cert, NODE_NO_WARNINGS: '1', ...env },
    );
    return JSON.parse(stdout);
  }

  test('fetches from a host with its certificate', async () => {
    const server = await serveTls((request, response) => response.writeHead(200, HTML).end(request.headers.host));
    const url = `https://localhost:${server.port}/`;
    expect(await trusting(server.cert, url)).toEqual({ html: `localhost:${server.port}`, url });
    expect(server.names).toEqual(['localhost']);
  });

  test('asks nothing of a host with another name, or with a certificate that nobody signed', async () => {
    const server = await serveTls((_, response) => response.writeHead(200, HTML).end(PAGE));
    const wrong = await trusting(server.cert, `https://127.0.0.1:${server.port}/`);
    expect(wrong).toMatchObject({ code: 'ERR_FETCH_FAILED', message: expect.stringContaining('altnames') });
    const unverified = { NODE_EXTRA_CA_CERTS: '', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const unsigned = await trusting(server.cert, `https://localhost:${server.port}/`, unverified);
    expect(unsigned).toMatchObject({ code: 'ERR_FETCH_FAILED', message: expect.stringContaining('self-signed') });
    expect(server.requests).toEqual([]);
  });

  test('is not left for http', async () => {
    const target = await page(PAGE);
    const server = await serveTls((_, response) => response.writeHead(301, { location: target.url }).end());
    const { code, message } = await trusting(server.cert, `https://localhost:${server.port}/`);
    expect(code).toBe('ERR_FETCH_REDIRECTS');
    expect(message).toContain('from https: to http:');
    expect(server.requests).toEqual(['/']);
    expect(target.sockets).toHaveLength(0);
  });
});

describe('toUtf8', () => {
  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
  const decoded = (page: Uint8Array, charset?: string) => Buffer.from(toUtf8(page, charset)).toString();
  const utf16be = (of: string) => Buffer.from(of, 'utf16le').swap16();
  const SMART = [0x93, 0x80, 0x94, 0xe9]; // “€”é in windows-1252
  const KANJI = [0x92, 0xaa]; // 潮 in shift_jis

  test('gives the same bytes where they are UTF-8', () => {
    const page = bytes('<p>größe 潮 🌊</p>');
    expect(toUtf8(page)).toBe(page);
    expect(toUtf8(page, 'UTF8')).toBe(page);
    const marked = bytes([0xef, 0xbb, 0xbf], page.toString());
    const unmarked = toUtf8(marked, 'shift_jis');
    expect(Buffer.from(unmarked).equals(page)).toBe(true);
    expect(unmarked.buffer).toBe(marked.buffer);
    expect(decoded(new Uint8Array())).toBe('');
  });

  test('a byte order mark decides', () => {
    expect(decoded(bytes([0xff, 0xfe], [...Buffer.from('潮é', 'utf16le')]), 'utf-8')).toBe('潮é');
    expect(decoded(bytes([0xfe, 0xff], [...utf16be('潮é')]), 'windows-1252')).toBe('潮é');
    expect(decoded(bytes([0xef, 0xbb, 0xbf], '<meta charset=shift_jis>é'))).toBe('<meta charset=shift_jis>é');
    expect(decoded(bytes([0xff, 0xfe], [0x41, 0x00, 0x42]))).toBe('A\ufffd');
  });

  test('then the header', () => {
    expect(decoded(bytes(SMART), 'windows-1252')).toBe('“€”é');
    expect(decoded(bytes(SMART), 'ISO-8859-1')).toBe('“€”é');
    expect(decoded(bytes(KANJI), 'Shift_JIS')).toBe('潮');
    expect(decoded(bytes('<meta charset=utf-8>', KANJI), 'sjis')).toBe('<meta charset=utf-8>潮');
    expect(decoded(Buffer.from('潮é', 'utf16le'), 'utf-16')).toBe('潮é');
    expect(decoded(bytes('潮'), 'windows-1252')).toBe('æ½®');
    expect(decoded(bytes('a', [0xff], 'b'), 'utf-8')).toBe('a\ufffdb');
  });

  test.each([
    '<meta charset=shift_jis>',
    '<META CHARSET="Shift_JIS">',
    "<meta name=x charset = ' shift_jis '/>",
    '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">',
    '<meta content="text/html;charset=shift_jis" http-equiv=content-type>',
    '<!-- <meta charset=utf-8> --><meta charset=shift_jis>',
    '<meta charset=klingon><meta charset=shift_jis>',
  ])('then %s', (meta) => {
    expect(decoded(bytes(meta, KANJI))).toBe(`${meta}潮`);
    expect(decoded(bytes(meta, KANJI), 'klingon')).toBe(`${meta}潮`);
  });

  test.each([
    '<p charset=shift_jis>',
    '<metal charset=shift_jis>',
    '<meta name=description content="text; charset=shift_jis">',
    '<meta http-equiv=content-type>',
    '<!-- <meta charset=shift_jis> -->',
    '<!-- <meta charset=shift_jis>',
    `${' '.repeat(1024)}<meta charset=shift_jis>`,
  ])('but not %s', (meta) => expect(decoded(bytes(meta, KANJI))).toBe(`${meta}’ª`));

  test('a meta that says UTF-16 was no UTF-16', () => {
    expect(decoded(bytes('<meta charset=utf-16>é'))).toBe('<meta charset=utf-16>é');
  });

  test('else UTF-8 or windows-1252, all of it', () => {
    expect(decoded(bytes('é'))).toBe('é');
    expect(decoded(bytes(SMART), 'klingon')).toBe('“€”é');
    const upper = Array.from({ length: 128 }, (_, index) => 128 + index);
    const high = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
    expect(decoded(bytes(upper))).toBe(high + String.fromCharCode(...upper.slice(32)));
  });

  test('takes a view into a larger buffer', () => {
    const whole = bytes('<meta charset=shift_jis>', SMART, 'rest');
    expect(decoded(whole.subarray(24, 28))).toBe('“€”é');
  });

  test('a label is found in a content type', () => {
    expect(charsetOf('text/html; charset=utf-8')).toBe('utf-8');
    expect(charsetOf('text/html;x=y; CHARSET = "Shift_JIS" ;z')).toBe('Shift_JIS');
    expect(charsetOf('text/html; mycharset=utf-8')).toBeUndefined();
    expect(charsetOf('text/html')).toBeUndefined();
    expect(charsetOf(undefined)).toBeUndefined();
  });

  test('is what a fetched page goes through', async () => {
    const headed = await page(bytes(KANJI), { 'content-type': 'text/html; charset=shift_jis' });
    expect(text(await get(headed.url))).toBe('潮');
    const zipped = await page(gzipSync(bytes('<meta charset=shift_jis>', KANJI)), { 'content-encoding': 'gzip' });
    expect(text(await get(zipped.url))).toContain('潮');
  });
});
