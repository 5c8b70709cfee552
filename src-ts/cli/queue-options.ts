import { join, resolve } from 'node:path';
import type { Store } from '../queue/store.js';
import { Failure, oneLine, usage } from './failure.js';

/** Options of a command that talks to a queue. */
export const QUEUE_OPTIONS = {
  redis: { type: 'string' },
  queue: { type: 'string' },
  prefix: { type: 'string' },
} as const;

/** How long Redis has to answer when a command begins. */
const CONNECT_MILLIS = 10_000;

/** Where a queue is: Redis by `--redis` or, since others see a command line, by `REDIS_URL`. */
export function queueOf(values: {
  redis?: string | undefined;
  queue?: string | undefined;
  prefix?: string | undefined;
}) {
  const url = values.redis ?? process.env.REDIS_URL;
  if (url === undefined) throw usage('--redis is missing: the URL of Redis (or REDIS_URL in the environment)');
  if (!URL.canParse(url) || !/^(rediss?|unix):$/.test(new URL(url).protocol)) {
    throw usage('--redis is a URL with redis:, rediss: or unix:');
  }
  if (values.queue === undefined || values.queue === '') throw usage('--queue is missing: the name of the queue');
  if (values.queue.includes(':')) throw usage('--queue is a name without a colon');
  const connection = url.startsWith('unix:') ? { path: new URL(url).pathname } : { url };
  return { name: values.queue, connection, ...(values.prefix !== undefined && { prefix: values.prefix }) };
}

/**
 * The packages that talk to Redis, and are not this one's own.
 *
 * @throws Failure if they are not installed, or Redis does not answer
 */
export async function loadBullmq(connection: {
  url?: string;
  path?: string;
}): Promise<typeof import('../bullmq/index.js') & Pick<typeof import('bullmq'), 'Queue'>> {
  try {
    await reach(connection);
    const [{ Queue }, ours] = await Promise.all([import('bullmq'), import('../bullmq/index.js')]);
    return { ...ours, Queue };
  } catch (error) {
    throw missing(error, ['bullmq', 'ioredis']) ?? error;
  }
}

/** A store by a folder, or by `s3://BUCKET/PREFIX`: the SDK finds credentials, region and endpoint in the environment. */
export async function storeOf(option: string, place: string): Promise<Store> {
  if (!place.startsWith('s3://')) {
    const { FolderStore } = await import('../queue/folder-store.js');
    return new FolderStore(resolve(place));
  }
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(place) ?? [];
  if (bucket === undefined) throw usage(`--${option} is a folder, or s3://BUCKET/PREFIX`);
  try {
    const [{ S3Client }, { S3Store }] = await Promise.all([import('@aws-sdk/client-s3'), import('../s3.js')]);
    // Servers other than Amazon's are asked by path: their names have no subdomain for each bucket.
    const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
    const client = new S3Client({ forcePathStyle: (AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL) !== undefined });
    return new S3Store(client, {
      bucket,
      ...(prefix !== '' && { prefix: prefix.endsWith('/') ? prefix : join(prefix, '/') }),
    });
  } catch (error) {
    throw missing(error, ['@aws-sdk/client-s3']) ?? error;
  }
}

/** Refuses to begin where Redis does not answer: BullMQ would wait for it without a word, and could not be ended. */
async function reach({ url, path }: { url?: string; path?: string }): Promise<void> {
  const { Redis } = await import('ioredis');
  const once = { lazyConnect: true, connectTimeout: CONNECT_MILLIS, retryStrategy: () => null };
  const client = url === undefined ? new Redis({ ...once, path: path as string }) : new Redis(url, once);
  let last: unknown;
  client.on('error', (error) => {
    last = error;
  });
  try {
    await client.connect();
  } catch (error) {
    throw new Failure(`Redis does not answer: ${oneLine(last ?? error)}`);
  } finally {
    client.disconnect();
  }
}

function missing(error: unknown, peers: readonly string[]): Failure | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' || !peers.some((peer) => String(message).includes(`package '${peer}'`)))
    return undefined;
  return new Failure(`the queue needs ${peers.join(' and ')}: npm install ${peers.join(' ')}`);
}
