// Prometheus itself scrapes the server itself.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReadyReport } from '../dist/server/index.js';
import { startServer } from '../stress/shared/server-process.mjs';

type Server = Awaited<ReturnType<typeof startServer>>;

const PAGE = '<html lang="en"><body><article><h1>Tides</h1><p>The sea rises twice a day.</p></article></body></html>';
/** More than the instances below may hold. */
const LARGE = `<html><body>${'<p>The sea rises twice a day.</p>'.repeat(100_000)}</body></html>`;
const LIMIT_PAGES = '128';
const WORK = { good: 5, empty: 3, large: 2 };

/** What promtool has against names that are a contract; they stay as they are. */
const COMPLAINTS = [
  'riptide_wasm_aot_cache_hits counter metrics should have "_total" suffix',
  'riptide_wasm_aot_cache_misses counter metrics should have "_total" suffix',
  'riptide_wasm_cold_start_time_ms metric names should not contain abbreviated units',
];

const missing = ['prometheus', 'promtool'].filter((name) => spawnSync(name, ['--version']).error !== undefined);
const reason = `${missing.join(' and ')} not installed (Debian: apt-get install prometheus)`;
if (missing.length > 0) console.warn(`skipped: ${reason}`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function extract(server: Server, html: string): Promise<number> {
  const headers = { 'content-type': 'text/html' };
  const response = await fetch(`${server.url}/extract`, { method: 'POST', headers, body: html });
  await response.arrayBuffer();
  return response.status;
}

async function ready(server: Server): Promise<ReadyReport> {
  return (await (await fetch(`${server.url}/ready`)).json()) as ReadyReport;
}

/** Asks until it holds, 15 seconds at most, and says what was seen last. */
async function eventually(holds: () => Promise<void>): Promise<void> {
  for (const late = Date.now() + 15_000; ; await delay(200)) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > late) throw error;
    }
  }
}

describe.skipIf(missing.length > 0)(`Prometheus${missing.length > 0 ? ` (${reason})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'riptide-wasm-scrape-'));
  const servers: Server[] = [];
  let prometheus: ChildProcess | undefined;
  let api = '';

  beforeAll(async () => {
    // The first compiles and does nothing else; the second finds what that one compiled, and works.
    for (let n = 0; n < 2; n++) {
      servers.push(await startServer({ home: folder, env: { RIPTIDE_WASM_MEMORY_LIMIT_PAGES: LIMIT_PAGES } }));
    }
    const port = await freePort();
    api = `http://127.0.0.1:${port}/api/v1`;
    const config = join(folder, 'prometheus.yml');
    const targets = JSON.stringify(servers.map((server) => `127.0.0.1:${server.port}`));
    writeFileSync(
      config,
      `global: { scrape_interval: 1s }
scrape_configs: [{ job_name: riptide-wasm, static_configs: [{ targets: ${targets} }] }]
`,
    );
    const storage = join(folder, 'prometheus');
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${storage}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
  });

  afterAll(async () => {
    if (prometheus !== undefined && prometheus.exitCode === null) {
      prometheus.kill('SIGKILL');
      await once(prometheus, 'exit');
    }
    for (const server of servers) await server.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${api}/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }

  /** The value of the one series that a query gives. */
  async function value(query: string): Promise<number> {
    const { result } = await ask<{ result: { value: [number, string] }[] }>('query', { query });
    expect(result, query).toHaveLength(1);
    return Number(result[0]?.value[1]);
  }

  test('finds the six with their right values after known work', async () => {
    const [idle, working] = servers as [Server, Server];
    for (let n = 0; n < WORK.good; n++) expect(await extract(working, PAGE)).toBe(200);
    for (let n = 0; n < WORK.empty; n++) expect(await extract(working, '')).toBe(422);
    for (let n = 0; n < WORK.large; n++) expect(await extract(working, LARGE)).toBe(422);
    for (const server of servers) {
      const instance = `{instance="127.0.0.1:${server.port}"}`;
      await eventually(async () => {
        expect(await value(`up${instance}`)).toBe(1);
        const { memory, cache, coldStart } = await ready(server);
        expect({
          pages: await value(`riptide_wasm_memory_pages${instance}`),
          peak: await value(`riptide_wasm_peak_memory_pages${instance}`),
          failed: await value(`riptide_wasm_grow_failed_total${instance}`),
          coldStart: await value(`riptide_wasm_cold_start_time_ms${instance}`),
          hits: await value(`riptide_wasm_aot_cache_hits${instance}`),
          misses: await value(`riptide_wasm_aot_cache_misses${instance}`),
        }).toEqual({
          pages: memory.currentPages,
          peak: memory.peakPages,
          failed: memory.growFailures,
          coldStart: coldStart.lastMillis,
          hits: cache.hits,
          misses: cache.misses,
        });
      });
    }
    // The server's own numbers are those of the work.
    const { memory, cache, coldStart } = await ready(working);
    expect(memory.growFailures).toBe(WORK.large);
    expect(memory.peakPages).toBeGreaterThan(memory.currentPages);
    expect(memory.currentPages).toBeGreaterThan(0);
    expect(cache).toMatchObject({ hits: 1, misses: 0 });
    expect(coldStart.lastMillis).toBeGreaterThan(0);
    expect(await ready(idle)).toMatchObject({ memory: { growFailures: 0 }, cache: { hits: 0, misses: 1 } });
  });

  test('finds every call by how it ended, and every request by its route and status', async () => {
    const [, { port }] = servers as [Server, Server];
    const sum = (name: string, labels: string) =>
      value(`sum(riptide_wasm_${name}{instance="127.0.0.1:${port}",${labels}})`);
    await eventually(async () => {
      expect({
        calls: await sum('calls_total', 'pool="extractor"'),
        ok: await sum('calls_total', 'outcome="ok"'),
        guest: await sum('calls_total', 'outcome="guest_error"'),
        memory: await sum('calls_total', 'outcome="memory_limit"'),
        durations: await sum('call_duration_seconds_count', 'pool="extractor"'),
        answered: await sum('http_request_duration_seconds_count', 'route="/extract",status="200"'),
        refused: await sum('http_request_duration_seconds_count', 'route="/extract",status="422"'),
      }).toEqual({
        calls: WORK.good + WORK.empty + WORK.large,
        ok: WORK.good,
        guest: WORK.empty,
        memory: WORK.large,
        durations: WORK.good + WORK.empty + WORK.large,
        answered: WORK.good,
        refused: WORK.empty + WORK.large,
      });
    });
  });

  test('knows their types, and quantiles of the histograms', async () => {
    const metadata = await ask<Record<string, { type: string; help: string }[]>>('metadata');
    const typeOf = (name: string) => metadata[`riptide_wasm_${name}`]?.map(({ type }) => type);
    expect({
      memory_pages: typeOf('memory_pages'),
      peak_memory_pages: typeOf('peak_memory_pages'),
      grow_failed_total: typeOf('grow_failed_total'),
      cold_start_time_ms: typeOf('cold_start_time_ms'),
      aot_cache_hits: typeOf('aot_cache_hits'),
      aot_cache_misses: typeOf('aot_cache_misses'),
      call_duration_seconds: typeOf('call_duration_seconds'),
    }).toEqual({
      memory_pages: ['gauge'],
      peak_memory_pages: ['gauge'],
      grow_failed_total: ['counter'],
      cold_start_time_ms: ['gauge'],
      aot_cache_hits: ['counter'],
      aot_cache_misses: ['counter'],
      call_duration_seconds: ['histogram'],
    });
    const [, { port }] = servers as [Server, Server];
    for (const name of ['call_duration_seconds', 'queue_wait_seconds', 'http_request_duration_seconds']) {
      const buckets = `sum by (le) (riptide_wasm_${name}_bucket{instance="127.0.0.1:${port}"})`;
      const median = await value(`histogram_quantile(0.5, ${buckets})`);
      const most = await value(`histogram_quantile(0.99, ${buckets})`);
      // Not NaN.
      expect([name, median >= 0, most >= median, most < 60]).toEqual([name, true, true, true]);
    }
  });

  test('has nothing against the page but three names of the contract', async () => {
    const page = await (await fetch(`${servers[1]?.url}/metrics`)).text();
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' });
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    expect(complaints.sort()).toEqual(COMPLAINTS);
  });
});
