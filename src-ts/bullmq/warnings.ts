import type { Queue, Worker } from 'bullmq';
import { failureMessage } from '../queue/failure-message.js';

/** How long the same warning is not repeated: a server that is away is an error every second. */
const QUIET_MILLIS = 60_000;

/** The most messages that are remembered. */
const MOST = 100;

/** Makes process warnings of errors; the same one once a minute. @internal */
export function warner(queueName: string): (error: Error) => void {
  const said = new Map<string, number>();
  return (error) => {
    const message = failureMessage(error);
    // Jobs have numbers, which make one warning of many.
    const kind = message.replace(/\d+/g, '#');
    const now = Date.now();
    if (now - (said.get(kind) ?? Number.NEGATIVE_INFINITY) < QUIET_MILLIS) return;
    if (said.size >= MOST) said.clear();
    said.set(kind, now);
    process.emitWarning(`queue ${queueName}: ${message}`, 'RiptideWarning');
  };
}

/** Warns where Redis may drop the queue's keys when its memory is full. @internal */
export async function warnOfEviction(queue: Queue | Worker): Promise<void> {
  await queue.waitUntilReady();
  const client = await queue.getBackend().connection.client;
  const policy = /^maxmemory_policy:(\S+)/m.exec(await client.info())?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  process.emitWarning(
    `queue ${queue.name}: Redis drops keys when its memory is full (maxmemory-policy ${policy}), jobs among them; set noeviction`,
    'RiptideWarning',
  );
}
