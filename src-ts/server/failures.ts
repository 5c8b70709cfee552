import type { FastifyError } from 'fastify';
import { GuestError, MemoryLimitError, RejectedError, RiptideError } from '../errors.js';
import { ExtractionError } from '../extraction-error.js';
import { Refusal } from '../page/refusal.js';

export { Refusal };

/** How a failure is answered. */
export interface Answer {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfter?: number | undefined;
}

/** The status of a request whose client did not wait for its answer; only metrics and logs show it. */
export const HUNG_UP = 499;

/** A second: what a queue of short calls needs to move on. */
export const SOON_SECONDS = 1;

/** The status of each failure of a call that is not the service's own fault (500). */
const STATUS_CODES: Readonly<Record<string, number>> = {
  ERR_BAD_ARGUMENT: 400,
  ERR_TIMEOUT: 504,
  ERR_ACQUIRE_TIMEOUT: 503,
  ERR_QUEUE_FULL: 503,
  ERR_BREAKER_OPEN: 503,
  ERR_CLOSED: 503,
  ERR_ABORTED: 503,
  ERR_NO_SLOT: 503,
  ERR_RESULT_TOO_LARGE: 422,
};

/** The answer to a request's failure. The message of a fault in the server itself is left out. */
export function answerOf(error: unknown): Answer {
  if (error instanceof Refusal) return error;
  if (error instanceof ExtractionError) return ofExtraction(error);
  if (error instanceof MemoryLimitError) return ofMemory(error);
  if (error instanceof RiptideError) {
    const statusCode = STATUS_CODES[error.code] ?? 500;
    const message =
      statusCode === 500 && !(error instanceof GuestError) ? 'the page could not be extracted' : error.message;
    return { statusCode, code: error.code, message, retryAfter: statusCode === 503 ? retryAfter(error) : undefined };
  }
  return ofOthers(error);
}

function ofExtraction({ payload, code, message }: ExtractionError): Answer {
  const { tag } = payload;
  const statusCode = tag === 'unsupported-mode' ? 400 : tag === 'internal-error' ? 500 : 422;
  return { statusCode, code, message };
}

/** A page that needs more than one instance may hold is the page's fault; a budget that others fill is not. */
function ofMemory({ code, details, message }: MemoryLimitError): Answer {
  const own = details.limitedBy === 'instance' || details.limitedBy === 'memory type' || details.limitedBy === 'tables';
  return own ? { statusCode: 422, code, message } : { statusCode: 503, code, message, retryAfter: SOON_SECONDS };
}

/** From the breaker, or soon. */
function retryAfter(error: RiptideError): number {
  const millis = error instanceof RejectedError ? error.details.resetMillis : undefined;
  return typeof millis === 'number' ? inSeconds(millis) : SOON_SECONDS;
}

/** Milliseconds as `Retry-After` has them: whole seconds, one or more. */
export function inSeconds(millis: number): number {
  return Math.max(1, Math.ceil(millis / 1_000));
}

/** Errors of Fastify and of added routes about the request keep their message; those about the server do not. */
function ofOthers(error: unknown): Answer {
  const { statusCode, code, message } = (error ?? {}) as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { statusCode, code: code ?? 'ERR_BAD_REQUEST', message: message ?? '' };
  const broken = statusCode !== undefined && statusCode >= 500 && statusCode < 600 ? statusCode : 500;
  return { statusCode: broken, code: 'ERR_INTERNAL', message: 'the request could not be answered' };
}
