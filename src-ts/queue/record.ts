import { types } from 'node:util';
import { JobError } from './job-error.js';

/** The most bytes of JSON that a job may return: they lie in the job, and again in the queue's stream of events. @internal */
export const MAX_RECORD_BYTES = 65_536;

/**
 * What a handler returned, if it goes through a queue as it is and is small. JSON has no bigint (BullMQ fails the job on one,
 * attempt after attempt), makes `null` of NaN and an object of numbers of bytes.
 *
 * @throws JobError `ERR_JOB_RECORD`
 */
export function checkRecord<T>(value: T): T {
  let json: string | undefined;
  try {
    json = JSON.stringify(value, (name, part: unknown) => {
      if (typeof part === 'bigint') throw bad(`${name || 'it'} is a bigint: return it as a string`);
      if (typeof part === 'number' && !Number.isFinite(part)) throw bad(`${name || 'it'} is ${part}`);
      if (ArrayBuffer.isView(part) || types.isAnyArrayBuffer(part))
        throw bad(`${name || 'it'} is bytes: put them into a store`);
      return part;
    });
  } catch (error) {
    throw error instanceof JobError ? error : bad(error instanceof Error ? error.message : 'it is no JSON');
  }
  const bytes = json === undefined ? 0 : Buffer.byteLength(json);
  if (bytes > MAX_RECORD_BYTES) {
    throw bad(`it has ${bytes} bytes as JSON; more than ${MAX_RECORD_BYTES} go into a store of results`);
  }
  return value;
}

function bad(why: string): JobError {
  return new JobError('ERR_JOB_RECORD', `what the job returned cannot go through the queue: ${why}`);
}
