import { type ErrorCode, MemoryLimitError, RejectedError, RiptideError } from '../errors.js';
import { ExtractionError, type ExtractionFailure } from '../extraction-error.js';
import { FetchError } from '../page/fetch-page.js';
import { JobError } from './job-error.js';

/**
 * Whether a job that failed is tried again: `never`, since it would fail in the same way; after a `backoff`, which costs one
 * of its attempts; or `later`, which costs none, since the worker had no room for it.
 */
export type RetryPolicy = 'never' | 'backoff' | 'later';

/** By code. A page that traps, or takes too long, is tried again: the machine may have been at fault. */
const CODES: Readonly<Record<ErrorCode, RetryPolicy>> = {
  ERR_BAD_OPTION: 'never',
  ERR_BAD_ARGUMENT: 'never',
  ERR_READ: 'backoff',
  ERR_COMPILE: 'never',
  ERR_COMPILE_LIMIT: 'never',
  ERR_SIMD_DISABLED: 'never',
  ERR_WRONG_KIND: 'never',
  ERR_LINK: 'never',
  ERR_MISSING_EXPORT: 'never',
  ERR_TRAP: 'backoff',
  ERR_STACK_OVERFLOW: 'never',
  ERR_MEMORY_LIMIT: 'never', // unless others held the memory
  ERR_TIMEOUT: 'backoff',
  ERR_OUT_OF_FUEL: 'never',
  ERR_ABORTED: 'later', // the pool was destroyed
  ERR_GUEST: 'backoff', // the extractor's say more
  ERR_EXIT: 'backoff',
  ERR_HOST_FUNCTION: 'backoff',
  ERR_RESULT_TOO_LARGE: 'never',
  ERR_QUEUE_FULL: 'later',
  ERR_ACQUIRE_TIMEOUT: 'later',
  ERR_REENTRANT: 'backoff',
  ERR_BREAKER_OPEN: 'later',
  ERR_NO_SLOT: 'later',
  ERR_BUSY: 'backoff',
  ERR_CLOSED: 'later',
  ERR_UNSUPPORTED: 'never',
  ERR_INTERNAL: 'backoff',
};

const EXTRACTIONS: Readonly<Record<ExtractionFailure['tag'], RetryPolicy>> = {
  'invalid-html': 'never',
  'parse-error': 'never',
  'resource-limit': 'never',
  'extractor-error': 'never',
  'internal-error': 'backoff',
  'unsupported-mode': 'never',
};

const FETCHES: Readonly<Record<FetchError['code'], RetryPolicy>> = {
  ERR_FETCH_URL: 'never',
  ERR_FETCH_ADDRESS: 'never',
  ERR_FETCH_FAILED: 'backoff',
  ERR_FETCH_STATUS: 'never', // unless the status is one that passes
  ERR_FETCH_TYPE: 'never',
  ERR_FETCH_TOO_LARGE: 'never',
  ERR_FETCH_REDIRECTS: 'never',
};

/** Statuses below 500 that say: not now. */
const PASSING: readonly number[] = [408, 421, 425, 429];

/** Limits that a page exceeds by itself, whatever others hold. */
const OWN_LIMITS: readonly unknown[] = ['instance', 'memory type', 'tables'];

/** Whether a job that failed with an error is tried again. An error of others, such as a store's, may pass. */
export function retryPolicy(error: unknown): RetryPolicy {
  if (error instanceof JobError) return 'never';
  if (error instanceof FetchError) {
    const { code, answered = 0 } = error;
    return code === 'ERR_FETCH_STATUS' && (answered >= 500 || PASSING.includes(answered)) ? 'backoff' : FETCHES[code];
  }
  if (error instanceof ExtractionError) return EXTRACTIONS[error.payload.tag];
  if (error instanceof MemoryLimitError && !OWN_LIMITS.includes(error.details.limitedBy)) return 'later';
  return error instanceof RiptideError ? CODES[error.code] : 'backoff';
}

/** How long a job waits that is tried again `later`, in milliseconds: a second, or until the breaker may close. */
export function laterMillis(error: unknown): number {
  const reset = error instanceof RejectedError ? error.details.resetMillis : undefined;
  return Math.max(1_000, typeof reset === 'number' ? Math.ceil(reset) : 0);
}
