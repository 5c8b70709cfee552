// A worker follows its pool: how many jobs it takes, and when none.
import { type Job, Queue } from 'bullmq';
import { describe, expect, test, vi } from 'vitest';
import { createWorker, enqueue, jobOptions, pageJob } from '../dist/bullmq/index.js';
import { Engine, type Pool } from '../dist/index.js';
import { FolderStore } from '../dist/queue/index.js';
import { noRedis } from '../stress/shared/redis-process.mjs';
import { jobIn, queueOn, redis, workerOf } from './bullmq-support.js';
import { extractorOf } from './server-support.js';
import { failure, GROW, LOOP, poolOf, temporaryFolder } from './support.js';

const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 15_000, interval: 20 });
const after = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

describe.skipIf(noRedis !== undefined)(
  `a worker and its pool${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`,
  () => {
    const engine = new Engine({ cache: false });

    test('takes as many jobs at once as the pool has instances', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 2 });
      let [now, most] = [0, 0];
      workerOf(queue, server, {
        pool,
        handler: async () => {
          most = Math.max(most, ++now);
          const { code } = await failure(pool.call('spin', [], { timeoutMillis: 50 }));
          now--;
          return code;
        },
      });
      const jobs = await queue.addBulk(Array.from({ length: 12 }, () => ({ name: 'spin', data: {} })));
      await Promise.all(jobs.map(({ id }) => jobIn(queue, id, 'completed')));
      expect(most).toBe(2);
    });

    test('takes none while the breaker is open, which costs no job an attempt; then one, then all', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const breaker = { volumeThreshold: 3, resetTimeoutMillis: 2_000 };
      const guest = '(module (func (export "trap") unreachable) (func (export "fine")))';
      const pool: Pool = await poolOf(engine, guest, { max: 4, breaker });
      const called: [string, number][] = [];
      const { worker } = workerOf<{ name: string }, unknown>(queue, server, {
        pool,
        handler: async ({ name }) => {
          called.push([name, Date.now()]);
          await pool.call(name);
          return name;
        },
      });
      for (let n = 0; n < 4; n++) await failure(pool.call('trap'));
      const opened = Date.now();
      expect(pool.stats.breaker?.state).toBe('open');
      await soon(() => expect(worker.stopped).toBe('the breaker is open'));
      expect(worker.isPaused()).toBe(true);
      const jobs = await queue.addBulk(
        Array.from({ length: 8 }, () => ({ name: 'fine', data: { name: 'fine' }, opts: jobOptions })),
      );
      const done = await Promise.all(jobs.map(({ id }) => jobIn(queue, id, 'completed')));
      // One fetch may have been under way when it was told.
      expect(called.filter(([, at]) => at - opened < 1_900).length).toBeLessThanOrEqual(1);
      expect(done.map(({ attemptsMade }) => attemptsMade)).toEqual(Array(8).fill(1));
      expect(worker.stopped).toBeUndefined();
      await soon(() => expect(worker.concurrency).toBe(4));
    });

    test('takes fewer while memory is short, and none near the limit', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const tight = new Engine({ cache: false, memoryBudgetBytes: 100 * 65_536 });
      const pool = await poolOf(tight, GROW, { max: 8 });
      const { worker } = workerOf(queue, server, { pool, handler: async () => pool.call('seven') });
      await soon(() => expect(worker.concurrency).toBe(8));
      let jobs: Job[] = [];
      await pool.use(async (instance) => {
        await instance.call('grow', [39]);
        await soon(() => expect(worker.concurrency).toBe(2));
        await instance.call('grow', [55]);
        await soon(() => expect(worker.stopped).toBe('memory is near its limit'));
        jobs = await queue.addBulk(Array.from({ length: 5 }, () => ({ name: 'seven', data: {} })));
        await after(1_000);
        // A fetch was under way when it stopped: BullMQ ends it with the job it waited for.
        expect(await queue.getCompletedCount()).toBeLessThanOrEqual(1);
      });
      for (const { id } of jobs) expect(await jobIn(queue, id, 'completed')).toMatchObject({ returnvalue: 7 });
    });

    test('a job that finds no room waits, and loses no attempt', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 1, maxQueue: 1 });
      workerOf(queue, server, { pool, handler: async () => pool.call('seven') });
      // Others use the pool too.
      const others = [0, 1].map(() => failure(pool.call('spin', [], { timeoutMillis: 1_500 })));
      const { id } = await queue.add('seven', {}, { attempts: 1 });
      await jobIn(queue, id, 'delayed');
      expect(await jobIn(queue, id, 'completed')).toMatchObject({ returnvalue: 7, attemptsMade: 1 });
      await Promise.all(others);
    });

    test('stays paused by its owner, whatever the pool admits', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const pool = await poolOf(engine, LOOP, { max: 1 });
      const { worker } = workerOf(queue, server, { pool, handler: async () => pool.call('seven') });
      await worker.waitUntilReady();
      await worker.pause();
      const { id } = await queue.add('seven', {});
      await after(700);
      expect(await queue.getJobState(id ?? '')).toBe('waiting');
      await worker.resume();
      await jobIn(queue, id, 'completed');
    });
  },
);

describe.skipIf(noRedis !== undefined)(`enqueue${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`, () => {
  const html = (n: number) => `<title>Tide ${n}</title><article><p>The tide of day ${n} came in.</p></article>`;

  test('gives each job a digest for an id, attempts and a backoff, and says nothing of removal', () => {
    const { name, data, opts } = pageJob({ url: 'https://example.com/', html: 'a\0b\ud800c' });
    expect(name).toBe('page');
    expect(data).toEqual({ url: 'https://example.com/', html: 'a\ufffdb\ufffdc' });
    expect(opts).toMatchObject({ attempts: 3, backoff: { type: 'exponential', delay: 1_000 }, sizeLimit: 1_048_576 });
    expect(opts.deduplication?.id).toMatch(/^p[0-9a-f]{64}$/);
    expect(Object.keys(opts).sort()).toEqual(['attempts', 'backoff', 'deduplication', 'sizeLimit']);
    expect(() => pageJob({ url: 'ftp://example.com/' })).toThrow('no http: or https: address');
    expect(() => pageJob({ html: 'x'.repeat(300_000) })).toThrow('300000 bytes of html');
  });

  test('the same page is not queued twice while it waits, and is again once it is done', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const page = { html: html(1) };
    await enqueue(queue, [page, page]);
    await enqueue(queue, [page]);
    expect(await queue.getWaitingCount()).toBe(1);
    const extractor = await extractorOf();
    const results = new FolderStore(temporaryFolder(), { sync: false });
    const worker = createWorker(queue.name, { connection: server.connection, extractor, results });
    await soon(async () => expect(await queue.getCompletedCount()).toBe(1));
    await enqueue(queue, [page]);
    await soon(async () => expect(await queue.getCompletedCount()).toBe(2));
    const [first, second] = await queue.getCompleted();
    // Two jobs, one result.
    expect(first?.returnvalue.key).toBe(second?.returnvalue.key);
    await worker.close();
  });

  test('what a page leaves in Redis is small: its record, and no text', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const extractor = await extractorOf();
    const results = new FolderStore(temporaryFolder(), { sync: false });
    const worker = createWorker(queue.name, { connection: server.connection, extractor, results });
    const text = 'The tide came in, and with it the boats. '.repeat(5_000); // 200 KB
    const pages = Array.from({ length: 20 }, (_, n) => ({
      html: `<title>${n}</title><article><p>${text}</p></article>`,
    }));
    await enqueue(queue, pages);
    await soon(async () => expect(await queue.getCompletedCount()).toBe(20));
    const client = await queue.getBackend().connection.client;
    const events = JSON.stringify(
      await (client as unknown as { xrange(...args: string[]): Promise<unknown> }).xrange(
        `${queue.qualifiedName}:events`,
        '-',
        '+',
      ),
    );
    expect(events).toContain('digest');
    expect(events).not.toContain('with it the boats');
    expect(events.length).toBeLessThan(50_000);
    await worker.close();
  });

  test('adds in chunks, and waits while the queue is longer than it may be', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const pages = async function* () {
      for (let n = 0; n < 50; n++) yield { html: html(n) };
    };
    const seen: { added: number; backlog: number; waiting: boolean }[] = [];
    const adding = enqueue(queue, pages(), {
      chunk: 10,
      maxBacklog: 15,
      onProgress: (progress) => seen.push({ ...progress }),
    });
    await soon(() => expect(seen.at(-1)).toEqual({ added: 20, backlog: 20, waiting: true }));
    await after(600);
    expect(await queue.getWaitingCount()).toBe(20);
    const extractor = await extractorOf();
    const results = new FolderStore(temporaryFolder(), { sync: false });
    const worker = createWorker(queue.name, { connection: server.connection, extractor, results });
    expect(await adding).toBe(50);
    expect(Math.max(...seen.map(({ backlog }) => backlog))).toBeLessThanOrEqual(25);
    await soon(async () => expect(await queue.getCompletedCount()).toBe(50));
    await worker.close();
  });

  test('ends by its signal, and refuses a page that is none', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const signal = AbortSignal.timeout(500);
    const endless = function* () {
      for (let n = 0; ; n++) yield { html: html(n) };
    };
    expect(await failure(enqueue(queue, endless(), { maxBacklog: 10, signal }))).toMatchObject({
      name: expect.stringMatching(/AbortError|TimeoutError/),
    });
    expect(await failure(enqueue(queue, [{ url: 'mailto:x' }]))).toMatchObject({ code: 'ERR_JOB_DATA' });
    expect(await failure(enqueue(queue, [], { chunk: 0 }))).toMatchObject({ code: 'ERR_BAD_OPTION' });
  });

  test('results are not mixed up when Redis has lost its data and numbers jobs from 1 again', async () => {
    const server = await redis();
    const extractor = await extractorOf();
    const results = new FolderStore(temporaryFolder(), { sync: false });
    const keys = [];
    for (const n of [1, 2]) {
      const queue = new Queue('pages', { connection: server.connection });
      const worker = createWorker(queue.name, { connection: server.connection, extractor, results });
      const { name, data, opts } = pageJob({ html: html(n) });
      const job = await queue.add(name, data, opts);
      expect(job.id).toBe('1');
      keys.push((await jobIn(queue, job.id, 'completed')).returnvalue.key);
      await worker.close();
      await queue.close();
      await server.restart(); // which keeps nothing
    }
    const texts = await Promise.all(keys.map(async (key) => Buffer.from((await results.get(key)) ?? []).toString()));
    expect(texts[0]).toContain('day 1 came');
    expect(texts[1]).toContain('day 2 came');
  });
});
