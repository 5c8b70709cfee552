import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Failure } from './failure.js';

/** A page's bytes, checked to be UTF-8, and the address its links are resolved against. */
export interface Page {
  readonly html: Uint8Array;
  readonly url: string;
}

/** More than this is not read from a network or a pipe; the extractor's own limit is lower. */
const MAX_BYTES = 64 * 1024 * 1024;
const FETCH_TIMEOUT_MILLIS = 30_000;

/** Reads a file, a `http:`, `https:` or `file:` URL, or `-` for standard input. */
export async function readPage(source: string): Promise<Page> {
  const page = await read(source);
  if (!isUtf8(page.html)) throw new Failure(`${source}: not UTF-8`);
  return page;
}

async function read(source: string): Promise<Page> {
  if (source === '-') return { html: await collect(source, process.stdin), url: '' };
  if (/^https?:\/\//i.test(source)) return fetchPage(source);
  try {
    const path = /^file:/i.test(source) ? fileURLToPath(source) : resolve(source);
    return { html: await readFile(path), url: pathToFileURL(path).href };
  } catch (error) {
    throw new Failure(`${source}: cannot be read: ${reason(error)}`);
  }
}

async function fetchPage(source: string): Promise<Page> {
  try {
    const response = await fetch(source, {
      headers: { accept: 'text/html, application/xhtml+xml;q=0.9, */*;q=0.1' },
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MILLIS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Failure(`${source}: HTTP ${response.status} ${response.statusText}`.trim());
    }
    return { html: await collect(source, response.body ?? []), url: response.url };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${source}: cannot be fetched: ${reason(error)}`);
  }
}

async function collect(source: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Failure(`${source}: larger than ${MAX_BYTES} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

function reason(error: unknown): string {
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: unknown };
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'EACCES') return 'permission denied';
  // fetch says only "fetch failed" and keeps what happened in `cause`.
  if (cause instanceof Error) return reason(cause);
  if (message === '' && typeof code === 'string') return code;
  return typeof message === 'string' ? message : String(error);
}
