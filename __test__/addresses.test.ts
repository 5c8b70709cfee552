import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPublic } from '../dist/page/addresses.js';
import { FetchError } from '../dist/page/fetch-page.js';
import { codeOf, get, HTML, listen, MIB, open, PAGE, page, resolving, text } from './fetch-support.js';
import { eventually, failure } from './support.js';

const REMOTE = '93.184.216.34';

const public4 = { maxBytes: MIB };

const listed = (words: string) => words.trim().split(/\s+/);

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
