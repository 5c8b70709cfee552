// A worker of BullMQ over a pool of guests, with a real Redis: what ends a guest, what a failure costs, and what stays in Redis.
import { QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWorker, jobOptions } from '../dist/bullmq/index.js';
import { Engine, type Pool } from '../dist/index.js';
import { noRedis } from '../stress/shared/redis-process.mjs';
import { jobIn, queueOn, redis, workerOf } from './bullmq-support.js';
import { collectWarnings } from './cache-support.js';
import { eventually, failure, LOOP, MATH, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });
const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 15_000, interval: 20 });

/** Calls an export of the pool, as the job says. */
const calling =
  (pool: Pool) =>
  ({ name, args = [] }: { name: string; args?: unknown[] }, { signal }: { signal?: AbortSignal | undefined } = {}) =>
    pool.call(name, args, signal && { signal });

type Call = { name: string; args?: unknown[] };

describe.skipIf(noRedis !== undefined)(
  `a worker of BullMQ${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`,
  () => {
    test('has the options that the design says', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 3 });
      const { worker } = workerOf(queue, server, { pool, handler: async () => 1, bullmq: { name: 'one' } });
      expect(worker.opts).toMatchObject({
        name: 'one',
        lockDuration: 30_000,
        stalledInterval: 30_000,
        maxStalledCount: 2,
        removeOnComplete: { age: 3_600, count: 1_000 },
        removeOnFail: { age: 604_800, count: 10_000 },
        metrics: { maxDataPoints: 1_440 },
      });
      expect(worker).toBeInstanceOf(Worker);
      expect(worker.concurrency).toBe(3);
      expect(jobOptions).toMatchObject({ attempts: 3, backoff: { type: 'exponential' } });
      expect(Object.keys(jobOptions)).not.toContain('removeOnComplete');
    });

    test('refuses options by name', async () => {
      const pool = await poolOf(engine, MATH);
      const connection = { path: '/nonexistent' };
      const handler = async () => 1;
      const wrong: [object, string][] = [
        [{ pool, handler }, 'connection'],
        [{ connection, pool }, 'handler'],
        [{ connection, pool: {}, handler }, 'pool'],
        [{ connection }, 'extractor'],
        [{ connection, pool, handler, concurrency: 0 }, 'concurrency'],
        [{ connection, pool, handler, concurrency: 1.5 }, 'concurrency'],
        [{ connection, pool, handler, atempts: 3 }, 'atempts'],
        [{ connection, pool, handler, bullmq: { concurrency: 5 } }, 'bullmq.concurrency'],
        [{ connection, pool, handler, bullmq: { metrics: {} } }, 'bullmq.metrics'],
      ];
      for (const [options, option] of wrong) {
        expect(
          thrown(() => createWorker('q', options as never)),
          option,
        ).toMatchObject({
          code: 'ERR_BAD_OPTION',
          details: { option },
        });
      }
    });

    test('does jobs, and counts them in the metrics of the queue', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 2 });
      workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      const jobs = await queue.addBulk([1, 2, 3].map((n) => ({ name: 'add', data: { name: 'add', args: [n, 1] } })));
      const done = await Promise.all(jobs.map(({ id }) => jobIn(queue, id, 'completed')));
      expect(done.map(({ returnvalue }) => returnvalue)).toEqual([2, 3, 4]);
      expect(await queue.exportPrometheusMetrics()).toMatch(/bullmq_job_completed_total\{queue="\w+"\} 3/);
    });

    test('a guest that traps costs its job an attempt, and never the worker', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      const { worker, errors } = workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      const starts: number[] = [];
      worker.on('active', ({ name }) => void (name === 'fail' && starts.push(Date.now())));
      const options = { ...jobOptions, backoff: { type: 'exponential', delay: 100 } };
      const bad = await queue.add('fail', { name: 'fail' }, options);
      const good = await queue.add('add', { name: 'add', args: [1, 2] }, jobOptions);
      expect(await jobIn(queue, good.id, 'completed')).toMatchObject({ returnvalue: 3 });
      const failed = await jobIn(queue, bad.id, 'failed');
      expect(failed).toMatchObject({ attemptsMade: 3, failedReason: expect.stringContaining('ERR_TRAP') });
      // The second pause is longer than the first.
      const [first = 0, second = 0, third = 0] = starts;
      expect(second - first).toBeGreaterThanOrEqual(100);
      expect(third - second).toBeGreaterThanOrEqual(200);
      expect(worker.isRunning()).toBe(true);
      expect(errors).toEqual([]);
    });

    test('what would fail in the same way again is not tried again', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      const add = (data: Call) => queue.add('call', data, jobOptions);
      const missing = await jobIn(queue, (await add({ name: 'nothing' })).id, 'failed');
      expect(missing).toMatchObject({ attemptsMade: 1, failedReason: expect.stringContaining('ERR_MISSING_EXPORT') });
      const argument = await jobIn(queue, (await add({ name: 'add', args: ['one', 2] })).id, 'failed');
      expect(argument).toMatchObject({ attemptsMade: 1, failedReason: expect.stringContaining('ERR_BAD_ARGUMENT') });
    });

    test.each([
      ['a bigint', () => ({ count: 5n }), 'count is a bigint'],
      ['bytes', () => ({ bytes: new Uint8Array(3) }), 'bytes is bytes'],
      ['NaN', () => ({ share: Number.NaN }), 'share is NaN'],
      ['a long text', () => 'x'.repeat(100_000), '100002 bytes'],
      ['a cycle', () => globalThis, 'ERR_JOB_RECORD'],
    ])('a result that JSON does not carry fails its job once, by name: %s', async (_, result, said) => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      workerOf(queue, server, { pool, handler: async () => result() });
      const { id } = await queue.add('call', {}, jobOptions);
      const failed = await jobIn(queue, id, 'failed');
      expect(failed).toMatchObject({ attemptsMade: 1, failedReason: expect.stringContaining(said) });
      expect(failed.failedReason).toContain('ERR_JOB_RECORD');
    });

    test.each([
      ['a text', 'it sank', 'it sank'],
      ['null', null, 'failed without an error (object)'],
      ['a record', { depth: 5 }, 'failed without an error (object)'],
      ['U+0000', new Error('bay\0side'), 'bay\ufffdside'],
      [
        'credentials',
        new Error('no answer from https://me:secret@db.example/path?token=abc now'),
        'no answer from https://…@db.example/path?… now',
      ],
    ])('what is thrown is recorded, whatever it is: %s', async (_, what, reason) => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      const { errors } = workerOf(queue, server, {
        pool,
        handler: async () => {
          throw what;
        },
      });
      const { id } = await queue.add('call', {});
      expect(await jobIn(queue, id, 'failed')).toMatchObject({ failedReason: reason });
      expect(errors).toEqual([]);
    });

    test('a job that is cancelled ends its guest; its reason says whether it is tried again', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 1 });
      const { worker } = workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      const cancelled = async (reason?: string | Error) => {
        const { id = '' } = await queue.add(
          'spin',
          { name: 'spin' },
          { attempts: 2, backoff: { type: 'fixed', delay: 50 } },
        );
        await soon(() => expect(pool.stats.active).toBe(1));
        expect(worker.cancelJob(id, reason)).toBe(true);
        return id;
      };
      const ended = await cancelled(new UnrecoverableError('not wanted any more'));
      expect(await jobIn(queue, ended, 'failed')).toMatchObject({
        attemptsMade: 1,
        failedReason: 'not wanted any more',
      });
      await soon(() => expect(pool.stats.active).toBe(0));
      const again = await cancelled('later, please');
      await soon(async () => expect((await queue.getJob(again))?.failedReason).toBe('later, please'));
      await jobIn(queue, again, 'active'); // the second attempt
      await soon(() => expect(pool.stats).toMatchObject({ active: 1, aborted: 2 }));
      expect(worker.cancelJob(again)).toBe(true);
      expect(await jobIn(queue, again, 'failed')).toMatchObject({ attemptsMade: 2 });
      expect(worker.cancelJob('nobody')).toBe(false);
      expect(pool.stats.aborted).toBe(3);
    });

    test('a lock that is lost ends the guest, and the job is done again', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 1 });
      const seen: string[] = [];
      const { worker, errors } = workerOf<Call, string>(queue, server, {
        pool,
        lockDuration: 1_000,
        stalledInterval: 1_000,
        handler: async (data, { signal } = {}) => {
          seen.push('started');
          if (seen.length > 1) return 'done';
          await calling(pool)(data, { signal });
          return 'never';
        },
      });
      const lost = vi.fn();
      worker.on('lockRenewalFailed', lost);
      const { id } = await queue.add('spin', { name: 'spin' });
      await soon(() => expect(pool.stats.active).toBe(1));
      const client = await queue.getBackend().connection.client;
      await client.del(`${queue.qualifiedName}:${id}:lock`);
      await soon(() => expect(pool.stats).toMatchObject({ active: 0, aborted: 1 }));
      expect(lost).toHaveBeenCalled();
      // The outcome of the first is dropped; the stalled check starts the job again, at no attempt's cost.
      expect(await jobIn(queue, id, 'completed')).toMatchObject({
        returnvalue: 'done',
        attemptsMade: 1,
        stalledCounter: 1,
      });
      expect(errors.join()).toContain('Missing lock');
    });

    test('a long guest keeps its lock, and a plain worker that blocks loses it', async () => {
      const server = await redis();
      const [ours, plain] = [queueOn(server), queueOn(server)];
      const times = { lockDuration: 1_000, stalledInterval: 1_000 };
      const [pool, idle] = [await poolOf(engine, LOOP, { max: 1 }), await poolOf(engine, MATH, { max: 1 })];
      const { worker, errors } = workerOf(ours, server, {
        pool,
        ...times,
        handler: async () => (await failure(pool.call('spin', [], { timeoutMillis: 5_000 }))).code,
      });
      const [renewed, stalled] = [vi.fn(), vi.fn()];
      worker.on('locksRenewed', renewed);
      const events = new QueueEvents(ours.name, { connection: server.connection });
      onTestFinished(() => events.close());
      events.on('stalled', stalled);
      await events.waitUntilReady();
      const { id } = await ours.add('spin', {});
      await soon(() => expect(pool.stats.active).toBe(1));
      // It would take the job, if the lock were lost.
      workerOf(ours, server, { pool: idle, ...times, handler: async () => 'taken' });
      const job = await jobIn(ours, id, 'completed', 20_000);
      expect(job).toMatchObject({ returnvalue: 'ERR_TIMEOUT', attemptsStarted: 1, stalledCounter: 0 });
      expect(Number(job.finishedOn) - Number(job.processedOn)).toBeGreaterThan(4_900);
      expect(renewed.mock.calls.length).toBeGreaterThan(4);
      expect(stalled).not.toHaveBeenCalled();
      expect(errors).toEqual([]);

      let starts = 0;
      const blocking = new Worker(
        plain.name,
        async () => {
          if (++starts > 1) return 'again';
          for (const end = Date.now() + 5_000; Date.now() < end; ); // as jsdom or a sync guest would
          return 'late';
        },
        { connection: server.connection, ...times },
      );
      onTestFinished(() => blocking.close(true));
      const lost: string[] = [];
      blocking.on('error', ({ message }) => void lost.push(message));
      const slow = await plain.add('block', {});
      const done = await jobIn(plain, slow.id, 'completed', 20_000);
      expect(done).toMatchObject({ returnvalue: 'again', attemptsStarted: 2, stalledCounter: 1 });
      expect(lost.join()).toContain('Missing lock');
    }, 60_000);

    test('shutdown finishes what runs, and gives back what takes too long, at no attempt’s cost', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 2 });
      const handler = async ({ millis }: { millis: number }, { signal }: { signal?: AbortSignal | undefined } = {}) => {
        if (millis === 0) return pool.call('spin', [], signal && { signal });
        return (await failure(pool.call('spin', [], { timeoutMillis: millis, ...(signal && { signal }) }))).code;
      };
      const { worker } = workerOf<{ millis: number }, unknown>(queue, server, { pool, handler });
      const [short, long, waiting] = await queue.addBulk(
        [500, 0, 10].map((millis) => ({ name: 'spin', data: { millis }, opts: jobOptions })),
      );
      await soon(() => expect(pool.stats.active).toBe(2));
      expect(await worker.shutdown({ deadlineMillis: 1_500 })).toEqual({ givenBack: 1, closed: true });
      expect(await jobIn(queue, short?.id, 'completed')).toMatchObject({ returnvalue: 'ERR_TIMEOUT' });
      expect(await jobIn(queue, long?.id, 'waiting')).toMatchObject({ attemptsMade: 0 });
      // It takes no more while it ends.
      expect(await jobIn(queue, waiting?.id, 'waiting')).toMatchObject({ attemptsStarted: 0 });
      await soon(() => expect(pool.stats.active).toBe(0));
    });

    test('shutdown ends in time while Redis is away', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 1 });
      const { worker } = workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      await queue.add('spin', { name: 'spin' });
      await soon(() => expect(pool.stats.active).toBe(1));
      await server.stop();
      const began = Date.now();
      expect(await worker.shutdown({ deadlineMillis: 100 })).toEqual({ givenBack: 1, closed: false });
      expect(Date.now() - began).toBeLessThan(13_000);
      await soon(() => expect(pool.stats.active).toBe(0));
    }, 40_000);

    test('closes while a connection is made anew, and goes on after Redis was away', async () => {
      const server = await redis({ aof: true });
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      const { worker } = workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      const add = () => queue.add('add', { name: 'add', args: [1, 1] });
      await jobIn(queue, (await add()).id, 'completed');
      await server.restart();
      await jobIn(queue, (await add()).id, 'completed', 30_000);
      await server.restart();
      const began = Date.now();
      await worker.close(); // BullMQ's own would wait for ever
      expect(Date.now() - began).toBeLessThan(20_000);
    }, 60_000);

    test('errors are process warnings, each once', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      const warnings = collectWarnings();
      const worker = createWorker(queue.name, { connection: server.connection, pool, handler: async () => 1 });
      onTestFinished(() => worker.close(true));
      await worker.waitUntilReady();
      for (const id of [1, 2, 3]) worker.emit('error', new Error(`Missing lock for job ${id}. moveToFinished`));
      await eventually(() => warnings.length > 0);
      expect(warnings).toEqual([`queue ${queue.name}: Missing lock for job 1. moveToFinished`]);
    });

    test.each(['allkeys-lru', 'noeviction'])('warns where Redis may drop jobs: %s', async (policy) => {
      const server = await redis({ settings: ['--maxmemory', '64mb', '--maxmemory-policy', policy] });
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 1 });
      const warnings = collectWarnings();
      const { worker } = workerOf<Call, unknown>(queue, server, { pool, handler: calling(pool) });
      await worker.waitUntilReady();
      await jobIn(queue, (await queue.add('add', { name: 'add', args: [1, 1] })).id, 'completed');
      const expected = `queue ${queue.name}: Redis drops keys when its memory is full (maxmemory-policy allkeys-lru), jobs among them; set noeviction`;
      await soon(() => expect(warnings).toEqual(policy === 'noeviction' ? [] : [expected]));
    });

    test('Redis keeps few of the jobs that are done, and all of them small', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, MATH, { max: 2 });
      const kept = { removeOnComplete: { age: 3_600, count: 10 }, removeOnFail: { age: 3_600, count: 5 } };
      workerOf<{ n: number }, unknown>(queue, server, {
        pool,
        ...kept,
        handler: async ({ n }) => {
          if (n % 4 === 0) throw new UnrecoverableError('every fourth');
          return { n };
        },
      });
      const jobs = Array.from({ length: 200 }, (_, n) => ({ name: 'n', data: { n }, opts: jobOptions }));
      await queue.addBulk(jobs);
      await soon(async () =>
        expect(await queue.getJobCounts('wait', 'active', 'delayed')).toEqual({ wait: 0, active: 0, delayed: 0 }),
      );
      expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 10, failed: 5 });
    });
  },
);
