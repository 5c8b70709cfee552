// The live page over HTTP: its files, its stream of events, and who may have them.
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createServer, type FleetMember } from '../dist/server/index.js';
import { LiveFeed } from '../dist/server/live-feed.js';
import { ask, extractorOf, listenTo, post, serverOf, startScript, startServe, Wire } from './server-support.js';
import { eventually, failure } from './support.js';

const EVENTS = 'GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n';
const PATHS = ['/', '/live/live.js', '/live/live.css', '/live/live.svg', '/live/events'];

const liveServer = async (options = {}) => serverOf({ extractor: await extractorOf(), livePage: true, ...options });

// biome-ignore lint/suspicious/noExplicitAny: as JSON.parse gives it
const eventsIn = (text: string, name: string): any[] =>
  [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
    .filter(([, found]) => found === name)
    .map(([, , data = '']) => JSON.parse(data));

describe('the files', () => {
  test.each([
    ['/', 'text/html'],
    ['/live/live.js', 'text/javascript'],
    ['/live/live.css', 'text/css'],
    ['/live/live.svg', 'image/svg+xml'],
  ])('%s is %s, under a policy that lets nothing else in', async (path, type) => {
    const { port } = await liveServer();
    const { status, headers, text } = await ask(port, { path });
    expect([status, headers['content-type'], text.length > 100]).toEqual([200, `${type}; charset=utf-8`, true]);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).not.toMatch(/unsafe|\*|http|data:/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    const head = await ask(port, { path, method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.text]).toEqual([
      200,
      String(Buffer.byteLength(text)),
      '',
    ]);
    expect((await ask(port, { path, method: 'POST' })).headers.allow).toBe('GET, HEAD');
  });

  test('hold no address of another place, and the notice of what is in them', async () => {
    const { port } = await liveServer();
    const texts = await Promise.all(PATHS.slice(0, 3).map(async (path) => (await ask(port, { path })).text));
    expect(texts.join('')).not.toMatch(/https?:\/\/(?!www\.w3\.org\/)/);
    expect(texts[0]).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/);
    expect(texts[1]).toContain('Permission is hereby granted');
    expect(texts[1]).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  });
});

describe('whether it is there', () => {
  const statuses = async (port: number) =>
    Promise.all(PATHS.map(async (path) => (await ask(port, { path, method: 'HEAD' })).status));
  const on = [200, 200, 200, 200, 200];
  const off = [404, 404, 404, 404, 404];
  test.each<[NodeJS.ProcessEnv, object, number[]]>([
    [{}, {}, on],
    [{ NODE_ENV: 'development' }, {}, on],
    [{ NODE_ENV: 'production' }, {}, off],
    [{ NODE_ENV: 'production' }, { livePage: true }, on],
    [{ NODE_ENV: 'production', RIPTIDE_WASM_ENABLE_LIVE_PAGE: 'true' }, {}, on],
    [{ RIPTIDE_WASM_ENABLE_LIVE_PAGE: 'false' }, {}, off],
    [{ RIPTIDE_WASM_ENABLE_LIVE_PAGE: 'false' }, { livePage: true }, on],
    [{}, { livePage: false }, off],
  ])('with %j and %j', async (env, options, expected) => {
    for (const name of ['NODE_ENV', 'RIPTIDE_WASM_ENABLE_LIVE_PAGE']) vi.stubEnv(name, env[name]);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { port } = await serverOf({ extractor: await extractorOf(), ...options });
    expect(await statuses(port)).toEqual(expected);
  });

  test('a word that is neither is refused', async () => {
    vi.stubEnv('RIPTIDE_WASM_ENABLE_LIVE_PAGE', 'yes');
    onTestFinished(() => void vi.unstubAllEnvs());
    const error = await failure(createServer({ extractor: await extractorOf() }));
    expect(error.message).toBe('RIPTIDE_WASM_ENABLE_LIVE_PAGE is "yes"; allowed: true or false');
  });

  test('by the command line', async () => {
    expect(await statuses((await startServe('--live-page')).port)).toEqual(on);
    expect(await statuses((await startServe('--no-live-page')).port)).toEqual(off);
  });
});

describe('the stream of events', () => {
  test('has a greeting and a sample at once, then a sample a second', async () => {
    const { port } = await liveServer({ maxBodyBytes: 1_000, fetch: true });
    const wire = await Wire.to(port, EVENTS);
    await eventually(() => eventsIn(wire.received, 'sample').length > 0);
    expect(wire.received).toMatch(/^content-type: text\/event-stream\r$/im);
    expect(wire.received).toMatch(/^cache-control: no-store\r$/im);
    expect(eventsIn(wire.received, 'greeting')).toEqual([
      { version: expect.any(String), fetch: true, maxBodyBytes: 1_000 },
    ]);
    await post(port, '<p>tide');
    await eventually(() => eventsIn(wire.received, 'sample').length > 1);
    const [first, second] = eventsIn(wire.received, 'sample');
    expect([first.outcomes.ok, second.outcomes.ok]).toEqual([0, 1]);
    expect(second.time - first.time).toBeGreaterThan(900);
    expect(second.ready).toMatchObject({ status: 'ready', pool: { max: 1 } });
    expect(second.durations.buckets.reduce((all: number, each: number) => all + each)).toBe(1);
  });

  test('is refused to other sites, which could take up its places', async () => {
    const { port } = await liveServer();
    for (const site of ['cross-site', 'same-site']) {
      const { status, json } = await ask(port, { path: '/live/events', headers: { 'sec-fetch-site': site } });
      expect([status, json.code]).toEqual([403, 'ERR_CROSS_SITE']);
    }
    for (const site of ['same-origin', 'none']) {
      const headers = { 'sec-fetch-site': site };
      expect((await ask(port, { path: '/live/events', method: 'HEAD', headers })).status).toBe(200);
    }
  });

  test('has 32 places, which are free again once their connections are closed', async () => {
    const { port } = await liveServer();
    const wires = await Promise.all(Array.from({ length: 32 }, () => Wire.to(port, EVENTS)));
    await Promise.all(wires.map((wire) => wire.answered()));
    const { status, json, headers } = await ask(port, { path: '/live/events' });
    expect([status, json.code, headers['retry-after']]).toEqual([503, 'ERR_TOO_MANY_LISTENERS', '1']);
    expect((await ask(port, { path: '/ready' })).status).toBe(200);
    wires[0]?.socket.destroy();
    wires[1]?.socket.end();
    const again = async () => (await ask(port, { path: '/live/events', method: 'HEAD' })).status;
    await expect.poll(again).toBe(200);
    const next = await Wire.to(port, EVENTS);
    expect(await next.answered()).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('is not among the durations of requests: it has no end', async () => {
    const { port } = await liveServer();
    const wire = await Wire.to(port, EVENTS);
    await wire.answered();
    wire.socket.destroy();
    await ask(port, { path: '/live/events', headers: { 'sec-fetch-site': 'cross-site' } });
    const durations = async () => (await ask(port, { path: '/metrics' })).text.match(/_count\{route="\/live.*/g);
    await expect.poll(durations).toEqual(['_count{route="/live/events",status="403"} 1']);
  });

  test('ends with the server, in a process that ends on SIGTERM', async () => {
    const child = await startScript('drainMillis: 300');
    const reads = await Wire.to(child.port, EVENTS);
    const halted = await Wire.to(child.port, EVENTS);
    await Promise.all([reads.answered(), halted.answered()]);
    halted.socket.pause();
    child.kill('SIGTERM');
    await eventually(() => child.lines().some((line) => line.includes('shutting down')));
    const { status, json } = await ask(child.port, { path: '/live/events' });
    expect([status, json.code]).toEqual([503, 'ERR_CLOSED']);
    expect(await reads.ended()).toMatch(/0\r\n\r\n$/);
    halted.socket.resume();
    await halted.ended();
    await expect.poll(() => child.over(), { timeout: 5_000 }).toBe(true);
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.stderr()).toBe('');
  });

  test('ends with a server that is closed within a program', async () => {
    const { app, port } = await listenTo(await createServer({ extractor: await extractorOf(), livePage: true }));
    const wire = await Wire.to(port, EVENTS);
    await wire.answered();
    await app.close();
    await wire.ended();
  });
});

describe('the fleet', () => {
  const member = (pid: number, pools: FleetMember['pools'] = {}): FleetMember => ({
    host: 'bay-1',
    pid,
    thread: 0,
    version: '0.1.0',
    uptimeSeconds: 5,
    memory: { pages: 32, residentBytes: 1_000 },
    rates: { calls: 2.5, failures: 0.5 },
    pools,
  });

  test('is told with the sums of all its processes, and the first hundred of them', async () => {
    const pool = { active: 2, waiting: 1 };
    const pools = {
      one: { ...pool, breaker: { state: 'closed' as const } },
      two: { ...pool, breaker: { state: 'open' as const } },
    };
    const members = Array.from({ length: 120 }, (_, index) => member(index + 1, index === 0 ? pools : {}));
    const { port } = await liveServer({ fleet: async () => members });
    const wire = await Wire.to(port, EVENTS);
    await eventually(() => eventsIn(wire.received, 'fleet').length > 0);
    const [{ rows, ...sums }] = eventsIn(wire.received, 'fleet');
    expect(sums).toEqual({ processes: 120, calls: 300, pages: 3_840 });
    expect(rows).toHaveLength(100);
    const { pools: _, ...shown } = member(1);
    expect(rows[0]).toEqual({ ...shown, active: 4, waiting: 2, breaker: 'open' });
    expect(rows[99]).toMatchObject({ pid: 100, active: 0, breaker: null });
  });

  test('is who publishes in the status store, where that can be read', async () => {
    const fields: Record<string, string> = {};
    const statusStore = {
      set: (_key: string, field: string, value: string) => {
        fields[field] = value;
      },
      all: async () => fields,
    };
    const { port } = await liveServer({ statusStore });
    await eventually(() => Object.keys(fields).length > 0);
    const wire = await Wire.to(port, EVENTS);
    await eventually(() => eventsIn(wire.received, 'fleet').length > 0);
    const [{ rows, processes }] = eventsIn(wire.received, 'fleet');
    expect(processes).toBe(1);
    expect(rows[0]).toMatchObject({ pid: process.pid, thread: 0, active: 0, waiting: 0 });
  });

  test('that cannot be read is told as such, and read again', async () => {
    let reads = 0;
    const fleet = async () => {
      reads += 1;
      if (reads === 1) throw new Error('a secret of the store');
      return [member(1)];
    };
    const { port } = await liveServer({ fleet });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(reads).toBe(0);
    const wire = await Wire.to(port, EVENTS);
    await eventually(() => eventsIn(wire.received, 'fleet').length > 1);
    expect(eventsIn(wire.received, 'fleet').map(({ rows }) => rows?.length ?? null)).toEqual([null, 1]);
    expect(wire.received).not.toContain('secret');
  });

  test('is never read twice at a time', async () => {
    let reads = 0;
    const { port } = await liveServer({
      fleet: () => {
        reads += 1;
        return new Promise(() => {});
      },
    });
    const wire = await Wire.to(port, EVENTS);
    await eventually(() => eventsIn(wire.received, 'sample').length > 3);
    expect(reads).toBe(1);
  });
});

/** A feed behind a server of its own, with what it was asked. */
async function feedOf(text: string, intervalMillis: number) {
  const asked = { greetings: 0, samples: 0 };
  const greet = () => {
    asked.greetings += 1;
    return {};
  };
  const sample = () => {
    asked.samples += 1;
    return text;
  };
  const feed = new LiveFeed(greet, sample, intervalMillis);
  const responses: ServerResponse[] = [];
  const server = createHttpServer((_request, response) => {
    responses.push(response.writeHead(200));
    feed.add(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { feed, asked, responses, port: (server.address() as AddressInfo).port };
}

describe('a feed', () => {
  test('is asked once a tick, however many listen, and never while nobody does', async () => {
    const { feed, asked, port } = await feedOf('tide', 20);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
    await pause();
    expect(asked).toEqual({ greetings: 0, samples: 0 });
    const wires = await Promise.all(Array.from({ length: 30 }, () => Wire.to(port, EVENTS)));
    await Promise.all(wires.map((wire) => wire.answered()));
    const before = asked.samples;
    await pause();
    // Ten ticks, or fewer on a busy machine; each listener by itself would have made 300.
    expect(asked.samples - before).toBeGreaterThan(0);
    expect(asked.samples - before).toBeLessThan(30);
    for (const wire of wires) wire.socket.destroy();
    await eventually(() => feed.size === 0);
    const last = asked.samples;
    await pause();
    expect(asked.samples).toBe(last);
  });

  test('cuts off who does not read, and holds little for them until then', async () => {
    const text = 'x'.repeat(60_000);
    const { feed, responses, port } = await feedOf(text, 2);
    const reads = await Wire.to(port, EVENTS);
    await reads.answered();
    const slow = connect(port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void slow.destroy());
    slow.pause();
    slow.write(EVENTS);
    await eventually(() => responses.length === 2);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, responses[1]?.writableLength ?? 0);
    }, 1);
    onTestFinished(() => clearInterval(watch));
    await expect.poll(() => responses[1]?.destroyed, { timeout: 20_000 }).toBe(true);
    // The bound, and the event that went over it.
    expect(most).toBeLessThan(64 * 1024 + 2 * text.length);
    expect(feed.size).toBe(1);
    const received = reads.received.length;
    await eventually(() => reads.received.length > received);
  });
});
