import { setTimeout as delay } from 'node:timers/promises';
import { type Job, Worker } from 'bullmq';
import { checkOptions } from '../options.js';
import type { Pool } from '../pool.js';
import { type Admission, admission } from '../queue/admission.js';
import type { PageRecord } from '../queue/handler.js';
import type { PageJob } from '../queue/job.js';
import {
  DEADLINE,
  type ExtractorWorkerOptions,
  type PoolWorkerOptions,
  type WorkerParts,
  workerParts,
} from './options.js';
import { GivenBack, LockLost, processJob } from './processor.js';
import { warner, warnOfEviction } from './warnings.js';

/** How often a worker looks whether its pool admits jobs: memory has no event. */
const LOOK_MILLIS = 200;

/** How long jobs that are given back, and connections, have to end. */
const GRACE_MILLIS = 5_000;

/** How often a connection is looked at that is being made anew. */
const RECONNECT_MILLIS = 50;

/** How a worker ended. */
export interface Shutdown {
  /** Jobs that were given back to the queue, unfinished. */
  readonly givenBack: number;
  /** Whether it ended in order; `false` where Redis did not answer. */
  readonly closed: boolean;
}

/** Options of {@link GuestWorker.shutdown}. */
export interface ShutdownOptions {
  /**
   * How long the jobs that run have to finish, in milliseconds; then they are given back.
   * @default 30_000
   */
  deadlineMillis?: number | undefined;
}

/**
 * BullMQ's `Worker`, which follows a pool: it fetches jobs as the pool admits them, and ends a guest whose job is cancelled or
 * has lost its lock. Made by {@link createWorker}.
 */
export class GuestWorker<D = PageJob, R = PageRecord> extends Worker<D, R> {
  readonly #pool: Pool;
  readonly #wanted: number | undefined;
  readonly #look: NodeJS.Timeout;
  readonly #onBreaker = () => this.#follow();
  #stopped: Admission['stopped'];
  #pausedByOwner = false;

  /** @internal */
  constructor(queueName: string, { pool, handler, concurrency, onError, autorun, bullmq }: WorkerParts) {
    const { concurrency: first } = admission(pool, concurrency);
    // Three parameters, all of them declared: BullMQ looks at the number before it makes a signal.
    const processor = (job: Job, token: string | undefined, signal: AbortSignal | undefined) =>
      processJob(handler, job, token, signal) as Promise<R>;
    super(queueName, processor, { ...bullmq, autorun: false, concurrency: first });
    this.#pool = pool;
    this.#wanted = concurrency;
    this.on('error', onError ?? warner(queueName));
    this.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.cancelJob(id, new LockLost());
    });
    pool.on('breaker', this.#onBreaker);
    this.#look = setInterval(() => this.#follow(), LOOK_MILLIS).unref();
    this.on('closing', () => this.#unfollow());
    warnOfEviction(this).catch((error: Error) => this.emit('error', error));
    if (autorun) this.run().catch((error: Error) => this.emit('error', error));
  }

  /** Why it fetches no jobs now; absent where it does. */
  get stopped(): Admission['stopped'] {
    return this.#stopped;
  }

  /**
   * Ends a job that runs here.
   *
   * @param reason an Error: the job is tried again; with an `UnrecoverableError` it is not. A text becomes an Error
   * @returns whether it runs here
   */
  override cancelJob(jobId: string, reason?: string | Error): boolean {
    return super.cancelJob(jobId, asReason(reason));
  }

  /** Ends all jobs that run here; as {@link GuestWorker.cancelJob}. */
  override cancelAllJobs(reason?: string | Error): void {
    super.cancelAllJobs(asReason(reason));
  }

  /** As BullMQ's; it stays paused until `resume`, whatever the pool admits. */
  override async pause(doNotWaitActive?: boolean): Promise<void> {
    this.#pausedByOwner = true;
    await super.pause(doNotWaitActive);
  }

  /** As BullMQ's; it fetches once the pool admits jobs. */
  override async resume(): Promise<void> {
    this.#pausedByOwner = false;
    if (this.#stopped === undefined) await super.resume();
  }

  /** As BullMQ's: takes no more jobs and waits, without a limit, for those that run and for Redis to be there. */
  override async close(force = false): Promise<void> {
    if (!force && this.closing === undefined) {
      await this.pause(true);
      await this.#reconnected();
    }
    await super.close(force);
  }

  /**
   * Takes no more jobs, finishes those that run, and closes. Those that run when `deadlineMillis` is over go back to the queue,
   * which costs them no attempt.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<Shutdown> {
    const { deadlineMillis = 30_000 } = checkOptions(options, { deadlineMillis: DEADLINE });
    const closed = this.close().then(() => true as const);
    if (await within(closed, deadlineMillis)) return { givenBack: 0, closed: true };
    const givenBack = this.lockManager.getActiveJobCount();
    this.cancelAllJobs(new GivenBack('given back to the queue'));
    if (await within(closed, GRACE_MILLIS)) return { givenBack, closed: true };
    await within(Promise.all([super.close(true), this.disconnect()]), GRACE_MILLIS);
    return { givenBack, closed: false };
  }

  /**
   * Resolves once the connection that waits for jobs is there. BullMQ's `close` ends it, and waits for ever if it is being made
   * anew just then.
   */
  async #reconnected(): Promise<void> {
    const client = await this.getBackend().blockingConnection?.client;
    while (client !== undefined && client.status !== 'ready' && this.closing === undefined)
      await delay(RECONNECT_MILLIS);
  }

  /** Fetches as the pool admits. */
  #follow(): void {
    if (this.closing) return;
    const { concurrency, stopped } = admission(this.#pool, this.#wanted);
    if (this.concurrency !== concurrency) this.concurrency = concurrency;
    const before = this.#stopped;
    this.#stopped = stopped;
    if (this.#pausedByOwner || (before === undefined) === (stopped === undefined)) return;
    if (stopped === undefined) this.#settled(super.resume());
    else this.#settled(super.pause(true)); // without waiting for the jobs that run
  }

  #unfollow(): void {
    clearInterval(this.#look);
    this.#pool.off('breaker', this.#onBreaker);
  }

  #settled(done: Promise<void>): void {
    done.catch((error: Error) => this.emit('error', error));
  }
}

/**
 * A worker of BullMQ for pages, which an extractor extracts. Guests run off the event loop, so that locks are renewed however
 * long one computes.
 *
 * ```js
 * const worker = createWorker('pages', {
 *   connection: { url: 'redis://localhost' },
 *   extractor: await createExtractor({ breaker: true, timeoutMillis: 20_000 }),
 *   results: new FolderStore('/srv/results'),
 *   fetch: true,
 * });
 * process.once('SIGTERM', () => worker.shutdown());
 * ```
 *
 * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value that cannot be used.
 */
export function createWorker(queueName: string, options: ExtractorWorkerOptions): GuestWorker;
/** A worker of BullMQ for whatever a `handler` does with a pool; as for pages. */
export function createWorker<D, R>(queueName: string, options: PoolWorkerOptions<D, R>): GuestWorker<D, R>;
export function createWorker<D, R>(
  queueName: string,
  options: ExtractorWorkerOptions | PoolWorkerOptions<D, R>,
): GuestWorker<D, R> {
  return new GuestWorker(queueName, workerParts(options));
}

/** BullMQ types a reason as a text, and recommends an Error: a text as such would be recorded as "null". */
function asReason(reason: string | Error | undefined): string {
  return (typeof reason === 'string' ? new Error(reason) : reason) as unknown as string;
}

/** Whether something ended in time. */
async function within(done: Promise<unknown>, millis: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    const late = delay(millis, false, { signal: timer.signal });
    return await Promise.race([done.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
