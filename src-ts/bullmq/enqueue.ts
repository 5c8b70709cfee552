import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobsOptions, Queue } from 'bullmq';
import { abortSignal, callback, checkOptions, whole } from '../options.js';
import { cleanText } from '../queue/failure-message.js';
import { checkJob, jobDigest, type PageJob } from '../queue/job.js';

/** How often the queue's length is looked at while it is too long. */
const LOOK_MILLIS = 250;

/** A page's data takes at most this many bytes of JSON: its `html`, escaped, and the rest. */
const MAX_DATA_BYTES = 1_048_576;

/**
 * The options of a job that a worker of this package does well by: three attempts, with a pause between them that doubles and
 * is not the same for all. None about removal: that is the worker's to say, for the whole queue.
 */
export const jobOptions: Readonly<Pick<JobsOptions, 'attempts' | 'backoff' | 'sizeLimit'>> = Object.freeze({
  attempts: 3,
  backoff: Object.freeze({ type: 'exponential', delay: 1_000, jitter: 0.5 }),
  sizeLimit: MAX_DATA_BYTES,
});

/** A job as `queue.addBulk` takes it. */
export interface BulkJob {
  /** `page`. */
  name: string;
  /** The page. */
  data: PageJob;
  /** {@link jobOptions}, with a digest of the data by which the same page is not queued twice at once. */
  opts: JobsOptions;
}

/**
 * The job of a page: checked as the worker will check it, and without what some databases refuse (U+0000, lone surrogates).
 * While an equal one waits or runs, it is not added again.
 *
 * @throws JobError `ERR_JOB_DATA` what is wrong with it.
 */
export function pageJob(page: PageJob): BulkJob {
  checkJob(page);
  const data = JSON.parse(JSON.stringify(page, (_, part) => (typeof part === 'string' ? cleanText(part) : part)));
  return { name: 'page', data, opts: { ...jobOptions, deduplication: { id: `p${jobDigest(data)}` } } };
}

/** Options of {@link enqueue}. */
export interface EnqueueOptions {
  /**
   * How many jobs go to Redis at once: 1 to 10,000.
   * @default 500
   */
  chunk?: number | undefined;
  /**
   * With more jobs than this waiting it waits itself: 1 to 1,000,000,000.
   * @default 10_000
   */
  maxBacklog?: number | undefined;
  /** Called after each chunk, and while it waits. */
  onProgress?: ((progress: EnqueueProgress) => void) | undefined;
  /** Ends it; the jobs that were added stay. */
  signal?: AbortSignal | undefined;
}

/** How far {@link enqueue} is. */
export interface EnqueueProgress {
  /** Pages that Redis has taken. */
  readonly added: number;
  /** Jobs of the queue that wait: for a worker, or for the time of their next attempt. */
  readonly backlog: number;
  /** Whether it waits for that to fall. */
  readonly waiting: boolean;
}

const RULES = {
  chunk: whole(1, 10_000),
  maxBacklog: whole(1, 1_000_000_000),
  onProgress: callback,
  signal: abortSignal,
};

/**
 * Adds pages to a queue, in chunks, and no faster than they are done. While Redis is away it waits, without a limit.
 *
 * @returns how many were added
 * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range.
 * @throws JobError `ERR_JOB_DATA` for a page that is none; those of the chunks before have been added.
 * @throws Error what BullMQ says, or that it added less than it was given.
 */
export async function enqueue(
  queue: Queue,
  pages: Iterable<PageJob> | AsyncIterable<PageJob>,
  given: EnqueueOptions = {},
): Promise<number> {
  const { chunk = 500, maxBacklog = 10_000, onProgress, signal } = checkOptions(given, RULES);
  let added = 0;
  let jobs: BulkJob[] = [];
  const flush = async () => {
    const backlog = await room(queue, maxBacklog, signal, (backlog) => onProgress?.({ added, backlog, waiting: true }));
    const answers = await add(queue, jobs, signal);
    // What Redis's script refuses comes back as a job too, with an error's number for an id.
    const refused = answers.filter(({ id }) => id === undefined || id.startsWith('-'));
    if (answers.length !== jobs.length || refused.length > 0) {
      throw new Error(`${jobs.length - answers.length + refused.length} of ${jobs.length} jobs were not added`);
    }
    added += jobs.length;
    jobs = [];
    onProgress?.({ added, backlog: backlog + answers.length, waiting: false });
  };
  const size = Math.min(chunk, maxBacklog);
  // So that a chunk can be sent again whose answer was lost: BullMQ adds no id twice.
  const run = `e${randomBytes(9).toString('base64url')}`;
  let next = 0;
  for await (const page of pages) {
    signal?.throwIfAborted();
    const job = pageJob(page);
    jobs.push({ ...job, opts: { ...job.opts, jobId: `${run}-${next++}` } });
    if (jobs.length >= size) await flush();
  }
  if (jobs.length > 0) await flush();
  return added;
}

/** Adds jobs, again and again while the connection is lost in the middle of it. */
async function add(queue: Queue, jobs: BulkJob[], signal: AbortSignal | undefined) {
  for (;;) {
    try {
      return await queue.addBulk(jobs);
    } catch (error) {
      if (queue.closing !== undefined || !isDisconnection(error)) throw error;
      await delay(LOOK_MILLIS, undefined, { signal });
    }
  }
}

/** As ioredis says that an answer, or a connection, is lost: to a pipeline otherwise than to a command. */
function isDisconnection(error: unknown): boolean {
  const { name, message, code } = Object(error) as { name?: unknown; message?: unknown; code?: unknown };
  return (
    name === 'MaxRetriesPerRequestError' ||
    message === 'Connection is closed.' ||
    message === 'Command aborted due to connection close' ||
    /^E(CONN|PIPE|TIMEDOUT|NOENT)/.test(String(code))
  );
}

/** Resolves once a queue's backlog is small enough. */
async function room(
  queue: Queue,
  maxBacklog: number,
  signal: AbortSignal | undefined,
  waits: (backlog: number) => void,
): Promise<number> {
  for (;;) {
    const counts = await queue.getJobCounts('waiting', 'prioritized', 'delayed');
    const backlog = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (backlog <= maxBacklog) return backlog;
    waits(backlog);
    await delay(LOOK_MILLIS, undefined, { signal });
  }
}
