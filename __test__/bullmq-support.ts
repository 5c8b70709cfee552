// What the tests of queues share: a Redis of their own, and what becomes of a job in it.
import { type Job, Queue } from 'bullmq';
import { onTestFinished, vi } from 'vitest';
import { createWorker, type GuestWorker, type PoolWorkerOptions } from '../dist/bullmq/index.js';
import { startRedis } from '../stress/shared/redis-process.mjs';

export type Redis = Awaited<ReturnType<typeof startRedis>>;

let names = 0;

/** A Redis that ends with the test. */
export async function redis(options?: Parameters<typeof startRedis>[0]): Promise<Redis> {
  const server = await startRedis(options);
  onTestFinished(() => server.remove());
  return server;
}

/** A queue with a name of its own. */
export function queueOn({ connection }: Redis): Queue {
  const queue = new Queue(`q${++names}`, { connection });
  queue.on('error', () => {});
  onTestFinished(() => closeSoon(queue));
  return queue;
}

/** A worker of a pool on a queue, with errors collected instead of warned of. */
export function workerOf<D, R>(
  queue: Queue,
  { connection }: Redis,
  options: Omit<PoolWorkerOptions<D, R>, 'connection'>,
): { worker: GuestWorker<D, R>; errors: string[] } {
  const errors: string[] = [];
  const onError = ({ message }: Error) => void errors.push(message);
  const worker = createWorker<D, R>(queue.name, { connection, onError, ...options });
  onTestFinished(() => closeSoon(worker));
  return { worker, errors };
}

/** `close(true)` waits for ever where Redis is away. */
async function closeSoon(queue: { close(force?: boolean): Promise<void>; disconnect(): Promise<void> }): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, 2_000).unref());
  await Promise.race([queue.close(true), late]);
}

/** Waits for a state of a job, and returns the job as it lies in Redis. */
export async function jobIn(queue: Queue, id: string | undefined, state: string, timeout = 15_000): Promise<Job> {
  return vi.waitFor(
    async () => {
      const now = await queue.getJobState(id ?? '');
      const job = await queue.getJob(id ?? '');
      if (job === undefined || now !== state) throw new Error(`job ${id} is ${now} (${job?.failedReason})`);
      return job;
    },
    { timeout, interval: 20 },
  );
}
