// What is refused, and what becomes of its connection and of what its client goes on to send.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Exchange, Limits } from '../dist/server/exchange.js';
import { createServer } from '../dist/server/index.js';
import { extractorOf, HTML_TYPE, JSON_TYPE, occupy, post, REQUEST_HEAD, serverOf, Wire } from './server-support.js';
import { eventually, run, thrown } from './support.js';

const MAX = 20_000;
const PAGE = '<p>The tide comes in twice a day.</p>';
const WHOLE = `${REQUEST_HEAD}content-length: ${PAGE.length}\r\n\r\n${PAGE}`;

async function limited() {
  const extractor = await extractorOf();
  return { extractor, ...(await serverOf({ extractor, maxBodyBytes: MAX })) };
}

describe('a body that is refused', () => {
  test.each([
    ['there is no such path', REQUEST_HEAD.replace('/extract', '/nothing'), 404],
    ['there is no such method', REQUEST_HEAD.replace('POST', 'PUT'), 405],
    ['the host is another', REQUEST_HEAD.replace(/host: .*?\r\n/i, 'host: evil.example\r\n'), 421],
    ['there are two hosts', `${REQUEST_HEAD}host: localhost\r\n`, 400],
    ['what is expected is not known', `${REQUEST_HEAD}expect: 200-ok\r\n`, 417],
    ['nothing of what there is is accepted', `${REQUEST_HEAD}accept: image/png\r\n`, 406],
  ])('is not read for ever: %s', async (_, head, status) => {
    const { port } = await limited();
    const wire = await Wire.to(port, `${head}transfer-encoding: chunked\r\n\r\n`);
    await wire.answered();
    const chunk = `1000\r\n${'x'.repeat(4_096)}\r\n`;
    let sent = 0;
    for (; sent < 1_000 && !wire.closed; sent++) {
      wire.socket.write(chunk);
      await new Promise(setImmediate);
    }
    await eventually(() => wire.closed);
    expect(wire.statuses).toEqual([status]);
    expect(sent).toBeLessThan(1_000);
  });

  test('may still come, so that its client sees the answer and asks again', async () => {
    const { port } = await limited();
    const wire = await Wire.to(port, `${REQUEST_HEAD.replace('/extract', '/nothing')}content-length: 10000\r\n\r\n<p>`);
    await wire.answered();
    wire.socket.write('x'.repeat(10_000 - 3));
    wire.socket.write(WHOLE);
    await wire.answered(2);
    expect(wire.statuses).toEqual([404, 200]);
  });

  test('is not asked for', async () => {
    const { port } = await limited();
    const head = `${REQUEST_HEAD}expect: 100-continue\r\ncontent-length: ${PAGE.length}\r\n\r\n`;
    const evil = await Wire.to(port, head.replace(/host: .*?\r\n/i, 'host: evil.example\r\n'));
    await evil.answered();
    expect(evil.statuses).toEqual([421]);
    const picky = await Wire.to(port, head.replace('\r\n\r\n', '\r\naccept: image/png\r\n\r\n'));
    await picky.answered();
    expect(picky.statuses).toEqual([406]);
    const good = await Wire.to(port, head);
    await good.answered();
    expect(good.statuses).toEqual([100]);
    good.socket.write(PAGE);
    await good.answered(2);
    expect(good.statuses).toEqual([100, 200]);
  });
});

describe('several requests on one connection', () => {
  test('are each answered when the server closes', async () => {
    const { app, port, extractor } = await limited();
    const release = await occupy(extractor);
    const wire = await Wire.to(port, WHOLE + WHOLE + WHOLE);
    await eventually(() => extractor.pool.stats.waiting === 3);
    const closed = app.close();
    await release();
    await closed;
    await wire.ended();
    expect(wire.statuses).toEqual([200, 200, 200]);
  });

  test('are answered though what follows is no request', async () => {
    const { port, extractor } = await limited();
    const release = await occupy(extractor);
    const wire = await Wire.to(port, `${WHOLE}GARBAGE\r\n\r\n`);
    await eventually(() => extractor.pool.stats.waiting === 1);
    await release();
    await wire.ended();
    expect(wire.statuses).toEqual([200]);
  });
});

describe('fetches', () => {
  /** An exchange of a real request, which is not answered. */
  async function begun(limits: Limits): Promise<{ exchange: Exchange; hangUp(): void }> {
    const server = createHttpServer();
    onTestFinished(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const wire = await Wire.to((server.address() as AddressInfo).port, `${REQUEST_HEAD}content-length: 0\r\n\r\n`);
    const [request, response] = await once(server, 'request');
    return { exchange: new Exchange(limits, request, response), hangUp: () => wire.socket.destroy() };
  }

  test('are 64 at most, and their pages count as bodies, until their client is gone', async () => {
    const limits = new Limits(1_000, 60_000);
    const { exchange, hangUp } = await begun(limits);
    const hold = exchange.beginFetch();
    for (let more = 1; more < 64; more++) exchange.beginFetch();
    expect(thrown(() => exchange.beginFetch())).toMatchObject({ statusCode: 503, code: 'ERR_TOO_MANY_FETCHES' });
    exchange.endFetch();
    exchange.beginFetch();
    hold(15_999);
    expect(thrown(() => hold(2))).toMatchObject({ statusCode: 503, code: 'ERR_TOO_MANY_BODIES' });
    hangUp();
    await eventually(() => exchange.signal.aborted);
    expect(thrown(() => hold(1))).toMatchObject({ code: 'ERR_ABORTED' });
    const next = await begun(limits);
    next.exchange.beginFetch()(16_000);
    next.hangUp();
  });
});

describe('JSON', () => {
  test.each([
    ['brackets', `{"html":${'['.repeat(10_000)}`],
    ['values', JSON.stringify({ html: Array.from({ length: 5_000 }, () => 0) })],
    ['keys', JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, key) => [key, ''])))],
    ['white space', `{${' '.repeat(5_000)}"html":"<p>x"}`],
    ['brackets after an escaped quote', `{"a":"\\"","html":${'['.repeat(10_000)}`],
  ])('is not parsed where it is more than strings: %s', async (_, body) => {
    const { port } = await serverOf({ extractor: await extractorOf(), maxBodyBytes: 100_000 });
    const { json } = await post(port, body, JSON_TYPE);
    expect(json).toMatchObject({ statusCode: 400, code: 'ERR_BAD_BODY' });
  });

  test('may have anything in its strings', async () => {
    const { port } = await serverOf({ extractor: await extractorOf(), maxBodyBytes: 1_000_000 });
    const text = '[{"\\\\\\"}], '.repeat(5_000).trim();
    const { status, json } = await post(port, JSON.stringify({ html: `<p>${text}</p>` }, undefined, 2), JSON_TYPE);
    expect([status, (json as { text: string }).text]).toEqual([200, text]);
  });
});

describe('inject', () => {
  test('is answered as a request is, and throws nothing later', async () => {
    const { code, stdout, stderr } = await run('dist/server/index.js', [], {
      node: ['--input-type=module', '-e', INJECTING],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      '200 /extract': 1,
      '404 none': 1,
      '406 /extract': 1,
      '413 /extract': 1,
      '200 /health': 2,
      '417 /health': 1,
      '400 /health': 1,
    });
  });
});

/** Injects requests, and stays for longer than what is left of a body may come, and than a request may take. */
const INJECTING = `
  const { createServer } = await import(process.argv[1]);
  const app = await createServer({ maxBodyBytes: 20_000, timeoutMillis: 2_000, extractor: { env: false, max: 1 } });
  const headers = { 'content-type': 'text/html' };
  const post = (more) => app.inject({ method: 'POST', url: '/extract', payload: '<p>the tide', ...more, headers: { ...headers, ...more.headers } });
  await post({});
  await post({ url: '/nothing' });
  await post({ headers: { accept: 'image/png' } });
  await post({ payload: 'x'.repeat(30_000) });
  await app.inject('/health');
  await app.inject({ url: '/health', headers: { expect: '100-continue' } });
  await app.inject({ url: '/health', headers: { expect: 'much' } });
  await app.inject({ url: '/health', headers: { host: ['localhost', 'localhost'] } });
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const page = (await app.inject('/metrics')).body;
  await app.close();
  const counts = [...page.matchAll(/^riptide_wasm_http_request_duration_seconds_count{route="(.*?)",status="(.*?)"} (\\d+)$/gm)];
  console.log(JSON.stringify(Object.fromEntries(counts.map(([, route, status, count]) => [status + ' ' + route, Number(count)]))));
`;

describe('routes beside ours', () => {
  test('have their own failures and bodies, and tell nothing of what broke', async () => {
    const extractor = await extractorOf();
    const own = await createServer({ extractor });
    onTestFinished(() => own.close());
    own.post('/mine', async (request) => ({ had: request.body }));
    own.get('/down', async () => {
      throw Object.assign(new Error('the database at 10.0.0.1'), { statusCode: 503 });
    });
    own.get('/nothing-thrown', async () => Promise.reject(undefined));
    const inject = async (method: 'GET' | 'POST', url: string) => {
      const { statusCode, body } = await own.inject({ method, url, ...(method === 'POST' && { payload: { a: 1 } }) });
      return [statusCode, JSON.parse(body)];
    };
    expect(await inject('POST', '/mine')).toEqual([200, { had: { a: 1 } }]);
    const broken = { code: 'ERR_INTERNAL', message: 'the request could not be answered' };
    expect(await inject('GET', '/down')).toMatchObject([503, broken]);
    expect(await inject('GET', '/nothing-thrown')).toMatchObject([500, broken]);
  });
});

test('an address that is no URL is answered as other failures are', async () => {
  const { port } = await limited();
  const wire = await Wire.to(port, 'GET /%E0%A4%A HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const received = await wire.answered();
  expect(wire.statuses).toEqual([400]);
  expect(received).toContain('"code":"FST_ERR_BAD_URL"');
  expect(received).not.toContain('%E0');
});

test('a slow character set and many quotes are read all the same', async () => {
  const { port } = await serverOf({ extractor: await extractorOf() });
  const japanese = Buffer.concat([Buffer.from('<p>'), Buffer.alloc(400_000, Buffer.from([0x83, 0x65]))]);
  const { json } = await post(port, japanese, { ...HTML_TYPE, 'content-type': 'text/html; charset=shift_jis' });
  expect((json as { text: string }).text).toBe('テ'.repeat(200_000));
  const quotes = '"'.repeat(300_000);
  const quoted = await post(port, JSON.stringify({ html: `<p>${quotes}` }), JSON_TYPE);
  expect((quoted.json as { text: string }).text).toBe(quotes);
});
