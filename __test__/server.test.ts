import type { AnySchema } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor } from '../dist/index.js';
import { createServer } from '../dist/server/index.js';
import {
  type Asked,
  ask,
  HTML_TYPE,
  JSON_TYPE,
  type Listening,
  listenTo,
  post,
  serverOf,
  Wire,
} from './server-support.js';

const PAGE = `<!doctype html><html lang="en"><head><title>Of tides</title><meta name="author" content="Ada Boatwright">
  </head><body><nav><a href="/menu">Menu of the site</a></nav><article><h1>Of tides</h1>
  ${'<p>The tide comes in twice a day, and with it come the small boats that fish the bay, each with its lamp.</p>'.repeat(5)}
  <p>More on <a href="boats.html" rel="nofollow">the boats</a>. <img src="/wave.png" alt="A wave"></p>
  <p class="note">A note, by itself.</p><p id="last">The last.</p></article></body></html>`;
const PLACE = 'https://example.com/bay/tides.html';
const AT = `?url=${encodeURIComponent(PLACE)}`;

let extractor: Extractor;
let server: Listening;
let port: number;
beforeAll(async () => {
  extractor = await createExtractor({ env: false, max: 2 });
  server = await listenTo(
    await createServer({ extractor, allowedHosts: ['tides.example', 'Bay.Example'], livePage: false }),
  );
  port = server.port;
});
afterAll(async () => {
  server.app.server.closeAllConnections();
  await server.app.close();
  await extractor.destroy();
});

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
const json = (body: unknown, query = '') => post(port, JSON.stringify(body), JSON_TYPE, query);
const textOf = async (body: Uint8Array | string, type: string) =>
  (await post(port, body, { 'content-type': type, accept: 'text/plain' })).text;

describe('a page is extracted', () => {
  test.each(['article', 'full', 'metadata'] as const)('in mode %s, as the extractor does it', async (mode) => {
    const expected = plain(await extractor.extract(PAGE, PLACE, mode));
    const asHtml = await post(port, PAGE, HTML_TYPE, `${AT}&mode=${mode}`);
    expect(asHtml.status).toBe(200);
    expect(asHtml.json).toEqual(expected);
    expect((await json({ html: PAGE, url: PLACE, mode })).json).toEqual(expected);
    expect((await json({ html: PAGE }, `${AT}&mode=${mode}`)).json).toEqual(expected);
  });

  test('in mode article where none is given, and without an address', async () => {
    expect((await post(port, PAGE)).json).toEqual(plain(await extractor.extract(PAGE)));
    expect((await json({ html: PAGE })).json).toEqual(plain(await extractor.extract(PAGE)));
  });

  test('by selectors: one, several, of the query and of the body', async () => {
    const one = plain(await extractor.extract(PAGE, PLACE, { tag: 'custom', val: ['.note'] }));
    const two = plain(await extractor.extract(PAGE, PLACE, { tag: 'custom', val: ['.note', '#last'] }));
    expect(one.text).toBe('A note, by itself.');
    expect((await post(port, PAGE, HTML_TYPE, `${AT}&selector=.note`)).json).toEqual(one);
    expect((await post(port, PAGE, HTML_TYPE, `${AT}&selector=.note&selector=%23last`)).json).toEqual(two);
    expect((await post(port, PAGE, HTML_TYPE, `${AT}&mode=custom&selector=.note`)).json).toEqual(one);
    expect((await json({ html: PAGE, url: PLACE, selectors: ['.note', '#last'] })).json).toEqual(two);
    expect((await json({ html: PAGE, selectors: ['.note'] }, AT)).json).toEqual(one);
  });

  test('as a JSON body says, whatever the query says', async () => {
    const { status, json: content } = await json(
      { html: PAGE, url: PLACE, mode: 'custom', selectors: ['.note'] },
      '?url=https://other.example/&mode=full&selector=h1',
    );
    expect(status).toBe(200);
    expect(content).toMatchObject({ url: PLACE, text: 'A note, by itself.' });
  });

  const word = 'Überfahrt – ćmąß';
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  test.each([
    ['UTF-8 without a charset', Buffer.from('<p>Ebbe – Fluß'), 'text/html', 'Ebbe – Fluß'],
    ['charset=utf-8', Buffer.from(`<p>${word}`), 'text/html; charset=utf-8', word],
    ['charset="UTF-8"', Buffer.from(`<p>${word}`), 'TEXT/HTML ;charset="UTF-8"', word],
    ['windows-1252', latin1('<p>caf\xe9 \x96 \x80'), 'text/html; charset=windows-1252', 'café – €'],
    ['latin1 means windows-1252', latin1('<p>caf\xe9 \x80'), 'text/html;charset=iso-8859-1', 'café €'],
    ['no charset, and no UTF-8', latin1('<p>caf\xe9'), 'text/html', 'café'],
    ['an unknown charset', latin1('<p>caf\xe9'), 'text/html; charset=klingon', 'café'],
    ['<meta charset>', latin1('<meta charset="iso-8859-2"><p>\xb1\xe6'), 'text/html', 'ąć'],
    [
      '<meta http-equiv>',
      latin1('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2"><p>\xb1'),
      'text/html',
      'ą',
    ],
    ['the header before the meta', latin1('<meta charset="iso-8859-2"><p>\xe9'), 'text/html; charset=latin1', 'é'],
    ['a byte order mark before both', Buffer.from('\ufeff<p>tide', 'utf16le'), 'text/html; charset=latin1', 'tide'],
    ['XHTML', Buffer.from(`<?xml version="1.0"?><html><p>${word}</p></html>`), 'application/xhtml+xml', word],
    ['XHTML in latin1', latin1('<html><p>\xe9</p></html>'), 'application/xhtml+xml; charset=latin1', 'é'],
  ])('with its character set: %s', async (_, body, type, expected) => {
    expect(await textOf(body, type)).toBe(expected);
  });

  test('of any depth', async () => {
    for (const levels of [500, 552, 50_000]) {
      const deep = await post(port, `${'<div>'.repeat(levels)}tide`);
      expect(deep.status).toBe(200);
      expect(deep.json.text).toBe('tide');
    }
  });
});

describe('Accept', () => {
  const TYPES = { json: 'application/json', markdown: 'text/markdown', text: 'text/plain' } as const;
  test.each([
    [undefined, 'json'],
    ['', 'json'],
    ['*/*', 'json'],
    ['application/json', 'json'],
    ['APPLICATION/JSON', 'json'],
    ['application/*', 'json'],
    ['text/markdown', 'markdown'],
    ['text/*', 'markdown'],
    ['text/plain', 'text'],
    ['text/plain;charset=utf-8', 'text'],
    ['text/plain, text/markdown', 'markdown'],
    ['text/plain, text/markdown;q=0.9', 'text'],
    ['text/markdown;q=0.1, text/plain;q=0.2', 'text'],
    ['text/plain;q=0.5, */*;q=0.1', 'text'],
    ['text/*;q=0.5, text/plain;q=0.9', 'text'],
    ['*/*, application/json;q=0', 'markdown'],
    ['*/*, application/json;q=0, text/markdown;q=0.0', 'text'],
    ['text/html, */*;q=0.8', 'json'],
    ['text/plain ; Q=1.000 , application/json;q=0.999', 'text'],
    ['rubbish, text/plain', 'text'],
    [',,text/plain,', 'text'],
    ['text/plain;q=2, text/markdown;q=0.1', 'markdown'],
  ] as const)('%j gives %s', async (accept, format) => {
    const headers = accept === undefined ? HTML_TYPE : { ...HTML_TYPE, accept };
    const answered = await post(port, PAGE, headers);
    expect(answered.status).toBe(200);
    expect(answered.headers['content-type']).toBe(`${TYPES[format]}; charset=utf-8`);
    expect(answered.headers.vary).toBe('accept');
    expect(answered.headers['x-content-type-options']).toBe('nosniff');
    const content = await extractor.extract(PAGE);
    expect(format === 'json' ? answered.json : answered.text).toEqual(
      format === 'json' ? plain(content) : content[format],
    );
  });

  test.each([
    'text/html',
    'image/*',
    'json',
    '*',
    'text/plain;q=0',
    'text/plain;q=x',
    'application/json;q=0, text/css',
  ])('%j is 406', async (accept) => {
    const { status, json: body, headers } = await post(port, PAGE, { ...HTML_TYPE, accept });
    expect(status).toBe(406);
    expect(body).toMatchObject({ statusCode: 406, code: 'ERR_NOT_ACCEPTABLE', error: 'Not Acceptable' });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });
});

/** A request that is refused is answered in the one shape. */
async function refused(asked: Asked, status: number, code: string): Promise<void> {
  const answered = await ask(port, { method: 'POST', path: '/extract', headers: HTML_TYPE, ...asked });
  expect([answered.status, answered.json]).toEqual([
    status,
    { statusCode: status, code, error: expect.stringMatching(/^[A-Z]/), message: expect.stringMatching(/./) },
  ]);
  expect(answered.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
  expect(answered.text).not.toMatch(/node:|file:|\.js\b/);
}

describe('what is malformed is refused', () => {
  const bad = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  test.each<[unknown, string]>([
    ['', 'FST_ERR_CTP_EMPTY_JSON_BODY'],
    ['{', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['{"html":"x"} {}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['{"html":"x","__proto__":{"mode":"full"}}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['{"html":"x","constructor":{"prototype":{"a":1}}}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['null', 'FST_ERR_VALIDATION'],
    ['"<p>x"', 'FST_ERR_VALIDATION'],
    [[], 'FST_ERR_VALIDATION'],
    [{}, 'FST_ERR_VALIDATION'],
    [{ html: 1 }, 'FST_ERR_VALIDATION'],
    [{ html: null, url: PLACE }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', url: 7 }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', mode: 'FULL' }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', mode: ['full'] }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', selectors: 'p' }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', selectors: [1] }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', selectors: [''] }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', selectors: Array(65).fill('p') }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', selectors: ['p'.repeat(1_025)] }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', url: 'h'.repeat(8_193) }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', extra: 1 }, 'FST_ERR_VALIDATION'],
    [{ html: 'x', mode: 'custom' }, 'ERR_BAD_MODE'],
    [{ html: 'x', mode: 'custom', selectors: [] }, 'ERR_BAD_MODE'],
    [{ html: 'x', mode: 'full', selectors: ['p'] }, 'ERR_BAD_MODE'],
    [{ html: 'x', selectors: ['p['] }, 'ERR_GUEST'],
  ])('JSON %.60j: %s', async (body, code) => refused({ headers: JSON_TYPE, body: bad(body) }, 400, code));

  test.each([
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json ;x',
    'application/json\t;x=y',
    'application/json;',
  ])('JSON is checked as %j', async (type) =>
    refused({ headers: { 'content-type': type }, body: '{"html":1}' }, 400, 'FST_ERR_VALIDATION'),
  );

  test.each([
    ['?mode=FULL', 'FST_ERR_VALIDATION'],
    ['?mode=full&mode=full', 'FST_ERR_VALIDATION'],
    ['?url=a&url=b', 'FST_ERR_VALIDATION'],
    [`?url=${'h'.repeat(8_193)}`, 'FST_ERR_VALIDATION'],
    ['?selector=', 'FST_ERR_VALIDATION'],
    [`?${'selector=p&'.repeat(65)}`, 'FST_ERR_VALIDATION'],
    ['?extra=1', 'FST_ERR_VALIDATION'],
    ['?__proto__=1', 'FST_ERR_VALIDATION'],
    ['?selectors=p', 'FST_ERR_VALIDATION'],
    ['?mode=custom', 'ERR_BAD_MODE'],
    ['?mode=article&selector=p', 'ERR_BAD_MODE'],
    ['?selector=p%5B', 'ERR_GUEST'],
  ])('query %.40s: %s', async (query, code) => refused({ path: `/extract${query}`, body: '<p>x' }, 400, code));

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['white space', ' \n\t '],
    ['NULs', '\0\0\0\0'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    ['noise', Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 7_919) % 256))],
  ])('a page of %s is 422', async (_, body) => refused({ body }, 422, 'ERR_GUEST'));

  test('a page in JSON is as one in a body: empty, or with what is no character', async () => {
    await refused({ headers: JSON_TYPE, body: '{"html":""}' }, 422, 'ERR_GUEST');
    const { status, text } = await post(port, '{"html":"<p>a\\ud800b"}', { ...JSON_TYPE, accept: 'text/plain' });
    expect([status, text]).toEqual([200, 'a\ufffdb']);
    const address = await json({ html: '<p>x', url: 'http://bay.example/\ud800' });
    expect([address.status, address.json.url]).toEqual([200, 'http://bay.example/\ufffd']);
  });

  const addresses = [
    '',
    '/bay',
    'bay.example',
    '//bay.example/',
    'file:///etc/passwd',
    'javascript:1',
    'http://',
    '\ud800',
  ];
  test.each(addresses)('an address of a page is none: %j', async (url) => {
    const bad = { headers: JSON_TYPE, body: JSON.stringify({ html: '<p>x', url }) };
    await refused(bad, 400, 'ERR_BAD_URL');
    await refused({ ...bad, body: JSON.stringify({ url }) }, 400, 'ERR_BAD_URL');
    if (url === '\ud800') return; // no query can say it
    const path = `/extract?url=${encodeURIComponent(url)}`;
    await refused({ path, body: '<p>x' }, 400, 'ERR_BAD_URL');
    await refused({ path, headers: JSON_TYPE, body: '{"html":"<p>x"}' }, 400, 'ERR_BAD_URL');
  });

  test.each(['http://bay.example', 'HTTPS://Bay.Example:8443/a b?c#d', 'http://größe.example/'])(
    'an address of a page is one: %s',
    async (url) => {
      expect((await json({ html: '<p>x', url })).json.url).toBe(url);
      expect((await post(port, '<p>x', HTML_TYPE, `?url=${encodeURIComponent(url)}`)).json.url).toBe(url);
    },
  );

  test.each<[string, Asked, number, string]>([
    ['no body at all', { headers: {} }, 400, 'ERR_BAD_BODY'],
    ['no type', { headers: {}, body: '<p>x' }, 415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE'],
    ['text/plain', { headers: { 'content-type': 'text/plain' }, body: 'x' }, 415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE'],
    ['text/htmlx', { headers: { 'content-type': 'text/htmlx' }, body: 'x' }, 415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE'],
    ['gzip', { headers: { ...HTML_TYPE, 'content-encoding': 'gzip' }, body: 'x' }, 415, 'ERR_BAD_ENCODING'],
    ['a URL to fetch', { headers: JSON_TYPE, body: `{"url":"${PLACE}"}` }, 403, 'ERR_FETCH_OFF'],
    ['another path', { path: '/nothing', body: '<p>x' }, 404, 'ERR_NOT_FOUND'],
    ['another path, JSON', { path: '/nothing', headers: JSON_TYPE, body: '{' }, 404, 'ERR_NOT_FOUND'],
    [
      'another path, any type',
      { path: '/nothing', headers: { 'content-type': 'a/b' }, body: 'x' },
      404,
      'ERR_NOT_FOUND',
    ],
    ['a slash more', { path: '/extract/', body: '<p>x' }, 404, 'ERR_NOT_FOUND'],
    ['another case', { path: '/EXTRACT', body: '<p>x' }, 404, 'ERR_NOT_FOUND'],
    ['GET of nothing', { method: 'GET', path: '/', headers: {} }, 404, 'ERR_NOT_FOUND'],
    ['POST /health', { path: '/health', body: '<p>x' }, 405, 'ERR_BAD_METHOD'],
  ])('%s', (_, asked, status, code) => refused(asked, status, code));

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE'])('%s /extract is 405', async (method) => {
    const { status, headers, json: body } = await ask(port, { method, path: '/extract?mode=full' });
    expect([status, headers.allow, body.code]).toEqual([405, 'POST', 'ERR_BAD_METHOD']);
  });

  test('HEAD has the head of GET, and of an error too', async () => {
    for (const path of ['/health', '/ready', '/metrics', '/openapi.json']) {
      const head = await ask(port, { method: 'HEAD', path });
      const get = await ask(port, { path });
      expect([head.status, head.text]).toEqual([get.status, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect((await ask(port, { method: 'POST', path })).headers.allow).toBe('GET, HEAD');
    }
    const head = await ask(port, { method: 'HEAD', path: '/extract' });
    expect([head.status, head.headers.allow, head.text]).toEqual([405, 'POST', '']);
  });
});

describe('Host', () => {
  const asOf = async (host: string) => (await ask(port, { path: '/health', headers: { host } })).status;
  test.each([
    ...[
      'localhost',
      'localhost:8080',
      'LocalHost:1',
      '127.0.0.1',
      '127.0.0.1:80',
      '10.1.2.3:8080',
      '[::1]',
      '[::1]:80',
    ],
    ...['[fd12:3456::1]:8080', 'tides.example', 'TIDES.example:443', 'bay.example', '[::ffff:127.0.0.1]'],
  ])('%s is its own', async (host) => expect(await asOf(host)).toBe(200));

  test.each([
    ...[
      ' ',
      'localhost.',
      'tides.example.',
      'evil.example',
      'localhost.evil.example',
      'evil.localhost',
      'xtides.example',
      'tides.example.evil',
    ],
    ...[
      'tides.example@evil.example',
      'localhost:',
      'localhost:x',
      'localhost:123456',
      'localhost:80:80',
      '127.0.0.1.nip.io',
    ],
    ...[
      '1',
      '0x7f.1',
      '127.1',
      '2130706433',
      '::1',
      '[::1',
      '[localhost]',
      '[127.0.0.1]',
      '[::1]evil',
      '[]',
      ':80',
      '*',
    ],
    ...['localhost, evil.example', 'http://localhost', 'localhost/', 'tides.example:443.evil'],
  ])('%j is not', async (host) => {
    const answered = await ask(port, { path: '/health', headers: { host } });
    expect(answered.status).toBe(421);
    expect(answered.json).toMatchObject({ code: 'ERR_BAD_HOST', error: 'Misdirected Request' });
  });

  const own = 'Host: localhost\r\n';
  test.each<[string, string, string, number]>([
    ['two, the same', '/health', own + own, 400],
    ['two, the second another', '/health', `${own}hOST: evil.example\r\n`, 400],
    ['two, one of them empty', '/health', `${own}Host:\r\n`, 400],
    ['none', '/health', '', 400],
    ['an address with another host', 'http://evil.example/health', own, 400],
    ['an address with another host, of its own too', 'http://tides.example/health', own, 400],
    ['an address with another port', 'http://localhost:81/health', own, 400],
    ['an address with a user', 'http://x@localhost/health', own, 400],
    ['an address with another host and scheme', 'ftp://evil.example/health', own, 400],
    ['another host that both name', 'http://evil.example/health', 'Host: evil.example\r\n', 421],
    ['an address with its own host', 'http://localhost/health', own, 200],
    ['an address with its own host and query', 'HTTP://LocalHost:80/health?x=1', own, 200],
    ['an address with its own host and port', 'http://tides.example:8080/health', 'Host: tides.example:8080\r\n', 200],
    ['an address of no path', 'http://localhost', own, 404],
  ])('%s', async (_, target, hosts, status) => {
    const wire = await Wire.to(port, `GET ${target} HTTP/1.1\r\n${hosts}connection: close\r\n\r\n`);
    const received = await wire.ended();
    expect(wire.statuses).toEqual([status]);
    if (status !== 400) return;
    expect(received).toMatch(/\r\ncontent-type: application\/json; charset=utf-8\r\n/i);
    expect(JSON.parse(received.slice(received.indexOf('\r\n\r\n')))).toEqual({
      statusCode: 400,
      code: 'ERR_BAD_HOST',
      error: 'Bad Request',
      message: expect.stringMatching(/./),
    });
  });

  test.each<[string, string, string, number]>([
    ['none', '/health', '', 421],
    ['its own', '/health', own, 200],
    ['two', '/health', own + own, 400],
    ['none, and an address', 'http://localhost/health', '', 400],
  ])('in HTTP/1.0: %s', async (_, target, hosts, status) => {
    const wire = await Wire.to(port, `GET ${target} HTTP/1.0\r\n${hosts}\r\n`);
    await wire.ended();
    expect(wire.statuses).toEqual([status]);
  });

  test('it is checked on every path, before anything else', async () => {
    const headers = { ...HTML_TYPE, host: 'evil.example' };
    for (const path of ['/extract', '/ready', '/metrics', '/openapi.json', '/nothing'])
      expect((await ask(port, { method: 'POST', path, headers, body: '<p>x' })).status).toBe(421);
  });
});

describe('Expect', () => {
  test.each(['100-continue', '100-Continue', '100-continue, 100-continue', ''])('%j is met', async (expect_) => {
    const body = '<p>tide';
    const head = `POST /extract HTTP/1.1\r\nHost: localhost\r\ncontent-type: text/html\r\nconnection: close\r\n`;
    const wire = await Wire.to(port, `${head}content-length: ${body.length}\r\nexpect: ${expect_}\r\n\r\n`);
    if (expect_ !== '') await wire.answered();
    wire.socket.write(body);
    await wire.ended();
    expect(wire.statuses).toEqual(expect_ === '' ? [200] : [100, 200]);
  });

  test.each(['200-ok', '100-continue=1', 'x, 100-continue', '100-continue;q=1', '"100-continue"'])(
    '%j is not',
    async (expect_) => {
      const headers = { expect: expect_ };
      for (const path of ['/health', '/metrics', '/nothing'])
        await refused({ method: 'GET', path, headers }, 417, 'ERR_BAD_EXPECT');
      await refused({ headers: { ...HTML_TYPE, ...headers }, body: '<p>x' }, 417, 'ERR_BAD_EXPECT');
    },
  );

  test('100-continue is not known to HTTP/1.0', async () => {
    const wire = await Wire.to(port, 'GET /health HTTP/1.0\r\nHost: localhost\r\nexpect: 100-continue\r\n\r\n');
    await wire.ended();
    expect(wire.statuses).toEqual([200]);
  });
});

describe('its reports', () => {
  test('fit the description, and so do answers and failures', async () => {
    const { json: description } = await ask(port, { path: '/openapi.json' });
    expect(description).toMatchObject({ openapi: '3.1.0', info: { title: 'riptide-wasm' } });
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ $id: 'api', ...description } as AnySchema);
    const check = (pointer: string, value: unknown) => {
      const valid = ajv.validate({ $ref: `api#/paths/${pointer}/content/application~1json/schema` }, value);
      expect([pointer, value, valid ? [] : ajv.errors]).toEqual([pointer, value, []]);
    };
    check('~1health/get/responses/200', (await ask(port, { path: '/health' })).json);
    check('~1ready/get/responses/200', (await ask(port, { path: '/ready' })).json);
    check('~1extract/post/requestBody', { html: PAGE, url: PLACE, selectors: ['p'] });
    const { schemas } = description.components;
    for (const mode of ['article', 'full', 'metadata'])
      expect(ajv.validate(schemas.Extracted, (await post(port, PAGE, HTML_TYPE, `?mode=${mode}`)).json)).toBe(true);
    expect(ajv.validate(schemas.Failure, (await post(port, '')).json)).toBe(true);
    expect(Object.keys(description.paths['/extract'].post.responses)).toEqual(
      expect.arrayContaining(['200', '400', '403', '406', '408', '413', '415', '421', '422', '503', '504']),
    );
  });

  test('/ready tells memory, pool, breaker, cache and cold start', async () => {
    const { status, json: report } = await ask(port, { path: '/ready' });
    expect(status).toBe(200);
    expect(report).toMatchObject({
      status: 'ready',
      reasons: [],
      memory: { currentBytes: expect.any(Number), maxPages: expect.any(Number), residentBytes: expect.any(Number) },
      pool: { max: 2, active: 0, waiting: 0, maxQueue: null },
      breaker: null,
      cache: { enabled: expect.any(Boolean) },
      coldStart: { targetMillis: expect.any(Number), slowStarts: expect.any(Number) },
    });
    expect(report.memory.currentBytes).toBe(extractor.engine.tracker.currentPages * 65_536);
  });

  test('/metrics shows the registry: the extractor, requests by route and status, and what else is there', async () => {
    const registry = new Registry();
    const { port } = await serverOf({ extractor, registry });
    await post(port, PAGE);
    await post(port, '');
    await ask(port, { path: '/nothing' });
    const { headers, text } = await ask(port, { path: '/metrics' });
    expect(headers['content-type']).toBe(registry.contentType);
    expect(text).toMatch(/^riptide_wasm_pool_max\{pool="extractor"\} 2$/m);
    expect(text).toMatch(/^riptide_wasm_memory_bytes\{engine="default"\} \d+$/m);
    const count = (labels: string) => `riptide_wasm_http_request_duration_seconds_count{${labels}} 1`;
    for (const labels of [
      'route="/extract",status="200"',
      'route="/extract",status="422"',
      'route="none",status="404"',
    ])
      expect(text).toContain(count(labels));
  });
});
