import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { failureMessage } from '../queue/failure-message.js';
import type { Handler } from '../queue/handler.js';
import { checkRecord } from '../queue/record.js';
import { laterMillis, retryPolicy } from '../queue/retry-policy.js';

/** Why a job was ended: its worker gives it back to the queue. @internal */
export class GivenBack extends Error {}

/** Why a job was ended: it is another worker's by now. @internal */
export class LockLost extends Error {
  constructor() {
    super('the lock of the job was lost');
  }
}

/**
 * Does a job, and ends as BullMQ wants to hear it: with a small record; with an `UnrecoverableError` where no attempt would end
 * otherwise; with an `Error`, always, where one may; or with the job back in the queue, which costs no attempt.
 *
 * @internal
 */
export async function processJob(
  handler: Handler<unknown, unknown>,
  job: Job,
  token: string | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  try {
    return checkRecord(await handler(job.data, { signal }));
  } catch (thrown) {
    const reason: unknown = signal?.aborted ? signal.reason : undefined;
    if (reason instanceof GivenBack) {
      await job.moveToWait(token);
      throw new WaitingError(failureMessage(reason));
    }
    if (thrown === reason && reason instanceof UnrecoverableError) throw reason;
    const policy = retryPolicy(thrown);
    if (policy === 'later' && !(reason instanceof LockLost)) {
      await job.moveToDelayed(Date.now() + laterMillis(thrown), token);
      throw new DelayedError(failureMessage(thrown));
    }
    throw policy === 'never' ? unrecoverable(thrown) : new Error(failureMessage(thrown), { cause: thrown });
  }
}

function unrecoverable(cause: unknown): UnrecoverableError {
  const error = new UnrecoverableError(failureMessage(cause));
  error.cause = cause;
  return error;
}
