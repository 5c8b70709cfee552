// What becomes of a connection after a refusal, and of what its client goes on to send.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createServer } from '../dist/server/index.js';
import { extractorOf, HTML_TYPE, JSON_TYPE, occupy, post, REQUEST_HEAD, serverOf, Wire } from './server-support.js';
import { eventually } from './support.js';

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
