import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExtractionMode, Extractor } from '../extractor.js';
import { modeOf } from '../modes.js';
import { charsetOf, toUtf8 } from './charset.js';
import { type Exchange, exchangeOf } from './exchange.js';
import { Refusal } from './failures.js';
import { type FetchedPage, fetchPage } from './fetch-page.js';
import { FORMATS, formatOf } from './negotiation.js';

/** What a page may be asked for with, in the query; in a JSON body too. */
export interface Wishes {
  readonly url?: string;
  readonly mode?: string;
}

export interface Query extends Wishes {
  readonly selector?: string | readonly string[];
}

export interface JsonBody extends Wishes {
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
  readonly url: string;
  readonly mode: ExtractionMode;
}

/** `POST /extract`. `maxBytes`: of a page that is fetched; 0 where none may be. */
export function extractHandler(extractor: Extractor, maxBytes: number) {
  return async (request: FastifyRequest<ExtractRoute>, reply: FastifyReply) => {
    const format = formatOf(request.headers.accept);
    if (format === undefined) {
      const types = FORMATS.map(([, type]) => type).join(', ');
      throw new Refusal(406, 'ERR_NOT_ACCEPTABLE', `there are ${types}`);
    }
    const exchange = exchangeOf(request.raw);
    const { signal } = exchange;
    const asked = await askedOf(request);
    const { html, url } = asked.html === undefined ? await fetched(asked.url, maxBytes, exchange) : (asked as Given);
    const content = await extractor.extract(html, url, asked.mode, { signal });
    reply.header('vary', 'accept');
    if (format === 'json') {
      return reply.type('application/json; charset=utf-8').send(exchange.answer(JSON.stringify(content)));
    }
    return reply
      .type(`${format === 'text' ? 'text/plain' : 'text/markdown'}; charset=utf-8`)
      .send(exchange.answer(content[format]));
  };
}

type Given = Asked & { readonly html: string | Uint8Array };

async function askedOf({ query, body, headers }: FastifyRequest<ExtractRoute>): Promise<Asked> {
  const selectors = typeof query.selector === 'string' ? [query.selector] : (query.selector ?? []);
  if (body === undefined) throw new Refusal(400, 'ERR_BAD_BODY', 'a body is missing: HTML, or JSON with html or url');
  if (Buffer.isBuffer(body)) {
    const html = await toUtf8(body, charsetOf(headers['content-type']));
    return { html, url: query.url ?? '', mode: checkedMode(query.mode, selectors) };
  }
  const mode = checkedMode(body.mode ?? query.mode, body.selectors ?? selectors);
  return { html: body.html, url: body.url ?? query.url ?? '', mode };
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
