import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Engine } from '../dist/index.js';
import { ASK, LOOP, MATH, noPagesLeft, ONE_MINUTE_NANOS, poolOf, SLEEP } from './support.js';

const script = new URL('./fixtures/guest-worker.mjs', import.meta.url);
// Equal options, so that all threads of this file share one engine core.
const engineOptions = { cache: false, maxInstances: 32 } as const;
const engine = new Engine(engineOptions);

const guests: [string, Record<string, unknown>][] = [
  ['loops', { text: LOOP, name: 'spin', args: [] }],
  ['sleeps in WASI', { text: SLEEP, name: 'sleep', args: [ONE_MINUTE_NANOS], wasi: true }],
  ['waits on a host function', { text: ASK, name: 'run', args: [1], ask: 'never' }],
];

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
