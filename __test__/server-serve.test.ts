import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { Counter, Registry } from 'prom-client';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ExtractorOptions, getWasmMemoryMetrics } from '../dist/index.js';
import { createServer, type ServerOptions, serve } from '../dist/server/index.js';
import { serveArguments } from '../stress/shared/server-process.mjs';
import {
  ask,
  extractorOf,
  HTML_TYPE,
  inPackage,
  JSON_TYPE,
  listenTo,
  occupy,
  type Process,
  post,
  REQUEST_HEAD,
  SLOW_PAGE,
  SLOW_SELECTORS,
  start,
  startScript,
  startServe,
  Wire,
  whole,
} from './server-support.js';
import { eventually, failure, run, temporaryFolder } from './support.js';

const PAGE = '<p>The tide comes in twice a day.</p>';
const HEALTH = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Some seconds of work. */
const LONG = JSON.stringify({ html: SLOW_PAGE, selectors: SLOW_SELECTORS.slice(0, 8) });

const soon = (holds: () => void) => vi.waitFor(holds, { timeout: 20_000, interval: 20 });

async function over(child: Process): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  await soon(() => expect(child.over()).toBe(true));
  return child.ended;
}

const notice = (child: Process) => eventually(() => child.lines().some((line) => line.includes('shutting down')));

const refusesConnections = async (port: number) =>
  expect(await failure(ask(port, { path: '/health' }))).toMatchObject({ code: 'ECONNREFUSED' });

describe('riptide-wasm serve', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('finishes what runs and what arrives after %s', async (signal) => {
    const child = await startServe('--drain-seconds', '2', '--log-level', 'debug');
    const { port } = child;
    const idle = await Wire.to(port, HEALTH);
    await idle.answered();
    expect(idle.received).toMatch(/^connection: keep-alive\r$/im);
    const running = post(port, LONG, JSON_TYPE);
    const arriving = await Wire.to(port, `${REQUEST_HEAD}content-length: ${PAGE.length}\r\n\r\n<p>`);
    const lingering = await Wire.to(port, `${REQUEST_HEAD}content-length: ${PAGE.length}\r\n\r\n<p>`);
    await eventually(() => child.lines().filter((line) => line.includes('incoming request')).length === 3);
    child.kill(signal);
    await notice(child);
    const ready = await ask(port, { path: '/ready' });
    expect([ready.status, ready.json.reasons[0].code, ready.headers['retry-after']]).toEqual([503, 'ERR_CLOSED', '1']);
    const health = await ask(port, { path: '/health' });
    expect([health.status, health.headers.connection]).toEqual([200, 'close']);
    const fresh = await post(port, PAGE);
    expect([fresh.status, fresh.headers.connection]).toEqual([200, 'close']);
    idle.socket.write(HEALTH);
    await idle.ended();
    expect(idle.statuses).toEqual([200, 200]);
    arriving.socket.write(PAGE.slice(3));
    expect(await arriving.ended()).toMatch(/^HTTP\/1\.1 200 [\s\S]*^connection: close\r[\s\S]*twice a day.*\}$/im);
    const { status, json, headers } = await running;
    expect([status, json.text.length > 10_000, headers.connection]).toEqual([200, true, 'close']);
    await soon(() => refusesConnections(port));
    expect(child.over()).toBe(false);
    lingering.socket.write(PAGE.slice(3));
    expect(await lingering.ended()).toMatch(/^HTTP\/1\.1 200 [\s\S]*^connection: close\r[\s\S]*twice a day.*\}$/im);
    expect(await over(child)).toEqual({ code: 0, signal: null });
    expect(child.stderr()).toBe('');
  });

  test('ends at once on a second signal', async () => {
    const child = await startServe('--drain-seconds', '600');
    child.kill('SIGTERM');
    await notice(child);
    child.kill('SIGINT');
    expect(await over(child)).toEqual({ code: null, signal: 'SIGINT' });
  });

  test.each([
    ['says nothing', ''],
    ['is half through a head', 'GET /health HTTP/1.1\r\nHost: local'],
    ['is half through a body', `${REQUEST_HEAD}content-length: 100\r\n\r\n<p>`],
    [
      'is half through a body that is refused',
      REQUEST_HEAD.replace('text/html', 'a/b').concat('content-length: 9\r\n\r\n<p>'),
    ],
    [
      'is half through a body that nobody reads',
      'POST /no HTTP/1.1\r\nHost: localhost\r\ncontent-length: 9\r\n\r\n<p>',
    ],
    ['keeps its connection', HEALTH],
  ])('ends though a client %s', async (_, bytes) => {
    const child = await startScript('drainMillis: 0, timeoutMillis: 2_000');
    const wire = await Wire.to(child.port, bytes);
    await ask(child.port, { path: '/health' });
    child.kill('SIGTERM');
    expect(await over(child)).toEqual({ code: 0, signal: null });
    await wire.ended();
  });

  test('finishes an answer that is read slowly', async () => {
    const child = await startServe('--drain-seconds', '0');
    const wire = await Wire.to(child.port);
    wire.socket.pause();
    const large = '<p>The tide comes in twice a day, and goes out again.</p>'.repeat(75_000);
    wire.socket.write(whole(large, REQUEST_HEAD.replace('/extract', '/extract?mode=full')));
    // Fastify says so once all of it was handed to the system, which is not before it is read.
    await soon(async () => {
      const { text } = await ask(child.port, { path: '/metrics' });
      expect(text).toMatch(/^riptide_wasm_calls_total\{.*outcome="ok".*\} 1$/m);
    });
    child.kill('SIGTERM');
    await notice(child);
    await soon(() => refusesConnections(child.port));
    wire.socket.resume();
    const received = await wire.ended();
    const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
    expect(received.length - received.indexOf('\r\n\r\n') - 4).toBe(length);
    expect(await over(child)).toEqual({ code: 0, signal: null });
  });

  test('writes its log as lines of JSON, without pages', async () => {
    const child = await startServe('--drain-seconds', '0', '--log-level', 'info');
    await post(child.port, '<p>secret page', HTML_TYPE, '?mode=full');
    await post(child.port, '');
    await ask(child.port, { path: '/health' });
    child.kill('SIGTERM');
    await over(child);
    const lines = child.lines().map((line) => JSON.parse(line));
    for (const line of lines)
      expect(line).toMatchObject({
        level: expect.any(Number),
        time: expect.any(Number),
        pid: child.pid,
        msg: expect.any(String),
      });
    expect(lines.at(-1)).toMatchObject({ level: 30, msg: 'shutting down', signal: 'SIGTERM' });
    const done = lines.filter(({ msg }) => msg === 'request completed');
    expect(done.map(({ res }) => res.statusCode)).toEqual([200, 422]);
    expect(done[0]).toMatchObject({ reqId: expect.any(String), responseTime: expect.any(Number), level: 30 });
    expect(done.map(({ code }) => code)).toEqual([undefined, 'ERR_GUEST']);
    expect(child.lines().join()).not.toContain('secret');
  });

  test('takes its options from the command line', async () => {
    const options = [
      '--max-body-bytes',
      '50',
      '--max-queue',
      '3',
      '--memory-budget-mb',
      '64',
      '--allow-host',
      'tides.example',
    ];
    const { port, lines } = await startServe(...options, '--allow-fetch');
    expect((await post(port, 'x'.repeat(51))).status).toBe(413);
    const { json } = await ask(port, { path: '/ready', headers: { host: 'tides.example' } });
    expect(json).toMatchObject({ pool: { maxQueue: 3 }, memory: { maxPages: 1_024 }, breaker: { state: 'closed' } });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0']) {
      const fetched = await post(port, `{"url":"http://${host}:${port}/"}`, JSON_TYPE);
      expect(fetched.json).toMatchObject({ statusCode: 403, code: 'ERR_FETCH_ADDRESS', error: 'Forbidden' });
    }
    expect((await post(port, '{"url":"http://bay.invalid/"}', JSON_TYPE)).json).toMatchObject({ statusCode: 502 });
    expect((await post(port, '{"url":"file:///etc/passwd"}', JSON_TYPE)).json).toMatchObject({ statusCode: 400 });
    expect(lines().length).toBeGreaterThan(5);
  });

  test.each([
    [['--port', '70000'], 2, /port/],
    [['--port', 'x'], 2, /port/],
    [['--max-body-bytes', '0'], 2, /maxBodyBytes/],
    [['--allow-host', 'a:80'], 2, /allowedHosts/],
    [['--log-level', 'loud'], 2, /log-?level|loud/i],
    [['--nothing'], 2, /nothing/],
    [['--host', '192.0.2.1', '--port', '0'], 1, /EADDRNOTAVAIL/],
  ])('refuses %j in one line', async (args, code, message) => {
    const ended = await run('dist/cli/main.js', ['serve', ...args]);
    expect(ended.stderr).toMatch(/^riptide-wasm: .*\n$/);
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });

  test('a port that is taken is one line, and the end', async () => {
    const server = createNetServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await soon(() => expect(server.listening).toBe(true));
    const { port } = server.address() as { port: number };
    const ended = await run('dist/cli/main.js', ['serve', '--port', String(port), '--log-level', 'silent']);
    expect(ended).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^riptide-wasm: .*EADDRINUSE.*\n$/),
    });
  });

  test('says what to install where that is missing', async () => {
    const folder = temporaryFolder();
    cpSync(inPackage('dist'), join(folder, 'dist'), { recursive: true });
    cpSync(inPackage('package.json'), join(folder, 'package.json'));
    symlinkSync(inPackage('native'), join(folder, 'native'));
    mkdirSync(join(folder, 'crates'));
    symlinkSync(inPackage('crates/extractor'), join(folder, 'crates/extractor'));
    const child = start(serveArguments(folder));
    expect(await over(child)).toEqual({ code: 1, signal: null });
    expect(child.stderr()).toBe(
      'riptide-wasm: the server needs fastify and prom-client: npm install fastify prom-client\n',
    );
    const extract = start([join(folder, 'dist/cli/main.js'), '--version']);
    expect(await over(extract)).toEqual({ code: 0, signal: null });
  });
});

describe('a server within a program', () => {
  test('leaves nothing behind: the process ends by itself', async () => {
    const module = JSON.stringify(new URL('../dist/server/index.js', import.meta.url).href);
    const script = `import { createServer } from ${module};
      const server = await createServer();
      const address = await server.listen({ port: 0 });
      const post = { method: 'POST', headers: { 'content-type': 'text/html' }, body: '<p>tide' };
      const { text } = await (await fetch(address + '/extract', post)).json();
      await server.close();
      console.log(text, new URL(address).hostname);`;
    const child = start(['--input-type=module', '-e', script]);
    expect(await over(child)).toEqual({ code: 0, signal: null });
    expect(child.lines()[0]).toMatch(/^tide (127\.0\.0\.1|localhost|\[::1\])$/);
  });

  test('answers without listening, and has room for routes of its own', async () => {
    const app = await createServer({ extractor: await extractorOf() });
    onTestFinished(() => app.close());
    app.post('/echo', async ({ body }) => ({ body }));
    app.get('/fails', async () => {
      throw new Error('a secret of the program');
    });
    const extracted = await app.inject({ method: 'POST', url: '/extract', headers: HTML_TYPE, body: '<p>tide' });
    expect([extracted.statusCode, extracted.json().text]).toEqual([200, 'tide']);
    const echoed = await app.inject({ method: 'POST', url: '/echo', body: { tide: 1 } });
    expect(echoed.json()).toEqual({ body: { tide: 1 } });
    const failed = await app.inject('/fails');
    expect(failed.json()).toMatchObject({ statusCode: 500, error: 'Internal Server Error', code: 'ERR_INTERNAL' });
    expect(failed.body).not.toContain('secret');
  });

  test("an extractor of the caller's stays open, its own is closed", async () => {
    const extractor = await extractorOf();
    const { app, port } = await listenTo(await createServer({ extractor }));
    expect((await post(port, PAGE)).status).toBe(200);
    await app.close();
    expect(extractor.pool.closed).toBe(false);
    expect((await extractor.extract(PAGE)).text).toContain('twice a day');
    await extractor.close();
    const pages = getWasmMemoryMetrics().riptide_wasm_memory_pages ?? 0;
    const own = await createServer({ extractor: { env: false, min: 2, max: 2 } });
    expect(getWasmMemoryMetrics().riptide_wasm_memory_pages).toBeGreaterThan(pages);
    await own.close();
    await soon(() => expect(getWasmMemoryMetrics().riptide_wasm_memory_pages).toBe(pages));
  });

  test('close waits for what runs', async () => {
    const extractor = await extractorOf();
    const { app, port } = await listenTo(await createServer({ extractor }));
    const release = await occupy(extractor);
    const waiting = post(port, PAGE);
    await eventually(() => extractor.pool.stats.waiting === 1);
    const closed = app.close();
    await soon(() => refusesConnections(port));
    await release();
    expect((await waiting).status).toBe(200);
    expect((await waiting).headers.connection).toBe('close');
    await closed;
  });

  test('close ends idle connections to localhost, on IPv4 and IPv6', async () => {
    const app = await createServer({ extractor: await extractorOf(), timeoutMillis: 2_000 });
    const port = Number(new URL(await app.listen({ port: 0 })).port);
    const wires = [await Wire.to(port), await Wire.to(port, HEALTH)];
    await wires[1]?.answered();
    await Promise.race([app.close(), new Promise((_, fail) => setTimeout(fail, 10_000, new Error('open')).unref())]);
    for (const wire of wires) await wire.ended();
  });

  test('a registry is shared with the program while the server is there', async () => {
    const registry = new Registry();
    const own = new Counter({ name: 'tides_total', help: 'Tides.', registers: [registry] });
    own.inc(2);
    const extractor = await extractorOf();
    for (let round = 0; round < 2; round++) {
      const { app, port } = await listenTo(await createServer({ extractor, registry }));
      await post(port, PAGE);
      const { text } = await ask(port, { path: '/metrics' });
      for (const name of ['tides_total 2', 'riptide_wasm_pool_max', 'riptide_wasm_http_request_duration_seconds_count'])
        expect(text).toContain(name);
      await app.close();
      const left = await registry.metrics();
      expect(left).toContain('tides_total 2');
      expect(left).not.toMatch(/^riptide_wasm_(pool|http_request|memory_bytes).*\d$/m);
    }
  });

  test('two servers do not share a registry: the second says so, and leaves nothing behind', async () => {
    const registry = new Registry();
    const first = await createServer({ extractor: await extractorOf(), registry });
    onTestFinished(() => first.close());
    const pages = getWasmMemoryMetrics().riptide_wasm_memory_pages;
    const error = await failure(createServer({ extractor: { env: false, min: 2, max: 2 }, registry }));
    expect(error).toMatchObject({
      name: 'OptionError',
      code: 'ERR_BAD_OPTION',
      message: expect.stringMatching(/^registry/),
    });
    await soon(() => expect(getWasmMemoryMetrics().riptide_wasm_memory_pages).toBe(pages));
    expect((await first.inject('/metrics')).body).toMatch(/^riptide_wasm_pool_max\{pool="extractor"\} 1$/m);
  });

  test.each<[string, object, string]>([
    ['an unknown option', { nothing: 1 }, 'nothing'],
    ['no extractor', { extractor: null }, 'extractor'],
    ["an option of the extractor's", { extractor: { max: 0 } satisfies ExtractorOptions }, 'max'],
    ['a name with a port', { allowedHosts: ['tides.example:80'] }, 'allowedHosts'],
    ['a name that is an address', { allowedHosts: ['127.0.0.1'] }, 'allowedHosts'],
    ['a name by itself', { allowedHosts: 'tides.example' }, 'allowedHosts'],
    ['no body', { maxBodyBytes: 0 }, 'maxBodyBytes'],
    ['bodies beyond the extractor', { maxBodyBytes: 33_554_433 }, 'maxBodyBytes'],
    ['no time', { timeoutMillis: 0 }, 'timeoutMillis'],
    ['a word for a flag', { fetch: 'yes' }, 'fetch'],
    ['a word for the live page', { livePage: 'on' }, 'livePage'],
    ['a store for a fleet', { fleet: {} }, 'fleet'],
    ['another registry', { registry: {} }, 'registry'],
    ['a word for a logger', { logger: 'info' }, 'logger'],
    ['a logger of an unknown level', { logger: { level: 'loud' } }, 'logger'],
  ])('%s is refused by name', async (_, options, name) => {
    const pages = getWasmMemoryMetrics().riptide_wasm_memory_pages;
    const error = await failure(
      createServer({ extractor: { env: false, min: 1, max: 1 }, ...options } as ServerOptions),
    );
    expect(error).toMatchObject({ name: 'OptionError', code: 'ERR_BAD_OPTION' });
    expect(error.message).toMatch(new RegExp(`^${name}`));
    await soon(() => expect(getWasmMemoryMetrics().riptide_wasm_memory_pages).toBe(pages));
  });

  test('time may be a fraction of a millisecond', async () => {
    const app = await createServer({ extractor: await extractorOf(), timeoutMillis: 2_500.5 });
    await app.close();
  });

  test.each([{ port: -1 }, { port: 1.5 }, { host: 7 }, { drainMillis: -1 }, { drain: 1 }])(
    'serve refuses %j before it starts',
    async (options) => {
      expect(await failure(serve(options as never))).toMatchObject({ code: 'ERR_BAD_OPTION' });
    },
  );
});
