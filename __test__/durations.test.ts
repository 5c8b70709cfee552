import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { Engine, type Histogram, type Pool } from '../dist/index.js';
import { registerMetrics } from '../dist/prometheus.js';
import { failure, MATH, poolOf, SLEEP } from './support.js';

const SLEEPS_NANOS = 50_000_000n;
const SLEEPS_SECONDS = 0.05;

function durations(pool: Pool): { calls: Histogram; waits: Histogram } {
  const { callDuration, queueWait } = pool.stats;
  if (callDuration === undefined || queueWait === undefined) throw new Error('the pool has no histograms');
  return { calls: callDuration, waits: queueWait };
}

/** Observations above a bound. */
function longer({ bounds, buckets }: Histogram, seconds: number): number {
  return buckets.filter((_, index) => (bounds[index - 1] ?? 0) >= seconds).reduce((sum, count) => sum + count, 0);
}

test('a pool tells how long its calls took, and how long they waited', async () => {
  const pool = await poolOf(new Engine({ cache: false }), SLEEP, { wasi: {}, max: 1, reuse: true });
  expect(durations(pool)).toMatchObject({ calls: { count: 0, sum: 0 }, waits: { count: 0, sum: 0 } });
  await Promise.all([pool.call('sleep', [SLEEPS_NANOS]), pool.call('seven')]);
  const { calls, waits } = durations(pool);
  expect([calls.count, waits.count]).toEqual([2, 2]);
  // The short call waited for the one that slept, and took as long in all.
  expect([longer(calls, 0.025), longer(waits, 0.025)]).toEqual([2, 1]);
  expect(calls.sum).toBeGreaterThan(1.9 * SLEEPS_SECONDS);
  expect(waits.sum).toBeGreaterThan(0.9 * SLEEPS_SECONDS);
  expect(waits.sum).toBeLessThan(calls.sum);
});

test('agrees with what callWithStats says', async () => {
  const pool = await poolOf(new Engine({ cache: false }), SLEEP, { wasi: {}, max: 1, reuse: true });
  const measured = await Promise.all([1, 2, 3].map(() => pool.callWithStats('sleep', [SLEEPS_NANOS])));
  const wall = measured.reduce((sum, { stats }) => sum + stats.wallMillis, 0);
  const queued = measured.reduce((sum, { stats }) => sum + stats.queueMillis, 0);
  const { calls, waits } = durations(pool);
  expect(Math.abs(calls.sum * 1000 - wall)).toBeLessThan(5);
  expect(Math.abs(waits.sum * 1000 - queued)).toBeLessThan(5);
});

test('calls that end while they wait are counted, those that are not taken are not', async () => {
  const pool = await poolOf(new Engine({ cache: false }), SLEEP, { wasi: {}, max: 1, maxQueue: 2 });
  const runs = pool.call('sleep', [2n * SLEEPS_NANOS]);
  const late = failure(pool.call('seven', [], { timeoutMillis: 10 }));
  const aborted = failure(pool.call('seven', [], { signal: AbortSignal.timeout(20) }));
  expect(await failure(pool.call('seven'))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
  expect([(await late).code, (await aborted).name]).toEqual(['ERR_TIMEOUT', 'TimeoutError']);
  await runs;
  const { calls, waits } = durations(pool);
  expect(pool.stats.outcomes).toMatchObject({ ok: 1, timeout: 1, aborted: 1, rejected: 1 });
  expect([calls.count, waits.count]).toEqual([3, 3]);
  expect([longer(calls, 0.005), longer(waits, 0.005)]).toEqual([3, 2]);
});

test('a loan waits for its instance, and its calls do not', async () => {
  const pool = await poolOf(new Engine({ cache: false }), MATH, { max: 1, reuse: true });
  await pool.use(async (instance) => {
    await instance.call('add', [1, 2]);
    await instance.call('add', [3, 4]);
  });
  const { calls, waits } = durations(pool);
  expect([calls.count, waits.count]).toEqual([2, 1]);
});

test('calls on many threads are all counted', async () => {
  const pool = await poolOf(new Engine({ cache: false, workers: 4 }), MATH, { min: 4, max: 4, reuse: true });
  await pool.ready();
  const { add } = pool.exports<{ add(a: number, b: number): number }>();
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 500 }, () => add(1, 2)));
  const { calls, waits } = durations(pool);
  expect([calls.count, waits.count, pool.stats.completed]).toEqual([10_000, 10_000, 10_000]);
});

test('an engine without metrics has none, and Prometheus shows none', async () => {
  const pool = await poolOf(new Engine({ cache: false, metrics: false }), MATH, { max: 1 });
  await pool.call('add', [1, 2]);
  expect(pool.stats).not.toHaveProperty('callDuration');
  expect(pool.stats).not.toHaveProperty('queueWait');
  const registry = new Registry();
  registerMetrics(registry, { pools: { math: pool } });
  expect(await registry.metrics()).not.toContain('riptide_wasm_call_duration_seconds_');
});

test('Prometheus shows both, and what bounds the pool', async () => {
  const engine = new Engine({ cache: false });
  const pool = await poolOf(engine, MATH, { max: 3, maxQueue: 7 });
  const unbounded = await poolOf(engine, MATH, { max: 2 });
  await pool.call('add', [1, 2]);
  const registry = new Registry();
  registerMetrics(registry, { pools: { math: pool, unbounded } });
  const page = await registry.metrics();
  for (const line of [
    'riptide_wasm_call_duration_seconds_bucket{le="+Inf",pool="math"} 1',
    'riptide_wasm_call_duration_seconds_count{pool="math"} 1',
    'riptide_wasm_queue_wait_seconds_count{pool="math"} 1',
    'riptide_wasm_pool_max{pool="math"} 3',
    'riptide_wasm_pool_queue_limit{pool="math"} 7',
    'riptide_wasm_pool_max{pool="unbounded"} 2',
  ])
    expect(page.split('\n').map(sorted)).toContain(sorted(line));
  expect(page).not.toContain('riptide_wasm_pool_queue_limit{pool="unbounded"}');
});

/** A line of Prometheus's page with its labels in order. */
function sorted(line: string): string {
  return line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join()}}`);
}
