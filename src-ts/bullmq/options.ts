import type { ConnectionOptions, KeepJobs, WorkerOptions } from 'bullmq';
import type { Extractor } from '../extractor.js';
import { anything, callback, checkOptions, isRecord, MAX_MILLIS, millis, whole } from '../options.js';
import { Pool } from '../pool.js';
import { createHandler, HANDLER_RULES, type Handler, type HandlerOptions } from '../queue/handler.js';

/** Options of BullMQ's that {@link createWorker} has none of its own for. */
export type OtherWorkerOptions = Omit<WorkerOptions, keyof QueueOptions | 'useWorkerThreads' | 'workerForkOptions'>;

/** How a worker takes part in its queue. The defaults that differ from BullMQ's are written at each. */
export interface QueueOptions {
  /**
   * Redis, as BullMQ takes it: options of a connection (`{ url }`, `{ host, port }`, …), or a client, which needs
   * `maxRetriesPerRequest: null` if it is ioredis.
   */
  connection: ConnectionOptions;
  /**
   * The prefix of the queue's keys.
   * @default 'bull'
   */
  prefix?: string | undefined;
  /**
   * The most jobs at once: 1 to 65,536. It never exceeds what the pool lets run and wait, and falls while memory is short; more
   * than the pool has instances makes sense where pages are fetched.
   * @default the pool's `max`
   */
  concurrency?: number | undefined;
  /**
   * How long a job stays this worker's without a sign of it, in milliseconds; it is renewed every half of that.
   * @default 30_000
   */
  lockDuration?: number | undefined;
  /**
   * How often it looks for jobs whose worker died, in milliseconds: the same in all workers of a queue.
   * @default 30_000
   */
  stalledInterval?: number | undefined;
  /**
   * How many workers may die with a job before it fails for good: 0 to 1,000. Guests cannot end a process, so most of those that
   * die are killed.
   * @default 2
   */
  maxStalledCount?: number | undefined;
  /**
   * Which of the jobs that were done stay in Redis, `age` in seconds. One policy for the queue: job options that say something
   * else win, and trim all.
   * @default { age: 3_600, count: 1_000 }
   */
  removeOnComplete?: KeepJobs | undefined;
  /**
   * Which of the jobs that failed for good stay.
   * @default { age: 604_800, count: 10_000 }
   */
  removeOnFail?: KeepJobs | undefined;
  /**
   * How many minutes BullMQ's own metrics of the queue go back: 1 to 100,000. Its totals are 0 without.
   * @default 1_440
   */
  metricsMinutes?: number | undefined;
  /**
   * Whether it begins at once; otherwise with `run()`.
   * @default true
   */
  autorun?: boolean | undefined;
  /**
   * Told of what went wrong beside the jobs: a connection that is lost, a lock, a result that nobody waits for any more.
   * @default a process warning, the same one once a minute at most
   */
  onError?: ((error: Error) => void) | undefined;
  /** BullMQ's other options, such as `name`, `limiter` and `telemetry`. */
  bullmq?: OtherWorkerOptions | undefined;
}

/** Options of a worker that extracts pages. */
export interface ExtractorWorkerOptions extends QueueOptions, HandlerOptions {}

/** Options of a worker that does something else with a pool. */
export interface PoolWorkerOptions<D = unknown, R = unknown> extends QueueOptions {
  /** The pool that the worker follows: its instances, its breaker, its memory. It stays its caller's to close. */
  pool: Pool;
  /**
   * Does one job. It is given the job's data and a signal, which it hands to the pool's calls; what it returns must be small,
   * and JSON.
   */
  handler: Handler<D, R>;
}

/** What a worker is made of. @internal */
export interface WorkerParts {
  readonly pool: Pool;
  readonly handler: Handler<unknown, unknown>;
  readonly concurrency: number | undefined;
  readonly onError: ((error: Error) => void) | undefined;
  readonly autorun: boolean;
  readonly bullmq: WorkerOptions;
}

const QUEUE_RULES = {
  connection: { allowed: "BullMQ's connection: options, or a client", accepts: isRecord },
  prefix: { allowed: 'a string', accepts: (value: unknown) => typeof value === 'string' && value !== '' },
  concurrency: whole(1, 65_536),
  lockDuration: millis,
  stalledInterval: millis,
  maxStalledCount: whole(0, 1_000),
  removeOnComplete: { allowed: 'an object with count or age', accepts: isRecord },
  removeOnFail: { allowed: 'an object with count or age', accepts: isRecord },
  metricsMinutes: whole(1, 100_000, 'minutes'),
  autorun: { allowed: 'true or false', accepts: (value: unknown) => typeof value === 'boolean' },
  onError: callback,
  bullmq: { allowed: "an object of BullMQ's other options", accepts: isRecord },
};

const POOL_RULES = {
  ...QUEUE_RULES,
  pool: { allowed: 'a Pool', accepts: (value: unknown) => value instanceof Pool },
  handler: callback,
};

const EXTRACTOR_RULES = { ...QUEUE_RULES, ...HANDLER_RULES };

/** What {@link OtherWorkerOptions} must not say. */
const OWN = [...Object.keys(QUEUE_RULES), 'metrics'].map((name) => [name, nothingOf(name)] as const);

/** @internal */
export function workerParts(given: QueueOptions): WorkerParts {
  const withPool = isRecord(given) && (given as Record<string, unknown>).pool !== undefined;
  const options = checkOptions<QueueOptions>(given, withPool ? POOL_RULES : EXTRACTOR_RULES);
  if (options.connection === undefined) checkOptions({ connection: null }, QUEUE_RULES);
  const { bullmq = {} } = options;
  for (const [name, rule] of OWN) {
    if (Object.hasOwn(bullmq, name)) checkOptions({ [name]: null }, { [name]: rule }, 'bullmq.');
  }
  return {
    ...(withPool ? poolParts(options as PoolWorkerOptions) : extractorParts(options as ExtractorWorkerOptions)),
    concurrency: options.concurrency,
    onError: options.onError,
    autorun: options.autorun ?? true,
    bullmq: {
      ...bullmq,
      connection: options.connection,
      ...(options.prefix !== undefined && { prefix: options.prefix }),
      lockDuration: options.lockDuration ?? 30_000,
      stalledInterval: options.stalledInterval ?? 30_000,
      maxStalledCount: options.maxStalledCount ?? 2,
      removeOnComplete: options.removeOnComplete ?? { age: 3_600, count: 1_000 },
      removeOnFail: options.removeOnFail ?? { age: 7 * 24 * 3_600, count: 10_000 },
      metrics: { maxDataPoints: options.metricsMinutes ?? 1_440 },
    },
  };
}

function poolParts({ pool, handler }: PoolWorkerOptions): Pick<WorkerParts, 'pool' | 'handler'> {
  if (handler === undefined) checkOptions({ handler: null }, POOL_RULES);
  return { pool, handler };
}

function extractorParts(options: ExtractorWorkerOptions): Pick<WorkerParts, 'pool' | 'handler'> {
  const own = Object.fromEntries(
    Object.keys(HANDLER_RULES).map((name) => [name, options[name as keyof HandlerOptions]]),
  );
  const handler = createHandler(own as unknown as HandlerOptions);
  return { pool: (options.extractor as Extractor).pool, handler };
}

function nothingOf(name: string) {
  return { ...anything, allowed: `nothing: ${name} is an option of createWorker`, accepts: () => false };
}

/** Milliseconds of an option that may be 0. @internal */
export const DEADLINE = whole(0, MAX_MILLIS, 'milliseconds');
