import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Engine } from '../dist/index.js';
import { ASK, eventually, LOOP, MATH, noPagesLeft, ONE_MINUTE_NANOS, poolOf, SLEEP } from './support.js';

const script = new URL('./fixtures/guest-worker.mjs', import.meta.url);
// Equal options, so that all threads of this file share one engine core.
const engineOptions = { cache: false, maxInstances: 32 } as const;
const engine = new Engine(engineOptions);

const guests: [string, Record<string, unknown>][] = [
  ['loops', { text: LOOP, name: 'spin', args: [] }],
  ['sleeps in WASI', { text: SLEEP, name: 'sleep', args: [ONE_MINUTE_NANOS], wasi: true }],
  ['waits on a host function', { text: ASK, name: 'run', args: [1], ask: 'never' }],
];

/** Adds, and holds two pages. */
const ADD = `(module (memory 2)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;

describe('the main thread and worker_threads', () => {
  test('call at the same time over one engine core, and see its numbers as one', async () => {
    await noPagesLeft(engine.tracker);
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
    expect(engine.stats.instances).toBe(4);
    expect(engine.tracker.snapshot()).toMatchObject({ currentPages: 8, currentBytes: 8 * 65_536 });
    expect(new Engine({ ...engineOptions, maxInstances: 33 }).stats.instances).toBe(0); // another core

    const pool = await poolOf(engine, ADD, { min: 2, max: 2, reuse: true });
    await pool.ready();
    expect(engine.stats.instances).toBe(6);
    expect(engine.tracker.currentPages).toBe(12);
    expect(pool.tracker.currentPages).toBe(4); // a pool's numbers are its own

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
      expect(report).toEqual({ instances: 6, pages: 12, right: expect.any(Number), wrong: 0 });
      expect(report.right).toBeGreaterThan(0);
    }
    expect(await Promise.all(exits)).toEqual([[0], [0]]);
    await eventually(() => engine.stats.instances === 2);
    expect(engine.tracker.currentPages).toBe(4);
    await pool.close();
    await noPagesLeft(engine.tracker);
    expect(engine.tracker.peakPages).toBeGreaterThanOrEqual(12);
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
    await noPagesLeft(engine.tracker);
  });

  describe.each(guests)('whose guest %s', (_, guest) => {
    test('may be terminated: the process lives, the next call works, the memory is back', async () => {
      for (let round = 0; round < 3; round++) {
        const worker = new Worker(script, { workerData: { ...guest, engineOptions } });
        expect((await once(worker, 'message'))[0]).toBe('running');
        expect(engine.tracker.currentPages).toBeGreaterThan(0);
        await worker.terminate();
        const pool = await poolOf(engine, MATH, { max: 2 });
        expect(await pool.call('add', [round, 1])).toBe(round + 1);
        await pool.close();
        await noPagesLeft(engine.tracker);
      }
    });

    test('may call process.exit', async () => {
      const worker = new Worker(script, { workerData: { ...guest, engineOptions, end: 'exit' } });
      expect((await once(worker, 'exit'))[0]).toBe(5);
      await noPagesLeft(engine.tracker);
    });
  });
});
