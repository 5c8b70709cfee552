import { describe, expect, onTestFinished, test } from 'vitest';
import {
  ask,
  extractorOf,
  JSON_TYPE,
  occupy,
  post,
  REQUEST_HEAD,
  SLOW,
  serverOf,
  Wire,
  whole,
} from './server-support.js';
import { eventually, failure } from './support.js';

const PAGE = '<p>The tide comes in twice a day.</p>';

describe('a client that hangs up', () => {
  test('while its page is extracted frees the instance', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor });
    const hangUp = new AbortController();
    const body = { method: 'POST', path: '/extract', headers: JSON_TYPE, body: SLOW, signal: hangUp.signal };
    const sent = failure(ask(port, body));
    await eventually(() => extractor.pool.stats.active === 1);
    hangUp.abort();
    await sent;
    await eventually(() => extractor.pool.stats.active === 0);
    expect(extractor.pool.stats).toMatchObject({ aborted: 1, waiting: 0, timedOut: 0 });
    expect((await post(port, PAGE)).status).toBe(200);
  });

  test('while it waits frees its place', async () => {
    const extractor = await extractorOf({ maxQueue: 1 });
    const { port } = await serverOf({ extractor });
    const release = await occupy(extractor);
    const wire = await Wire.to(port, whole(PAGE));
    await eventually(() => extractor.pool.stats.waiting === 1);
    expect((await post(port, PAGE)).status).toBe(503);
    wire.socket.destroy();
    await eventually(() => extractor.pool.stats.waiting === 0);
    expect(extractor.pool.stats.aborted).toBe(1);
    const next = post(port, PAGE);
    await eventually(() => extractor.pool.stats.waiting === 1);
    await release();
    expect((await next).status).toBe(200);
  });

  test('with several requests on its connection frees all their places', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor });
    const release = await occupy(extractor);
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const wire = await Wire.to(port, whole(PAGE).repeat(20));
    await eventually(() => extractor.pool.stats.waiting === 20);
    wire.socket.destroy();
    await eventually(() => extractor.pool.stats.waiting === 0);
    expect(extractor.pool.stats.aborted).toBe(20);
    expect(warnings).toEqual([]);
    await release();
  });

  test('while its body arrives is no failure of the server', async () => {
    const extractor = await extractorOf();
    const lines: string[] = [];
    const { port } = await serverOf({
      extractor,
      logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } },
    });
    for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const wire = await Wire.to(port, `${REQUEST_HEAD}content-length: 100\r\n\r\n<p>`);
      await ask(port, { path: '/health' });
      wire.socket[end]();
      await wire.ended();
    }
    expect((await post(port, PAGE)).status).toBe(200);
    expect(extractor.pool.stats.outcomes).toMatchObject({ ok: 1, aborted: 0 });
    expect(lines).toEqual([]);
  });

  // As a process that ends says no more than that.
  test('is one that has no more to send', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor });
    const release = await occupy(extractor);
    const wire = await Wire.to(port, whole(PAGE));
    await eventually(() => extractor.pool.stats.waiting === 1);
    wire.socket.end();
    await eventually(() => extractor.pool.stats.waiting === 0);
    expect(extractor.pool.stats.aborted).toBe(1);
    await release();
  });
});

describe('the wire', () => {
  test('requests in a row are answered in their order', async () => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const wire = await Wire.to(port, whole('<p>one'), get('/nothing'), whole('<p>two'), get('/health'), whole(''));
    await wire.answered(5);
    expect(wire.statuses).toEqual([200, 404, 200, 200, 422]);
    expect(wire.received.indexOf('"one"')).toBeLessThan(wire.received.indexOf('"two"'));
  });

  test('a refused body is not taken for a request', async () => {
    const { port } = await serverOf({ extractor: await extractorOf(), maxBodyBytes: 1_000 });
    const inside = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const types = ['text/html\r\ncontent-encoding: gzip', 'text/plain', 'application/json', 'text/html'];
    for (const type of types) {
      const head = `POST /extract HTTP/1.1\r\nHost: localhost\r\ncontent-type: ${type}\r\n`;
      const wire = await Wire.to(port, whole(inside.repeat(100), head));
      await wire.answered();
      await ask(port, { path: '/health' });
      expect(wire.statuses).toEqual([expect.any(Number)]);
      expect(wire.statuses[0]).toBeGreaterThanOrEqual(400);
      wire.socket.destroy();
    }
  });

  const head = 'POST /extract HTTP/1.1\r\nHost: localhost\r\ncontent-type: text/html\r\n';
  const smuggled = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
  test.each([
    ['a length and chunks', `${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['two lengths', `${head}content-length: 3\r\ncontent-length: 4\r\n\r\n<p>${smuggled}`],
    ['a list of lengths', `${head}content-length: 3, 3\r\n\r\n<p>${smuggled}`],
    ['a signed length', `${head}content-length: +3\r\n\r\n<p>${smuggled}`],
    ['a length in hexadecimal', `${head}content-length: 0x3\r\n\r\n<p>${smuggled}`],
    ['a negative length', `${head}content-length: -1\r\n\r\n${smuggled}`],
    ['a huge length', `${head}content-length: 99999999999999999999999\r\n\r\n${smuggled}`],
    ['an unknown coding', `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    ['chunked twice', `${head}transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a space before the colon', `${head}content-length : 3\r\n\r\n<p>${smuggled}`],
    ['a folded header', `${head}x: a\r\n content-length: 3\r\n\r\n<p>${smuggled}`],
    ['a size that is no number', `${head}transfer-encoding: chunked\r\n\r\nzz\r\n<p>\r\n0\r\n\r\n${smuggled}`],
    ['a negative size', `${head}transfer-encoding: chunked\r\n\r\n-3\r\n<p>\r\n0\r\n\r\n${smuggled}`],
    ['a chunk beyond its size', `${head}transfer-encoding: chunked\r\n\r\n2\r\n<p>\r\n0\r\n\r\n${smuggled}`],
    ['a size that overflows', `${head}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n<p>${smuggled}`],
    ['bare line feeds in chunks', `${head}transfer-encoding: chunked\r\n\r\n3\n<p>\n0\n\n${smuggled}`],
    ['a NUL in a header', `${head}x: a\0b\r\ncontent-length: 3\r\n\r\n<p>${smuggled}`],
    ['no host', `POST /extract HTTP/1.1\r\ncontent-type: text/html\r\ncontent-length: 3\r\n\r\n<p>`],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ['another version', `GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%s is refused, and the connection with it', async (_, bytes) => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    const wire = await Wire.to(port, bytes);
    const received = await wire.ended();
    expect(received).not.toContain('riptide_wasm_');
    // One answer, and none to what was smuggled in.
    expect(wire.statuses).toEqual([expect.toBeOneOf([400, 415])]);
    expect((await post(port, PAGE)).status).toBe(200);
  });

  test.each([
    ['no HTTP', 'rubbish\r\n\r\n', 400],
    ['a bad chunk', `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['a head that is too large', `GET /health HTTP/1.1\r\nHost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a path that cannot be read', 'GET /%ff HTTP/1.1\r\nHost: localhost\r\nconnection: close\r\n\r\n', 400],
  ])('%s is answered as other failures are', async (_, bytes, statusCode) => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    const received = await (await Wire.to(port, bytes)).ended();
    const body = received.slice(received.indexOf('\r\n\r\n') + 4);
    expect(received).toContain(`HTTP/1.1 ${statusCode} `);
    expect(JSON.parse(body)).toEqual({
      statusCode,
      code: expect.any(String),
      error: expect.any(String),
      message: expect.any(String),
    });
  });

  test('a Host is needed by HTTP/1.0 as well, and may not be empty', async () => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    for (const text of ['GET /health HTTP/1.0\r\n\r\n', 'GET /health HTTP/1.1\r\nHost:\r\nconnection: close\r\n\r\n']) {
      const wire = await Wire.to(port, text);
      await wire.ended();
      expect(wire.statuses).toEqual([421]);
    }
    const old = await Wire.to(port, 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n');
    await old.ended();
    expect(old.statuses).toEqual([200]);
  });

  test('what is sent byte by byte is one request', async () => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    const wire = await Wire.to(port);
    wire.socket.setNoDelay(true);
    for (const byte of whole('<p>tide', `${REQUEST_HEAD}accept: text/plain\r\n`)) {
      wire.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await wire.answered()).toMatch(/\r\n\r\ntide$/);
  });

  test('many at once are all answered, with one instance', async () => {
    const { port } = await serverOf({ extractor: await extractorOf() });
    const answered = await Promise.all(Array.from({ length: 200 }, (_, index) => post(port, `<p>tide ${index}`)));
    expect(answered.map(({ json }) => json.text)).toEqual(Array.from({ length: 200 }, (_, index) => `tide ${index}`));
  });

  test('noise of all kinds leaves it as it was', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor, timeoutMillis: 5_000 });
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const valid = whole('<p>tide</p>');
    const wires: Wire[] = [];
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(valid + valid);
      for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256);
      const wire = await Wire.to(port, bytes.subarray(0, random(bytes.length) + 1));
      if (random(3) === 0) wire.socket.destroy();
      else if (random(2) === 0) wire.socket.end();
      wires.push(wire);
    }
    await eventually(() => extractor.pool.stats.active + extractor.pool.stats.waiting === 0);
    expect((await post(port, PAGE)).status).toBe(200);
    // Some of it was still a request, most was none; none was more than the server can take.
    const statuses = () => wires.flatMap((wire) => wire.statuses);
    await eventually(() => [200, 400].every((status) => statuses().includes(status)));
    expect(statuses().filter((status) => status >= 500)).toEqual([]);
  });
});
