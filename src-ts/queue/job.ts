import { createHash } from 'node:crypto';
import type { ExtractionMode } from '../extractor.js';
import { modeOf } from '../modes.js';
import { isRecord } from '../options.js';
import { isPageUrl } from '../page/url.js';
import { JobError } from './job-error.js';
import { isKey } from './store.js';

/**
 * The data of a job: one page, by its `html`, by its `key` in a store of pages, or by its `url` alone, which is fetched
 * then. Further fields are the producer's own; they are left alone.
 */
export interface PageJob {
  /** The page's address (`http:` or `https:`), which its links are resolved against; without `html` and `key` it is fetched. */
  url?: string | undefined;
  /** Where the page lies in the worker's store of pages. */
  key?: string | undefined;
  /** The page itself, if it is small: every job's data lies in Redis until the job is removed. */
  html?: string | undefined;
  /** The `content-type` of the page under `key`; as `contentType` of {@link PageOptions}. */
  contentType?: string | undefined;
  /**
   * Which part of the page to extract: `article`, `full`, `metadata` or `custom`.
   * @default 'custom' with selectors, else 'article'
   */
  mode?: string | undefined;
  /** The CSS selectors of mode `custom`. */
  selectors?: readonly string[] | undefined;
  /**
   * The key in the store of results.
   * @default a digest of what is asked for, so that a job that runs twice writes the same key
   */
  result?: string | undefined;
}

/** A job whose data was checked. @internal */
export interface CheckedJob {
  readonly source:
    | { readonly kind: 'html'; readonly html: string }
    | { readonly kind: 'key'; readonly key: string }
    | { readonly kind: 'url' };
  readonly url: string;
  readonly contentType: string | undefined;
  readonly mode: ExtractionMode;
  readonly result: string;
}

/** The most UTF-8 bytes of `html` in a job, unless a worker says otherwise: 256 KiB. @internal */
export const MAX_HTML_BYTES = 262_144;

/** The most selectors of a job, as of a request of the server. */
const MAX_SELECTORS = 100;

const TEXTS = ['url', 'key', 'html', 'contentType', 'mode', 'result'] as const;

/**
 * Checks the data of a job.
 *
 * @param maxHtmlBytes the most UTF-8 bytes of its `html`
 * @throws JobError `ERR_JOB_DATA` what is wrong with it
 * @internal
 */
export function checkJob(data: unknown, maxHtmlBytes = MAX_HTML_BYTES): CheckedJob {
  if (!isRecord(data)) throw bad('is an object with url, key or html');
  for (const name of TEXTS) {
    if (data[name] !== undefined && typeof data[name] !== 'string') throw bad(`has a ${name} that is no string`);
  }
  const { url, key, html, contentType, mode, result } = data as PageJob;
  if (url !== undefined && !isPageUrl(url)) throw bad('has a url that is no http: or https: address');
  if (key !== undefined && !isKey(key)) throw bad('has a key that is none');
  if (result !== undefined && !isKey(result)) throw bad('has a result that is no key');
  if (html !== undefined && key !== undefined) throw bad('has html and a key: one page, please');
  if (html !== undefined && Buffer.byteLength(html) > maxHtmlBytes) {
    throw bad(
      `has ${Buffer.byteLength(html)} bytes of html; more than ${maxHtmlBytes} go into a store, and the job has its key`,
    );
  }
  const selectors = selectorsOf(data.selectors);
  const parsed = modeOf(mode, selectors);
  if (typeof parsed === 'object' && 'problem' in parsed) throw bad(parsed.problem);
  return {
    source: sourceOf(html, key, url),
    url: url ?? '',
    contentType,
    mode: parsed,
    result: result ?? resultKey({ url, key, html, contentType, mode: parsed }),
  };
}

function sourceOf(html: string | undefined, key: string | undefined, url: string | undefined): CheckedJob['source'] {
  if (html !== undefined) return { kind: 'html', html };
  if (key !== undefined) return { kind: 'key', key };
  if (url !== undefined) return { kind: 'url' };
  throw bad('has neither url nor key nor html');
}

function selectorsOf(given: unknown): readonly string[] {
  if (given === undefined) return [];
  const fits =
    Array.isArray(given) && given.length <= MAX_SELECTORS && given.every((selector) => typeof selector === 'string');
  if (!fits) throw bad(`has selectors that are no array of up to ${MAX_SELECTORS} strings`);
  return given;
}

/** Equal jobs have equal keys. In folders by two letters: a folder of a million files is slow to list. */
function resultKey(asked: object): string {
  const digest = jobDigest(asked);
  return `${digest.slice(0, 2)}/${digest}.json`;
}

/** The digest (SHA-256, hexadecimal) of what a job asks for. @internal */
export function jobDigest(asked: object): string {
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

function bad(what: string): JobError {
  return new JobError('ERR_JOB_DATA', `a job ${what}`);
}
