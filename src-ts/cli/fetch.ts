import { type ClientRequest, get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { buildInfo } from '../native.js';
import { ACCEPTED_ENCODINGS, decoded, gather, limited } from '../page/body.js';
import { locationOf } from '../page/redirect.js';
import { isPageUrl } from '../page/url.js';
import { Failure } from './failure.js';

/** A page as it came. */
export interface Answer {
  readonly bytes: Uint8Array;
  /** Empty where it has none. */
  readonly url: string;
  /** Its `content-type`. */
  readonly type: string | undefined;
}

const TIMEOUT_MILLIS = 30_000;
const MAX_REDIRECTS = 20;

/**
 * What is at a URL, after redirects. By `node:http`, not `fetch`: that cannot read gzip with something behind its end.
 *
 * @param refusal of more than `maxBytes`, both as sent and decompressed
 * @throws Failure for another status than 2xx
 */
export async function fetchBytes(source: string, maxBytes: number, refusal: () => Error): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT_MILLIS);
  let url = checkedUrl(source);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await ask(url, signal);
    try {
      const { statusCode = 0, statusMessage = '', headers } = response;
      const location = locationOf(response);
      if (location !== undefined) {
        url = checkedUrl(location, url);
        continue;
      }
      if (statusCode < 200 || statusCode > 299) {
        throw new Failure(`${source}: HTTP ${statusCode} ${statusMessage}`.trim());
      }
      const body = decoded(limited(response, maxBytes, refusal), headers['content-encoding']);
      const bytes = await gather(limited(body, maxBytes, refusal));
      return { bytes, url: url.href, type: headers['content-type'] };
    } finally {
      response.destroy();
    }
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

function checkedUrl(text: string, base?: URL): URL {
  const url = new URL(text, base);
  if (!isPageUrl(url.href)) throw new Error(`redirected to ${url.protocol}`);
  if (url.username !== '' || url.password !== '') throw new Error('the URL has credentials');
  url.hash = '';
  return url;
}

function ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = {
    accept: 'text/html, application/xhtml+xml;q=0.9, */*;q=0.1',
    'accept-encoding': ACCEPTED_ENCODINGS,
    'user-agent': `riptide-wasm/${buildInfo().version}`,
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest =
      url.protocol === 'https:' ? getHttps(url, { headers, signal }) : getHttp(url, { headers, signal });
    request.on('response', resolve).on('error', reject);
  });
}
