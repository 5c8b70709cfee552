import { Readable } from 'node:stream';
import { gather, limited } from '../page/body.js';
import { fetchPage } from '../page/fetch-page.js';
import { gunzip } from '../page/gzip.js';
import type { HandlerOptions } from './handler.js';
import type { CheckedJob } from './job.js';
import { JobError } from './job-error.js';

interface Page {
  readonly html: string | Uint8Array;
  readonly url: string;
  readonly contentType: string | undefined;
}

/** The page of a job, from where its data says. @internal */
export async function pageOf(job: CheckedJob, options: HandlerOptions, signal: AbortSignal): Promise<Page> {
  const { source, url, contentType } = job;
  const { pages, fetch = false, allowAddress, maxPageBytes: maxBytes = 8 * 2 ** 20 } = options;
  switch (source.kind) {
    case 'html':
      return { html: source.html, url, contentType };
    case 'key': {
      const { key } = source;
      if (pages === undefined) throw new JobError('ERR_JOB_NO_PAGES', 'the worker has no store of pages');
      const stored = await pages.get(key);
      signal.throwIfAborted();
      if (stored === undefined) throw new JobError('ERR_JOB_PAGE_MISSING', `no page under ${key}`);
      const html = await unzipped(stored, key, maxBytes);
      if (html.length > maxBytes) throw tooLarge(key, maxBytes);
      return { html, url, contentType };
    }
    case 'url':
      if (!fetch)
        throw new JobError('ERR_JOB_FETCH_OFF', 'the worker fetches no pages (fetch: true, or --allow-fetch)');
      return fetchPage(url, { maxBytes, ...(allowAddress && { allowAddress }) }, signal);
  }
}

/** No page begins as gzip does. */
async function unzipped(stored: Uint8Array, key: string, maxBytes: number): Promise<Uint8Array> {
  if (stored[0] !== 0x1f || stored[1] !== 0x8b) return stored;
  try {
    return await gather(limited(gunzip(Readable.from([stored])), maxBytes, () => tooLarge(key, maxBytes)));
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('ERR_JOB_PAGE_DAMAGED', `the page under ${key} cannot be decompressed`, { cause });
  }
}

function tooLarge(key: string, maxBytes: number): JobError {
  return new JobError('ERR_JOB_PAGE_TOO_LARGE', `more than ${maxBytes} bytes under ${key}`);
}
