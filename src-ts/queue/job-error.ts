/** Why a job of a queue cannot be done, beside the failures of extraction and fetching. */
export type JobErrorCode =
  /** The job's data is no page's. */
  | 'ERR_JOB_DATA'
  /** The job names a key, and the worker has no store of pages. */
  | 'ERR_JOB_NO_PAGES'
  /** The store of pages has nothing under the job's key. */
  | 'ERR_JOB_PAGE_MISSING'
  /** The page is larger than the worker takes. */
  | 'ERR_JOB_PAGE_TOO_LARGE'
  /** The page begins as gzip does, and is none. */
  | 'ERR_JOB_PAGE_DAMAGED'
  /** The page would have to be fetched, and the worker fetches none. */
  | 'ERR_JOB_FETCH_OFF'
  /** What the handler returned does not go through a queue as it is, or is too large for one. */
  | 'ERR_JOB_RECORD';

/** A job that cannot be done; no further attempt would end otherwise. */
export class JobError extends Error {
  static {
    Object.defineProperty(JobError.prototype, 'name', { value: 'JobError', configurable: true, writable: true });
  }

  /** Which failure it is. */
  readonly code: JobErrorCode;

  constructor(code: JobErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
