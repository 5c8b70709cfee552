import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExtractionMode, Extractor } from '../extractor.js';
import { modeOf } from '../modes.js';
import { type FetchedPage, fetchPage } from '../page/fetch-page.js';
import { isPageUrl } from '../page/url.js';
import { type Exchange, exchangeOf } from './exchange.js';
import { Refusal } from './failures.js';
import { acceptedFormat, MEDIA_TYPES } from './negotiation.js';

/** What a page may be asked for with, in the query; in a JSON body too. */
export interface ExtractOptions {
  readonly url?: string;
  readonly mode?: string;
}

export interface Query extends ExtractOptions {
  readonly selector?: string | readonly string[];
}

export interface JsonBody extends ExtractOptions {
  readonly html?: string;
  readonly selectors?: readonly string[];
}

export interface ExtractRoute {
  Querystring: Query;
  /** Bytes of HTML; nothing where there is no body. */
  Body: Buffer | JsonBody | undefined;
}

interface Asked {
  readonly html: string | Uint8Array | undefined;
  /** Of a page that is bytes. */
  readonly contentType?: string | undefined;
  readonly url: string;
  readonly mode: ExtractionMode;
}

/** `POST /extract`. `maxBytes`: of a page that is fetched; 0 where none may be. */
export function extractHandler(extractor: Extractor, maxBytes: number) {
  return async (request: FastifyRequest<ExtractRoute>, reply: FastifyReply) => {
    const format = acceptedFormat(request.headers.accept);
    const exchange = exchangeOf(request.raw);
    const { signal } = exchange;
    const { html: sent, url: address, mode, contentType: type } = askedOf(request);
    const { html, url, contentType } =
      sent === undefined ? await fetched(address, maxBytes, exchange) : { html: sent, url: address, contentType: type };
    const content = await extractor.extract(html, url, mode, { signal, contentType });
    const text = format === 'json' ? JSON.stringify(content) : content[format];
    return reply.header('vary', 'accept').type(`${MEDIA_TYPES[format]}; charset=utf-8`).send(exchange.answer(text));
  };
}

function askedOf({ query, body, headers }: FastifyRequest<ExtractRoute>): Asked {
  const selectors = typeof query.selector === 'string' ? [query.selector] : (query.selector ?? []);
  if (body === undefined) throw new Refusal(400, 'ERR_BAD_BODY', 'a body is missing: HTML, or JSON with html or url');
  if (Buffer.isBuffer(body)) {
    const contentType = headers['content-type'];
    return { html: body, contentType, url: checkedUrl(query.url), mode: checkedMode(query.mode, selectors) };
  }
  const mode = checkedMode(body.mode ?? query.mode, body.selectors ?? selectors);
  return { html: body.html, url: checkedUrl(body.url ?? query.url), mode };
}

function checkedUrl(url: string | undefined): string {
  if (url !== undefined && !isPageUrl(url)) {
    throw new Refusal(400, 'ERR_BAD_URL', "url is the page's address, with http: or https:");
  }
  return url ?? '';
}

function checkedMode(name: string | undefined, selectors: readonly string[]): ExtractionMode {
  const mode = modeOf(name, selectors);
  if (typeof mode === 'object' && 'problem' in mode) throw new Refusal(400, 'ERR_BAD_MODE', mode.problem);
  return mode;
}

async function fetched(url: string, maxBytes: number, exchange: Exchange): Promise<FetchedPage> {
  if (maxBytes === 0) {
    throw new Refusal(403, 'ERR_FETCH_OFF', 'this server fetches no pages: send its html along with the url');
  }
  const hold = exchange.beginFetch();
  try {
    return await fetchPage(url, { maxBytes, hold }, exchange.signal);
  } finally {
    exchange.endFetch();
  }
}
