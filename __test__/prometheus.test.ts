import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, getWasmMemoryMetrics, type MemoryLimitError, Pool } from '../dist/index.js';
import { registerMetrics } from '../dist/prometheus.js';
import { artefactsIn } from './cache-support.js';
import { eventually, failure, GROW, LOOP, loadWat, MATH, poolOf, run, temporaryFolder, thrown } from './support.js';

const SIX = [
  'riptide_wasm_memory_pages',
  'riptide_wasm_grow_failed_total',
  'riptide_wasm_peak_memory_pages',
  'riptide_wasm_cold_start_time_ms',
  'riptide_wasm_aot_cache_hits',
  'riptide_wasm_aot_cache_misses',
];

/** The values of a registry's page by what stands before them, labels in their order by name. */
async function scrape(registry: Registry): Promise<Map<string, number>> {
  return valuesOf(await registry.metrics());
}

function valuesOf(page: string): Map<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')).replace(/\{(.*)\}/, (_, labels) => `{${labels.split(',').sort().join()}}`),
      Number(line.slice(line.lastIndexOf(' '))),
    ]),
  );
}

async function types(registry: Registry): Promise<Map<string, string>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('# TYPE '));
  return new Map(lines.map((line) => line.split(' ').slice(2, 4) as [string, string]));
}

describe('registerMetrics', () => {
  test('shows the six metrics of the process, with the values of getWasmMemoryMetrics', async () => {
    const registry = new Registry();
    registerMetrics(registry);
    const engine = new Engine({ cache: { directory: temporaryFolder() }, maxInstances: 5 });
    const pool = await poolOf(engine, GROW, { min: 1, max: 1, reuse: true, maxMemoryPages: 2 });
    await pool.ready();
    await failure(pool.call<MemoryLimitError>('grow-or-trap', [5]));
    // The pool is back at `min`: an instance that comes between the two looks would be in one of them alone.
    await eventually(() => (getWasmMemoryMetrics().riptide_wasm_memory_pages ?? 0) > 0);
    const page = await scrape(registry);
    const metrics = getWasmMemoryMetrics();
    expect(Object.keys(metrics)).toEqual(SIX);
    for (const name of SIX) expect([name, page.get(name)]).toEqual([name, metrics[name]]);
    expect(page.get('riptide_wasm_grow_failed_total')).toBeGreaterThan(0);
    expect(Object.fromEntries([...(await types(registry))].filter(([name]) => SIX.includes(name)))).toEqual({
      riptide_wasm_memory_pages: 'gauge',
      riptide_wasm_peak_memory_pages: 'gauge',
      riptide_wasm_grow_failed_total: 'counter',
      riptide_wasm_cold_start_time_ms: 'gauge',
      riptide_wasm_aot_cache_hits: 'counter',
      riptide_wasm_aot_cache_misses: 'counter',
    });
  });

  test('shows an engine and its pools by name, after known work', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: { directory: temporaryFolder() }, metrics: false });
    const pool = new Pool(await loadWat(engine, MATH), {
      max: 1,
      reuse: true,
      breaker: { volumeThreshold: 100 },
    });
    onTestFinished(() => pool.destroy());
    await loadWat(engine, MATH);
    registerMetrics(registry, { engine, pools: { math: pool } });
    for (let round = 0; round < 3; round++) await pool.call('add', [1, 2]);
    await failure(pool.call('fail'));
    await failure(pool.call('divide', [1, 0]));
    const looping = await poolOf(engine, LOOP, { max: 1 });
    registerMetrics(registry, { pools: { looping } });
    await failure(looping.call('spin', [], { timeoutMillis: 20 }));

    const page = await scrape(registry);
    expect(Object.fromEntries(page)).toMatchObject({
      'riptide_wasm_calls_total{outcome="ok",pool="math"}': 3,
      'riptide_wasm_calls_total{outcome="trap",pool="math"}': 2,
      'riptide_wasm_calls_total{outcome="timeout",pool="math"}': 0,
      'riptide_wasm_calls_total{outcome="timeout",pool="looping"}': 1,
      'riptide_wasm_instances_created_total{pool="math"}': 2,
      'riptide_wasm_instances_destroyed_total{pool="math",reason="failed"}': 2,
      'riptide_wasm_breaker_state{pool="math",state="closed"}': 1,
      'riptide_wasm_breaker_state{pool="math",state="open"}': 0,
      'riptide_wasm_cache_hits_total{engine="default",tier="memory"}': 1,
      'riptide_wasm_cache_misses_total{engine="default"}': 2,
      'riptide_wasm_cache_rejected_total{engine="default",reason="forged"}': 0,
      'riptide_wasm_cold_start_seconds_count{cache="miss",engine="default"}': 2,
      'riptide_wasm_cold_start_seconds_bucket{cache="miss",engine="default",le="+Inf"}': 2,
      'riptide_wasm_compile_seconds_count{engine="default"}': 2,
      'riptide_wasm_instance_slots{engine="default"}': 64,
    });
    expect(page.has('riptide_wasm_breaker_state{pool="looping",state="closed"}')).toBe(false);
    const buckets = [...page].filter(([name]) => name.startsWith('riptide_wasm_compile_seconds_bucket'));
    const counts = buckets.map(([, count]) => count);
    expect(counts).toEqual([...counts].sort((one, other) => one - other));
    expect(page.get('riptide_wasm_compile_seconds_sum{engine="default"}')).toBeGreaterThan(0);
  });

  test('forgets closed pools, and what it is told to', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: false });
    const [kept, closed] = [await poolOf(engine, MATH), await poolOf(engine, MATH)];
    const forget = registerMetrics(registry, { engine, pools: { kept, closed } });
    const shown = async () =>
      [...(await scrape(registry)).keys()].filter((name) => name.startsWith('riptide_wasm_pool_size'));
    expect(await shown()).toEqual(['riptide_wasm_pool_size{pool="kept"}', 'riptide_wasm_pool_size{pool="closed"}']);
    await closed.close();
    expect(await shown()).toEqual(['riptide_wasm_pool_size{pool="kept"}']);
    // Its name is free again.
    const next = await poolOf(engine, MATH);
    registerMetrics(registry, { pools: { closed: next } });
    expect(await shown()).toHaveLength(2);
    forget();
    expect(await shown()).toEqual(['riptide_wasm_pool_size{pool="closed"}']);
    expect((await scrape(registry)).has('riptide_wasm_memory_pages')).toBe(true);
    expect([...(await scrape(registry)).keys()].filter((name) => name.includes('engine='))).toEqual([]);
  });

  test('leaves nothing on a registry when everything is taken away, and begins anew on one that was cleared', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, MATH);
    const [first, second] = [
      registerMetrics(registry, { engine }),
      registerMetrics(registry, { pools: { math: pool } }),
    ];
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const open = await registry.metrics();
    expect(open).toMatch(/^riptide_wasm_calls_total\{.*outcome="ok".*\} 0$/m);
    expect(open).not.toContain('_total_total');
    first();
    second();
    expect(await registry.metrics()).toBe('\n# EOF\n');
    registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE as never);
    registerMetrics(registry, { engine, pools: { math: pool } });
    expect((await scrape(registry)).has('riptide_wasm_pool_size{pool="math"}')).toBe(true);
    registry.clear();
    registerMetrics(registry, { engine, pools: { math: pool } });
    expect((await scrape(registry)).has('riptide_wasm_pool_size{pool="math"}')).toBe(true);
  });

  test('adds nothing to a registry that has a metric of such a name', async () => {
    const registry = new Registry();
    new Gauge({ name: 'riptide_wasm_pool_idle', help: 'of somebody else', registers: [registry] });
    const error = thrown(() => registerMetrics(registry));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { value: 'riptide_wasm_pool_idle' } });
    expect([...(await scrape(registry)).keys()]).toEqual(['riptide_wasm_pool_idle']);
  });

  test('adds up over processes', async () => {
    const registries = [new Registry(), new Registry()];
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, MATH, { max: 1 });
    await pool.call('add', [1, 2]);
    for (const registry of registries) registerMetrics(registry, { pools: { math: pool } });
    const pages = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()));
    const all = await scrape(AggregatorRegistry.aggregate(pages) as Registry);
    expect(all.get('riptide_wasm_calls_total{outcome="ok",pool="math"}')).toBe(2);
    expect(all.get('riptide_wasm_cold_start_time_ms')).toBe(getWasmMemoryMetrics().riptide_wasm_cold_start_time_ms);
  });

  test('says of each metric how a cluster makes one value of several', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: false });
    registerMetrics(registry, { engine, pools: { math: await poolOf(engine, MATH, { breaker: true }) } });
    const all = (await registry.getMetricsAsJSON()) as unknown as { name: string; aggregator: string }[];
    const by = (wanted: string) => all.filter(({ aggregator }) => aggregator === wanted).map(({ name }) => name);
    // The last of something, a directory that the processes share, and states: none of them adds up.
    expect(by('max')).toEqual([
      'riptide_wasm_cold_start_time_ms',
      'riptide_wasm_cache_bytes',
      'riptide_wasm_cache_entries',
      'riptide_wasm_breaker_state',
    ]);
    expect(by('sum')).toHaveLength(all.length - 4);
  });

  test('adds up over the processes of a cluster, and counts what they share once', async () => {
    const directory = join(temporaryFolder(), 'cache');
    const env = { XDG_CONFIG_HOME: temporaryFolder() };
    const { code, stdout, stderr } = await run('__test__/fixtures/cluster-metrics.mjs', [directory], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const page = valuesOf(stdout);
    const [artefact] = artefactsIn(directory) as [string];
    expect(Object.fromEntries(page)).toMatchObject({
      // Of two processes: an instance of the third trapped, and its memory is back.
      riptide_wasm_memory_pages: 2 * 5,
      riptide_wasm_peak_memory_pages: 3 * 5,
      riptide_wasm_grow_failed_total: 3,
      riptide_wasm_aot_cache_hits: 2,
      riptide_wasm_aot_cache_misses: 1,
      'riptide_wasm_memory_bytes{engine="default"}': 2 * 5 * 65_536,
      'riptide_wasm_instances{engine="default"}': 2,
      'riptide_wasm_instance_slots{engine="default"}': 3 * 64,
      'riptide_wasm_cold_start_seconds_count{cache="hit",engine="default"}': 2,
      'riptide_wasm_cold_start_seconds_count{cache="miss",engine="default"}': 1,
      'riptide_wasm_cache_hits_total{engine="default",tier="disk"}': 2,
      'riptide_wasm_cache_misses_total{engine="default"}': 1,
      'riptide_wasm_cache_entries{engine="default"}': 1,
      'riptide_wasm_cache_bytes{engine="default"}': statSync(artefact).size,
      'riptide_wasm_pool_size{pool="math"}': 2,
      'riptide_wasm_pool_max{pool="math"}': 2 + 3 + 4,
      'riptide_wasm_pool_queue_limit{pool="math"}': 3 * 10,
      'riptide_wasm_calls_total{outcome="ok",pool="math"}': 3 * 4,
      'riptide_wasm_breaker_state{pool="math",state="closed"}': 1,
      'riptide_wasm_breaker_state{pool="math",state="open"}': 1,
      'riptide_wasm_breaker_state{pool="math",state="halfOpen"}': 0,
      'riptide_wasm_breaker_opened_total{pool="math"}': 1,
    });
    const [trapped, called] = [
      'calls_total{outcome="trap",pool="math"}',
      'call_duration_seconds_count{pool="math"}',
    ].map((name) => page.get(`riptide_wasm_${name}`) ?? 0) as [number, number];
    expect(trapped).toBeGreaterThan(0);
    expect(called).toBe(12 + trapped);
    // Of one process, not of three together.
    const millis = (name: string) => 1000 * (page.get(`riptide_wasm_cold_start_seconds_sum{${name}}`) ?? 0);
    const coldStart = page.get('riptide_wasm_cold_start_time_ms') ?? 0;
    expect(coldStart).toBeGreaterThanOrEqual(millis('cache="miss",engine="default"') - 0.001);
    expect(coldStart).toBeLessThan(millis('cache="miss",engine="default"') + millis('cache="hit",engine="default"'));
  });

  test('adds up over worker threads, which share the six', async () => {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
      (async () => {
        const { Registry } = await import('prom-client');
        const { Engine, Pool, wat2wasm } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url))});
        const { registerMetrics } = await import(${JSON.stringify(new URL('../dist/prometheus.js', import.meta.url))});
        const engine = new Engine({ cache: false });
        const pool = new Pool(await engine.load(wat2wasm(${JSON.stringify(MATH)})), { max: 1 });
        for (let call = 0; call < 3; call++) await pool.call('add', [1, 2]);
        const registry = new Registry();
        registerMetrics(registry, { pools: { math: pool } });
        parentPort.postMessage(await registry.getMetricsAsJSON());
        await pool.close();
      })();`,
      { eval: true },
    );
    onTestFinished(async () => void (await worker.terminate()));
    const pool = await poolOf(new Engine({ cache: false }), GROW, { max: 1, reuse: true });
    await pool.call('seven');
    const registry = new Registry();
    registerMetrics(registry, { pools: { math: pool } });
    const [theirs] = await once(worker, 'message');
    const ours = await registry.getMetricsAsJSON();
    const all = await scrape(AggregatorRegistry.aggregate([ours, theirs]) as Registry);
    expect(all.get('riptide_wasm_calls_total{outcome="ok",pool="math"}')).toBe(4);
    expect(all.get('riptide_wasm_call_duration_seconds_count{pool="math"}')).toBe(4);
    const pages = getWasmMemoryMetrics().riptide_wasm_memory_pages;
    expect([all.get('riptide_wasm_memory_pages'), pages]).toEqual([1, 1]);
  });

  test('shows the six where it is asked to', async () => {
    const registry = new Registry();
    registerMetrics(registry, { process: false });
    expect((await scrape(registry)).has('riptide_wasm_memory_pages')).toBe(false);
    registerMetrics(registry, { process: true });
    expect((await scrape(registry)).has('riptide_wasm_memory_pages')).toBe(true);
  });

  test('refuses what is no engine or pool, and names that are taken', async () => {
    const registry = new Registry();
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, MATH);
    registerMetrics(registry, { engine, pools: { math: pool } });
    const refused: [unknown, string][] = [
      [{ engine: {} }, 'engine'],
      [{ pools: [pool] }, 'pools'],
      [{ pools: { math: {} } }, 'pools'],
      [{ pool }, 'pool'],
      [{ engine }, 'engineName'],
      [{ pools: { math: pool } }, 'pools'],
    ];
    for (const [options, option] of refused) {
      const error = thrown(() => registerMetrics(registry, options as never));
      expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
    }
    registerMetrics(registry, { engine, engineName: 'other' });
    expect((await scrape(registry)).has('riptide_wasm_instances{engine="other"}')).toBe(true);
  });
});
