import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Engine, getWasmMemoryMetrics } from '../dist/index.js';
import { ASK, eventually, LOOP, MATH, noPagesLeft, ONE_MINUTE_NANOS, poolOf, SLEEP } from './support.js';

const script = new URL('./fixtures/guest-worker.mjs', import.meta.url);
// Equal options, so that all threads of this file share worker threads and slots.
const engineOptions = { cache: false, maxInstances: 4, memoryBudgetBytes: 4 * 65_536 } as const;
const engine = new Engine(engineOptions);

/** Pages held by all engines of this process. */
const pages = () => getWasmMemoryMetrics().riptide_wasm_memory_pages;

const guests: [string, Record<string, unknown>][] = [
  ['loops', { text: LOOP, name: 'spin', args: [] }],
  ['sleeps in WASI', { text: SLEEP, name: 'sleep', args: [ONE_MINUTE_NANOS], wasi: true }],
  ['waits on a host function', { text: ASK, name: 'run', args: [1], ask: 'never' }],
];

/** Adds, and holds two pages. */
const ADD = `(module (memory 2)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;

describe('the main thread and worker_threads', () => {
  test('call at the same time on engines of their own, with numbers and limits of their own', async () => {
    await eventually(() => pages() === 0);
    const workers = [1, 2].map((n) => {
      const workerData = { engineOptions, text: ADD, first: n * 1_000_000 };
      return new Worker(new URL('./fixtures/together.mjs', import.meta.url), { workerData });
    });
    const say = async (word: string) => {
      const heard = workers.map((worker) => once(worker, 'message').then(([message]) => message));
      if (word !== '') for (const worker of workers) worker.postMessage(word);
      return Promise.all(heard);
    };
    expect(await say('')).toEqual(['warm', 'warm']);
    expect(engine.stats.instances).toBe(0);
    expect(engine.tracker.snapshot()).toMatchObject({ currentPages: 0, peakPages: 0, growRequests: 0 });
    expect(pages()).toBe(8);

    // The budget is for two instances, and each of the three engines has it.
    const pool = await poolOf(engine, ADD, { min: 2, max: 2, reuse: true });
    await pool.ready();
    expect(engine.stats.instances).toBe(2);
    expect(engine.tracker.currentPages).toBe(4);
    expect(pages()).toBe(12);

    let calling = false;
    const started = say('call').then(() => {
      calling = true;
    });
    for (let n = 0; n < 2000 || !calling; n += 64) {
      const sums = await Promise.all(Array.from({ length: 64 }, (_, k) => pool.call('add', [n, k])));
      expect(sums).toEqual(Array.from({ length: 64 }, (_, k) => n + k));
    }
    await started;
    const exits = workers.map((worker) => once(worker, 'exit'));
    for (const report of await say('stop')) {
      expect(report).toEqual({ instances: 2, pages: 4, right: expect.any(Number), wrong: 0 });
      expect(report.right).toBeGreaterThan(0);
    }
    expect(await Promise.all(exits)).toEqual([[0], [0]]);
    await eventually(() => pages() === 4);
    expect(engine.tracker.currentPages).toBe(4);
    await pool.close();
    await noPagesLeft(engine.tracker);
    expect(engine.tracker.peakPages).toBe(4);
  });
});

describe('worker_threads', () => {
  test('call guests of their own, host functions included', async () => {
    const workers = Array.from({ length: 3 }, () => {
      const workerData = { engineOptions, text: ASK, name: 'run', args: [1], end: 'answer' };
      return new Worker(script, { workerData });
    });
    const ends = workers.map((worker) => Promise.all([once(worker, 'message'), once(worker, 'exit')]));
    for (const [[answer], [code]] of await Promise.all(ends)) expect({ answer, code }).toEqual({ answer: 2, code: 0 });
    await eventually(() => pages() === 0);
  });

  describe.each(guests)('whose guest %s', (_, guest) => {
    test('may be terminated: the process lives, the next call works, the memory is back', async () => {
      for (let round = 0; round < 3; round++) {
        const worker = new Worker(script, { workerData: { ...guest, engineOptions } });
        expect((await once(worker, 'message'))[0]).toBe('running');
        expect(pages()).toBeGreaterThan(0);
        await worker.terminate();
        const pool = await poolOf(engine, MATH, { max: 2 });
        expect(await pool.call('add', [round, 1])).toBe(round + 1);
        await pool.close();
        await eventually(() => pages() === 0);
      }
    });

    test('may call process.exit', async () => {
      const worker = new Worker(script, { workerData: { ...guest, engineOptions, end: 'exit' } });
      expect((await once(worker, 'exit'))[0]).toBe(5);
      await eventually(() => pages() === 0);
    });
  });
});
