// Pages for the siege, with their right answers: by the extractor in this process, without a server around it.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { gunzipSync } from 'node:zlib';
import { pages as manual } from '../../benchmark/pages.mjs';
import { ExtractionError, MemoryLimitError, RiptideError } from '../../dist/index.js';

const MOST_PAGES = 50;
const URL = 'https://example.com/siege';
const PARAGRAPH = 'Tides come in twice a day, and with them come the small boats that fish the bay, each with a lamp. ';

/** HTML of a folder (`*.html`, `*.html.gz`); npm's manual without one; made up where that is not there either. */
export function goodPages(folder) {
  if (folder !== undefined) {
    const names = readdirSync(folder).filter((name) => /\.html(\.gz)?$/.test(name));
    const read = (name) => readFileSync(path.join(folder, name));
    return names.map((name) => (name.endsWith('.gz') ? gunzipSync(read(name)) : read(name)));
  }
  try {
    return manual(MOST_PAGES);
  } catch {
    return Array.from({ length: MOST_PAGES }, (_, n) => Buffer.from(article(n, 20 + 10 * n)));
  }
}

function article(n, paragraphs) {
  const text = `<p>${PARAGRAPH.repeat(5)}<a href="/${n}">${n}</a></p>`.repeat(paragraphs);
  return `<html lang="en"><head><title>Page ${n}</title></head><body><article><h1>${n}</h1>${text}</article></body></html>`;
}

/** Pages that are hard to take; by the part of the load that they are of. */
export const HARD = {
  giant: {
    legal: () => article(0, 6_000),
  },
  malformed: {
    empty: () => '',
    binary: () => String.fromCharCode(...Array.from({ length: 20_000 }, (_, n) => (n * 7919) % 0xd800)),
    unclosed: () => '<table><tr><td><b><i><a href="'.repeat(100),
  },
  deep: {
    'beyond the limit': () => '<div>'.repeat(5_000),
    'far beyond it': () => `${'<b><div>'.repeat(20_000)}deep`,
    'below the limit': () => `${'<div>'.repeat(500)}<p>${PARAGRAPH}</p>${'</div>'.repeat(500)}`,
  },
  bomb: {
    attributes: () => `<p ${Array.from({ length: 20_000 }, (_, n) => `a${n}="${n}"`).join(' ')}>${PARAGRAPH}</p>`,
    entities: () => `<p>${'&amp;&CounterClockwiseContourIntegral;&#x1f30a;'.repeat(10_000)}</p>`,
    links: () => `<p>${Array.from({ length: 10_000 }, (_, n) => `<a href="/${n}">tide ${n}</a> `).join('')}</p>`,
  },
};

/** A page as it is sent, with the answers to expect, and how long extracting it took here. */
export async function withAnswer(extractor, html) {
  // Bytes that are not UTF-8 would be another page for the server than for the extractor.
  const text = typeof html === 'string' ? html : html.toString();
  const body = Buffer.from(text);
  const began = performance.now();
  try {
    const content = await extractor.extract(body, URL, 'article');
    const { markdown, text: plain } = content;
    const [json, ...others] = [JSON.stringify(content), markdown, plain].map((answer) => Buffer.from(answer));
    return { text, body, status: 200, answers: [json, ...others], millis: performance.now() - began };
  } catch (error) {
    const known = error instanceof ExtractionError || error instanceof MemoryLimitError;
    if (!known && !(error instanceof RiptideError && error.code === 'ERR_RESULT_TOO_LARGE')) throw error;
    return { text, body, status: 422, answers: [], millis: performance.now() - began };
  }
}

const ACCEPTED = ['application/json', 'text/markdown', 'text/plain'];

/** The request for a page, in one of three media types, and some of them as JSON. */
export function requestOf(page, n) {
  const format = n % 8 === 1 ? 1 : n % 8 === 2 ? 2 : 0;
  const accept = ACCEPTED[format];
  if (n % 8 === 3) {
    page.json ??= Buffer.from(JSON.stringify({ html: page.text, url: URL, mode: 'article' }));
    return { format, headers: { accept, 'content-type': 'application/json' }, body: page.json };
  }
  const headers = { accept, 'content-type': 'text/html; charset=utf-8' };
  return { format, path: `/extract?url=${encodeURIComponent(URL)}`, headers, body: page.body };
}

/** The fault of an answer, or `undefined` if it is right. */
export function wrongIn({ status, body }, page, format) {
  if (status !== page.status) return `${status} instead of ${page.status}: ${body.toString().slice(0, 200)}`;
  if (status === 200 && !body.equals(page.answers[format])) return `another answer: ${body.toString().slice(0, 200)}`;
  return undefined;
}
