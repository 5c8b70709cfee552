import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gather, limited } from '../page/body.js';
import { gunzip } from '../page/gzip.js';
import { Failure, MOST_CAUSES } from './failure.js';
import { type Answer, fetchBytes } from './fetch.js';

/** A page's bytes as they came, decompressed, and its address. */
export interface Page {
  readonly html: Uint8Array;
  /** Empty where it has none: links stay as they are written. */
  readonly url: string;
  /** Its `content-type`, where it came with one. */
  readonly contentType: string | undefined;
}

/** More than this is not read from a network, a pipe or compressed; the extractor's own limit is lower. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Reads a file, a `http:`, `https:` or `file:` URL, or `-` for standard input, and decompresses gzip. */
export async function readPage(source: string): Promise<Page> {
  const { bytes, url, type } = await read(source);
  return { html: await unzipped(source, bytes), url, contentType: type };
}

async function read(source: string): Promise<Answer> {
  const refusal = () => tooLarge(source);
  if (source === '-') {
    return { bytes: await gather(limited(process.stdin, MAX_BYTES, refusal)), url: '', type: undefined };
  }
  if (/^https?:\/\//i.test(source)) {
    return fetchBytes(source, MAX_BYTES, refusal).catch((error: unknown) => {
      throw error instanceof Failure ? error : new Failure(`${source}: cannot be fetched: ${reason(error)}`);
    });
  }
  try {
    const path = /^file:/i.test(source) ? fileURLToPath(source) : resolve(source);
    return { bytes: await readFile(path), url: '', type: undefined };
  } catch (error) {
    throw new Failure(`${source}: cannot be read: ${reason(error)}`);
  }
}

/** No page begins as gzip does. */
async function unzipped(source: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gather(limited(gunzip(Readable.from([bytes])), MAX_BYTES, () => tooLarge(source)));
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`${source}: cannot be decompressed: ${reason(error)}`);
  }
}

function tooLarge(source: string): Failure {
  return new Failure(`${source}: larger than ${MAX_BYTES} bytes`);
}

function reason(error: unknown, left = MOST_CAUSES): string {
  const { code, message, cause } = Object(error) as { code?: unknown; message?: unknown; cause?: unknown };
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a directory';
  if (code === 'EACCES') return 'permission denied';
  // What was aborted keeps why in `cause`.
  if (cause instanceof Error && left > 0) return reason(cause, left - 1);
  if (message === '' && typeof code === 'string') return code;
  return typeof message === 'string' ? message : String(error);
}
