import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Engine, type Extractor } from '../dist/index.js';
import type { ServerOptions } from '../dist/server/index.js';
import {
  ask,
  extractorOf,
  HTML_TYPE,
  JSON_TYPE,
  type Listening,
  occupy,
  post,
  REQUEST_HEAD,
  SLOW,
  serverOf,
  startScript,
  Wire,
  whole,
} from './server-support.js';
import { eventually, GROW, poolOf } from './support.js';

const MAX = 20_000;
const PAGE = '<p>The tide comes in twice a day.</p>';
const CHUNKED = `${REQUEST_HEAD}transfer-encoding: chunked\r\n\r\n`;
const LONG = `<p>${'x'.repeat(MAX - 3)}`;

interface Set extends Listening {
  readonly extractor: Extractor;
}

async function limited(options: ServerOptions = {}): Promise<Set> {
  const extractor = await extractorOf();
  return { extractor, ...(await serverOf({ extractor, maxBodyBytes: MAX, ...options })) };
}

const failureIn = (received: string) => JSON.parse(received.slice(received.lastIndexOf('\r\n\r\n') + 4));

describe('a body that is too large', () => {
  const expected = { statusCode: 413, code: 'ERR_BODY_TOO_LARGE', message: `a body may have ${MAX} bytes` };

  test('may be as large as the limit', async () => {
    const { port } = await limited();
    expect((await post(port, LONG)).status).toBe(200);
    const chunked = await Wire.to(port, CHUNKED, `${MAX.toString(16)}\r\n${LONG}\r\n0\r\n\r\n`);
    expect(await chunked.answered()).toMatch(/^HTTP\/1\.1 200 /);
    expect((await post(port, `${LONG}x`)).json).toMatchObject(expected);
  });

  test('is refused before it is sent, and its connection ends', async () => {
    const { port } = await limited();
    const wire = await Wire.to(port, `${REQUEST_HEAD}content-length: ${MAX + 1}\r\n\r\n`);
    const received = await wire.ended();
    expect(wire.statuses).toEqual([413]);
    expect(failureIn(received)).toMatchObject(expected);
    expect(received).toMatch(/^connection: close\r$/im);
  });

  test('is not asked for where the client asks first', async () => {
    const { port } = await limited();
    const expects = `${REQUEST_HEAD}expect: 100-continue\r\ncontent-length: `;
    const large = await Wire.to(port, `${expects}${MAX + 1}\r\n\r\n`);
    expect(failureIn(await large.ended())).toMatchObject(expected);
    expect(large.statuses).toEqual([413]);
    const small = await Wire.to(port, `${expects}${PAGE.length}\r\n\r\n`);
    await small.answered();
    expect(small.statuses).toEqual([100]);
    small.socket.write(PAGE);
    await small.answered(2);
    expect(small.statuses).toEqual([100, 200]);
  });

  test('is refused once it is, where its length is not told', async () => {
    const { port } = await limited();
    const wire = await Wire.to(port, CHUNKED);
    const piece = 'x'.repeat(4_096);
    for (let sent = 0; sent <= MAX; sent += piece.length) wire.socket.write(`1000\r\n${piece}\r\n`);
    expect(failureIn(await wire.ended())).toMatchObject(expected);
  });

  test('is answered though the client sends on', async () => {
    const { port } = await limited();
    const answered = await Promise.all(Array.from({ length: 5 }, () => post(port, Buffer.alloc(20_000_000, 'x'))));
    expect(answered.map(({ status }) => status)).toEqual(Array(5).fill(413));
  });
});

describe('the memory for bodies', () => {
  /** The largest bodies sixteen times, each without its last byte; a seventeenth is refused, and then they are answered. */
  async function hasRoomForSixteen(port: number): Promise<void> {
    const head = `${REQUEST_HEAD}content-length: ${MAX}\r\n\r\n`;
    const wires = await Promise.all(Array.from({ length: 16 }, () => Wire.to(port, head, LONG.slice(1))));
    let refused = await post(port, PAGE);
    for (let round = 0; round < 200 && refused.status === 200; round++) refused = await post(port, PAGE);
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(refused.json).toMatchObject({ statusCode: 503, error: 'Service Unavailable' });
    expect((await ask(port, { path: '/health' })).status).toBe(200);
    for (const wire of wires) wire.socket.write('x');
    for (const wire of wires) await wire.answered();
    expect(wires.map(({ statuses }) => statuses)).toEqual(Array(16).fill([200]));
    for (const wire of wires) wire.socket.destroy();
  }

  test('is for sixteen of the largest, again and again', async () => {
    const { port } = await limited();
    await hasRoomForSixteen(port);
    await hasRoomForSixteen(port);
  });

  const partial = (bytes: number) => `${REQUEST_HEAD}content-length: ${MAX}\r\n\r\n${LONG.slice(0, bytes)}`;
  test.each<[string, (set: Set) => Promise<void>]>([
    ['answered', async ({ port }) => void (await post(port, LONG))],
    ['refused for its mode', async ({ port }) => void (await post(port, LONG, HTML_TYPE, '?selector=p['))],
    ['refused for what it accepts', async ({ port }) => void (await post(port, LONG, { ...HTML_TYPE, accept: 'a/b' }))],
    ['refused as bad JSON', async ({ port }) => void (await post(port, LONG, JSON_TYPE))],
    [
      'found too large',
      async ({ port }) => {
        const wire = await Wire.to(port, CHUNKED, `${(2 * MAX).toString(16)}\r\n${LONG}`, LONG);
        await wire.ended();
        expect(wire.statuses).toEqual([413]);
      },
    ],
    [
      'cut off by a malformed chunk',
      async ({ port }) => {
        const wire = await Wire.to(port, CHUNKED, `${(MAX - 1).toString(16)}\r\n${LONG.slice(1)}\r\nzz\r\n`);
        await wire.ended();
      },
    ],
    [
      'hung up on while it arrives',
      async ({ port }) => {
        const wire = await Wire.to(port, partial(MAX - 1));
        await post(port, PAGE);
        wire.socket.resetAndDestroy();
      },
    ],
    [
      'ended by its client while it arrives',
      async ({ port }) => {
        const wire = await Wire.to(port, partial(MAX - 1));
        await post(port, PAGE);
        wire.socket.end();
        await wire.ended();
      },
    ],
    [
      'hung up on while it waits',
      async ({ port, extractor }) => {
        const release = await occupy(extractor);
        const wire = await Wire.to(port, whole(LONG));
        await eventually(() => extractor.pool.stats.waiting === 1);
        wire.socket.destroy();
        await eventually(() => extractor.pool.stats.waiting === 0);
        await release();
      },
    ],
    [
      'hung up on with another on its connection',
      async ({ port, extractor }) => {
        const release = await occupy(extractor);
        const wire = await Wire.to(port, whole(LONG), whole(LONG));
        await eventually(() => extractor.pool.stats.waiting === 2);
        wire.socket.destroy();
        await eventually(() => extractor.pool.stats.waiting === 0);
        await release();
      },
    ],
    [
      'too slow',
      async ({ port }) => {
        const wire = await Wire.to(port, partial(MAX - 1));
        await wire.ended();
        expect(wire.statuses).toEqual([408]);
      },
    ],
    [
      'too long under way',
      async ({ port, extractor }) => {
        const release = await occupy(extractor);
        expect((await post(port, LONG)).status).toBe(504);
        await release();
      },
    ],
  ])('is given back once a request is %s', async (_, end) => {
    const set = await limited({ timeoutMillis: 3_000 });
    for (let round = 0; round < 2; round++) await end(set);
    await hasRoomForSixteen(set.port);
  });

  test('is given back though the answer is not read', async () => {
    const extractor = await extractorOf();
    const { app, port } = await serverOf({ extractor, timeoutMillis: 4_000 });
    const sockets: Socket[] = [];
    app.server.on('connection', (socket) => sockets.push(socket));
    const wire = await Wire.to(port);
    wire.socket.pause();
    const large = '<p>The tide comes in twice a day, and goes out again.</p>'.repeat(75_000);
    wire.socket.write(whole(large, REQUEST_HEAD.replace('/extract', '/extract?mode=full')));
    await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]), { timeout: 15_000 });
    expect(extractor.pool.stats.completed).toBe(1);
    wire.socket.resume();
    const received = await wire.ended();
    expect(wire.statuses).toEqual([200]);
    expect(received.length).toBeLessThan(Number(/content-length: (\d+)/i.exec(received)?.[1]));
  });

  test('is not outgrown by bodies in tiny chunks', async () => {
    const child = await startScript('drainMillis: 0', '--max-old-space-size=64');
    const wire = await Wire.to(child.port, CHUNKED);
    const chunks = '1\r\nx\r\n'.repeat(10_000);
    for (let round = 0; round < 40 && !child.over(); round++) {
      if (!wire.socket.write(chunks)) await Promise.race([once(wire.socket, 'drain'), child.ended]);
    }
    wire.socket.write('0\r\n\r\n');
    await vi.waitFor(() => expect([child.over(), wire.statuses]).toEqual([false, [200]]), { timeout: 20_000 });
    child.kill('SIGTERM');
    expect((await child.ended).code).toBe(0);
  });

  test('is not outgrown by large answers to small pages that nobody reads', async () => {
    const child = await startScript('drainMillis: 0, timeoutMillis: 60_000, extractor: { max: 1 }');
    const links = (count: number) => Array.from({ length: count }, (_, index) => `<a href=${index}>`).join('');
    const query = `?url=https://tides.example/${'a'.repeat(8_000)}/`;
    const head = REQUEST_HEAD.replace('/extract', `/extract${query}`);
    // 50 MB for 100 KB is more than a result may have; 7 MB is not.
    const larger = await post(child.port, links(7_000), HTML_TYPE, query);
    expect(larger.json).toMatchObject({ statusCode: 422, code: 'ERR_RESULT_TOO_LARGE' });
    const statuses: number[] = [];
    for (let count = 0; count < 48 && statuses.at(-1) !== 503; count++) {
      const wire = await Wire.to(child.port);
      wire.socket.once('data', () => wire.socket.pause());
      wire.socket.write(whole(links(900), head));
      await vi.waitFor(() => expect(wire.statuses).toHaveLength(1), { timeout: 20_000 });
      statuses.push(...wire.statuses);
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([200, 503]);
  });
});

describe('time', () => {
  test('a body that does not arrive in it is 408', async () => {
    const { port } = await limited({ timeoutMillis: 300 });
    const wire = await Wire.to(port, `${REQUEST_HEAD}content-length: 10\r\n\r\n<p>`);
    expect(failureIn(await wire.ended())).toMatchObject({ statusCode: 408, code: 'ERR_TIMEOUT' });
    expect(wire.statuses).toEqual([408]);
  });

  test('a page that takes longer is 504, and its instance is free', async () => {
    const { port, extractor } = await limited({ timeoutMillis: 500, maxBodyBytes: 1_000_000 });
    const slow = await post(port, SLOW, JSON_TYPE);
    expect(slow.json).toMatchObject({ statusCode: 504, code: 'ERR_TIMEOUT', error: 'Gateway Timeout' });
    await eventually(() => extractor.pool.stats.active === 0);
    expect(extractor.pool.stats.aborted).toBe(1);
    expect((await post(port, PAGE)).status).toBe(200);
  });

  test("so is one that takes longer than the extractor's", async () => {
    const extractor = await extractorOf({ timeoutMillis: 300 });
    const { port } = await serverOf({ extractor });
    expect((await post(port, SLOW, JSON_TYPE)).json).toMatchObject({ statusCode: 504, code: 'ERR_TIMEOUT' });
  });

  test('a page that needs more memory than an instance may have is 422', async () => {
    const extractor = await extractorOf({ maxMemoryPages: 64 });
    const { port } = await serverOf({ extractor });
    const { status, json, headers } = await post(port, '<p>tide</p>'.repeat(100_000));
    expect([status, json.code, headers['retry-after']]).toEqual([422, 'ERR_MEMORY_LIMIT', undefined]);
  });
});

/** Pages are refused for a reason; `/ready` says it, `/health` has none. */
async function unready(port: number, code: string): Promise<number> {
  const refused = await post(port, PAGE);
  expect(refused.json).toMatchObject({ statusCode: 503, code, error: 'Service Unavailable' });
  const ready = await ask(port, { path: '/ready' });
  expect([ready.status, ready.json.status]).toEqual([503, 'unready']);
  expect(ready.json.reasons.map((reason: { code: string }) => reason.code)).toEqual([code]);
  for (const { headers } of [refused, ready]) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
  expect((await ask(port, { path: '/health' })).status).toBe(200);
  return Number(refused.headers['retry-after']);
}

async function ready(port: number): Promise<void> {
  const { status, json } = await ask(port, { path: '/ready' });
  expect([status, json.status, json.reasons]).toEqual([200, 'ready', []]);
  expect((await post(port, PAGE)).status).toBe(200);
}

describe('503 with Retry-After', () => {
  test.each([0, 1])('where the queue of %d is full', async (maxQueue) => {
    const extractor = await extractorOf({ maxQueue });
    const { port } = await serverOf({ extractor });
    const release = await occupy(extractor);
    const waiting = Array.from({ length: maxQueue }, () => post(port, PAGE));
    await eventually(() => extractor.pool.stats.waiting === maxQueue);
    await unready(port, 'ERR_QUEUE_FULL');
    await release();
    for (const each of waiting) expect((await each).status).toBe(200);
    await eventually(() => extractor.pool.stats.active === 0);
    await ready(port);
  });

  test('where the queue fills while the body arrives', async () => {
    const extractor = await extractorOf({ maxQueue: 0 });
    const { port } = await serverOf({ extractor });
    const wire = await Wire.to(port, `${REQUEST_HEAD}content-length: 3\r\n\r\n<p`);
    await ready(port);
    const release = await occupy(extractor);
    wire.socket.write('>');
    expect(failureIn(await wire.answered())).toMatchObject({ statusCode: 503, code: 'ERR_QUEUE_FULL' });
    expect(wire.received).toMatch(/^retry-after: 1\r$/im);
    await release();
  });

  test('where the breaker is open, until it may be tried again', async () => {
    const breaker = { volumeThreshold: 1, resetTimeoutMillis: 1_500 };
    const extractor = await extractorOf({ timeoutMillis: 500, breaker });
    const { port } = await serverOf({ extractor });
    expect((await post(port, SLOW, JSON_TYPE)).status).toBe(504);
    expect(await unready(port, 'ERR_BREAKER_OPEN')).toBeLessThanOrEqual(2);
    expect((await ask(port, { path: '/ready' })).json.breaker).toMatchObject({ state: 'open', opened: 1 });
    await eventually(() => extractor.pool.stats.breaker?.resetMillis === 0);
    expect((await post(port, PAGE)).status).toBe(200);
    expect((await ask(port, { path: '/ready' })).json.breaker.state).toBe('closed');
    await ready(port);
  });

  test('where memory is near the budget', async () => {
    const engine = new Engine({ memoryBudgetBytes: 1_024 * 65_536 });
    const others = await poolOf(engine, GROW, { max: 1 });
    const extractor = await extractorOf({ engine, min: 0 });
    const { port } = await serverOf({ extractor });
    let release = () => {};
    const holding = others.use(async (instance) => {
      await instance.call('grow', [1_000]);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    onTestFinished(() => release());
    await eventually(() => engine.tracker.currentPages > 1_000);
    await unready(port, 'ERR_MEMORY_LIMIT');
    release();
    await holding;
    await eventually(() => engine.tracker.currentPages < 100);
    await ready(port);
  });

  test('where the budget does not suffice for a page', async () => {
    const engine = new Engine({ memoryBudgetBytes: 1_024 * 65_536 });
    const others = await poolOf(engine, GROW, { max: 1 });
    const extractor = await extractorOf({ engine });
    const { port } = await serverOf({ extractor });
    const answered = others.use(async (instance) => {
      await instance.call('grow', [850]);
      return post(port, '<p>The tide comes in twice a day.</p>'.repeat(40_000));
    });
    const { status, json, headers } = await answered;
    expect([status, json.code, headers['retry-after']]).toEqual([503, 'ERR_MEMORY_LIMIT', '1']);
  });

  test('where the extractor is closed', async () => {
    const extractor = await extractorOf();
    const { port } = await serverOf({ extractor });
    await extractor.close();
    await unready(port, 'ERR_CLOSED');
  });
});
