import { createHash } from 'node:crypto';
import { type Extracted, Extractor } from '../extractor.js';
import { MAX_PAGE_BYTES } from '../html.js';
import { callback, checkOptions, flag, isRecord, millis, whole } from '../options.js';
import type { FetchOptions } from '../page/fetch-page.js';
import { cleanText } from './failure-message.js';
import { checkJob, MAX_HTML_BYTES } from './job.js';
import { pageOf } from './page.js';
import { checkRecord } from './record.js';
import type { Store } from './store.js';

/** Options of {@link createHandler}. */
export interface HandlerOptions {
  /** The extractor that does the work; it stays its caller's to close. */
  extractor: Extractor;
  /**
   * Where results go, as JSON ({@link Extracted}). Without it the result is in the record, as `content`, and a larger one
   * than 60 KiB fails its job (`ERR_JOB_RECORD`).
   * @default none
   */
  results?: Store | undefined;
  /**
   * Where the pages of jobs with a `key` are; those that gzip compressed are decompressed.
   * @default none: such a job fails (`ERR_JOB_NO_PAGES`)
   */
  pages?: Store | undefined;
  /**
   * Whether pages are fetched by their URL: from public addresses only, as by the server.
   * @default false
   */
  fetch?: boolean | undefined;
  /**
   * The largest page, in bytes: 1 to 33,554,432, which is what the extractor takes.
   * @default 8 MiB
   */
  maxPageBytes?: number | undefined;
  /**
   * The largest `html` in a job's data, in bytes of UTF-8: 1 to 33,554,432.
   * @default 256 KiB
   */
  maxHtmlBytes?: number | undefined;
  /**
   * How long one attempt may take, fetching and storing included, in milliseconds.
   * @default 60_000
   */
  timeoutMillis?: number | undefined;
  /** As of the fetch; for tests. @internal */
  allowAddress?: FetchOptions['allowAddress'] | undefined;
}

/** What a job leaves in the queue: small, and all of it JSON. */
export interface PageRecord {
  /** Where the result lies in the store of results; absent where there is none. */
  key?: string;
  /** The result itself, where there is no store. */
  content?: Extracted;
  /** The digest of the result's JSON: SHA-256, hexadecimal. */
  digest: string;
  /** Size of the result's JSON in bytes (UTF-8). */
  bytes: number;
  /** Size of the page's HTML in bytes (UTF-8). */
  inputBytes: number;
  /** Words in the extracted text. */
  wordCount: number;
}

/** What a {@link Handler} is given beside the job's data. */
export interface HandlerContext {
  /** Ends the job: the fetch, the guest. */
  signal?: AbortSignal | undefined;
}

/** Does one job of any queue, and returns what the queue keeps. */
export type Handler<D = unknown, R = PageRecord> = (data: D, context?: HandlerContext) => Promise<R>;

const STORE = {
  allowed: 'a store, with the methods get and put',
  accepts: (value: unknown) => isRecord(value) && typeof value.get === 'function' && typeof value.put === 'function',
};

/** @internal */
export const HANDLER_RULES = {
  extractor: { allowed: 'an Extractor', accepts: (value: unknown) => value instanceof Extractor },
  results: STORE,
  pages: STORE,
  fetch: flag,
  maxPageBytes: whole(1, MAX_PAGE_BYTES, 'bytes'),
  maxHtmlBytes: whole(1, MAX_PAGE_BYTES, 'bytes'),
  timeoutMillis: millis,
  allowAddress: callback,
};

/**
 * A function that does jobs of any queue: it takes a {@link PageJob}, checks it, gets the page, extracts it, stores the result
 * and returns a small record. A job that runs twice, as jobs of every queue may, writes the same key with the same bytes.
 *
 * ```js
 * const handler = createHandler({ extractor: await createExtractor(), results: new FolderStore('results'), fetch: true });
 * const { key, digest } = await handler({ url: 'https://example.com/' }, { signal: AbortSignal.timeout(10_000) });
 * ```
 *
 * What it rejects with says by {@link retryPolicy} whether another attempt makes sense.
 *
 * @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value that cannot be used.
 */
export function createHandler(given: HandlerOptions): Handler {
  const options = checkOptions(given, HANDLER_RULES);
  if (options.extractor === undefined) checkOptions({ extractor: null }, HANDLER_RULES);
  const { extractor, results, timeoutMillis = 60_000, maxHtmlBytes = MAX_HTML_BYTES } = options;
  return async (data, context = {}) => {
    const job = checkJob(data, maxHtmlBytes);
    const limit = AbortSignal.timeout(timeoutMillis);
    const signal = context.signal === undefined ? limit : AbortSignal.any([context.signal, limit]);
    signal.throwIfAborted();
    const { html, url, contentType } = await pageOf(job, options, signal);
    const { content, stats } = await extractor.extractWithStats(html, url, job.mode, { signal, contentType });
    const json = JSON.stringify(content, (_, part) => (typeof part === 'string' ? cleanText(part) : part));
    const digest = createHash('sha256').update(json).digest('hex');
    const record = {
      digest,
      bytes: Buffer.byteLength(json),
      inputBytes: stats.inputBytes,
      wordCount: content.wordCount,
    };
    if (results === undefined) return checkRecord({ content: JSON.parse(json) as Extracted, ...record });
    signal.throwIfAborted();
    await results.put(job.result, json);
    return { key: job.result, ...record };
  };
}
