// `riptide-wasm worker` and `riptide-wasm enqueue`, with a real Redis.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Queue } from 'bullmq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { cleanEnvironment } from '../stress/shared/environment.mjs';
import { noRedis } from '../stress/shared/redis-process.mjs';
import { noS3, startS3 } from '../stress/shared/s3-process.mjs';
import { queueOn, type Redis, redis } from './bullmq-support.js';
import { page } from './extraction-support.js';
import { SLOW_SELECTORS } from './server-support.js';
import { run, temporaryFolder } from './support.js';

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const soon = (holds: () => unknown) => vi.waitFor(holds, { timeout: 20_000, interval: 20 });
const where = ({ socket }: Redis, queue: Queue) => ['--redis', `unix:${socket}`, '--queue', queue.name];
const files = (folder: string) =>
  (readdirSync(folder, { recursive: true, withFileTypes: true }) ?? []).filter((entry) => entry.isFile());

/** A command of its own, and what it says. */
function start(
  args: string[],
  env: Record<string, string> = {},
): { child: ChildProcess; said: () => string; ended: Promise<unknown[]> } {
  const child = spawn(process.execPath, [CLI, ...args], { env: cleanEnvironment(env) });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  return { child, said: () => said, ended: once(child, 'exit') };
}

async function working(args: string[], env?: Record<string, string>) {
  const worker = start(['worker', ...args], env);
  await soon(() => expect(worker.said()).toContain('works on queue'));
  return worker;
}

describe.skipIf(noRedis !== undefined)(
  `the commands of a queue${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`,
  () => {
    test('add pages of standard input and of files, and do them until SIGTERM', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const [pages, results] = [temporaryFolder(), temporaryFolder()];
      mkdirSync(join(pages, 'ice'));
      writeFileSync(join(pages, 'ice', '1.html'), page('<p>One</p>'));
      const list = join(temporaryFolder(), 'list');
      writeFileSync(list, '{"key":"ice/1.html","result":"one.json"}\n\n{"key":"ice/none.html"}\n');
      const input = Array.from({ length: 30 }, (_, n) =>
        JSON.stringify({ html: page(`<p>Day ${n}</p>`), result: `days/${n}.json` }),
      ).join('\n');
      const added = await run('dist/cli/main.js', ['enqueue', list, '-', ...where(server, queue), '--chunk', '10'], {
        input,
      });
      expect(added).toMatchObject({ code: 0, stdout: '32\n' });
      expect(added.stderr).toContain('10 added');
      const worker = await working([...where(server, queue), '--results', results, '--pages', pages]);
      await soon(async () =>
        expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 31, failed: 1 }),
      );
      const [failed] = await queue.getFailed();
      expect(failed).toMatchObject({
        attemptsMade: 1,
        failedReason: 'ERR_JOB_PAGE_MISSING: no page under ice/none.html',
      });
      expect(files(results)).toHaveLength(31);
      expect(JSON.parse(readFileSync(join(results, 'one.json'), 'utf8'))).toMatchObject({ title: 'Ice' });
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toEqual([0, null]);
      expect(worker.said()).toMatch(/SIGTERM: finishes what runs\n.*31 done, 1 attempts failed\n$/);
    }, 60_000);

    test('finish what runs after SIGTERM, and give back what takes longer than the deadline', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const args = [...where(server, queue), '--results', temporaryFolder(), '--deadline-seconds', '1'];
      const worker = await working(args);
      // Minutes of work.
      const { id = '' } = await queue.add(
        'page',
        { html: '<p>x'.repeat(60_000), mode: 'custom', selectors: SLOW_SELECTORS },
        { attempts: 1 },
      );
      await soon(async () => expect(await queue.getJobState(id)).toBe('active'));
      worker.child.kill('SIGTERM');
      expect(await worker.ended).toEqual([0, null]);
      expect(worker.said()).toContain('1 given back to the queue');
      expect(await queue.getJobState(id)).toBe('waiting');
      expect(await queue.getJob(id)).toMatchObject({ attemptsMade: 0 });
    }, 60_000);

    test('wait while the queue is longer than it may be', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const list = join(temporaryFolder(), 'list');
      writeFileSync(list, Array.from({ length: 40 }, (_, n) => `https://example.com/${n}`).join('\n'));
      const producer = start(['enqueue', list, ...where(server, queue), '--max-backlog', '15', '--chunk', '10']);
      await soon(async () => expect(await queue.getWaitingCount()).toBe(20));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await queue.getWaitingCount()).toBe(20);
      await queue.drain();
      await soon(async () => expect(await queue.getWaitingCount()).toBe(20));
      producer.child.kill();
      await producer.ended;
    }, 60_000);

    test.skipIf(noS3 !== undefined)(
      `keep results in a bucket${noS3 === undefined ? '' : ` (skipped: ${noS3})`}`,
      async () => {
        const server = await redis();
        const queue = queueOn(server);
        const s3 = await startS3('tides');
        onTestFinished(() => s3.remove());
        const worker = await working([...where(server, queue), '--results', 's3://tides/results'], s3.env);
        await queue.add('page', { html: page(''), result: 'ice.json' });
        await soon(async () => expect(await queue.getCompletedCount()).toBe(1));
        expect(JSON.parse(readFileSync(join(s3.folder, 'results', 'ice.json'), 'utf8'))).toMatchObject({
          title: 'Ice',
        });
        worker.child.kill('SIGTERM');
        expect(await worker.ended).toEqual([0, null]);
      },
      60_000,
    );

    test('say in a line what is wrong', async () => {
      const nowhere = ['--redis', `unix:${join(temporaryFolder(), 'none.sock')}`, '--queue', 'q'];
      const server = await redis();
      const there = where(server, queueOn(server));
      const asked: [string[], number, string][] = [
        [['worker', '--queue', 'q'], 2, '--redis is missing'],
        [['worker', '--redis', 'http://localhost', '--queue', 'q'], 2, '--redis is a URL with redis:'],
        [['worker', '--redis', 'redis://localhost'], 2, '--queue is missing'],
        [['worker', '--redis', 'redis://localhost', '--queue', 'a:b'], 2, 'without a colon'],
        [['worker', '--redis', 'redis://localhost', '--queue', 'q'], 2, '--results is missing'],
        [['worker', ...there, '--results', 'x', '--concurrency', '0'], 2, 'concurrency is 0'],
        [['enqueue', 'https://example.com/', ...there, '--chunk', '0'], 2, 'chunk is 0'],
        [['enqueue', ...nowhere], 2, 'enqueue takes URLs'],
        [['enqueue', 'https://example.com/', ...nowhere, '--mode', 'best'], 2, 'mode is'],
      ];
      for (const [args, code, said] of asked) {
        const ended = await run('dist/cli/main.js', args);
        expect(ended, args.join(' ')).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(said) });
        expect(ended.stderr.trim().split('\n')).toHaveLength(1);
      }
    }, 60_000);

    test.each([
      ['worker', ['--results', 'x']],
      ['enqueue', ['https://example.com/']],
    ])(
      'give up in time where there is no Redis: %s',
      async (command, more) => {
        const nowhere = ['--redis', `unix:${join(temporaryFolder(), 'none.sock')}`, '--queue', 'q'];
        const { code, stderr } = await run('dist/cli/main.js', [command, ...more, ...nowhere]);
        expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('Redis does not answer') });
      },
      60_000,
    );

    test('names the line of a list that is no page', async () => {
      const server = await redis();
      const queue = queueOn(server);
      const args = ['enqueue', '-', ...where(server, queue)];
      const wrong = await run('dist/cli/main.js', args, { input: 'https://example.com/\nnot a page\n' });
      expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('-, line 2: neither') });
      const json = await run('dist/cli/main.js', args, { input: '{"key":"../x"}\n' });
      expect(json).toMatchObject({ code: 1, stderr: expect.stringContaining('-, line 1: ERR_JOB_DATA') });
      const missing = await run('dist/cli/main.js', ['enqueue', '/nonexistent/list', ...where(server, queue)]);
      expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('/nonexistent/list: cannot be read') });
    });
  },
);
