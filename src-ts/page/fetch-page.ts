import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { buildInfo } from '../native.js';
import { isPublic } from './addresses.js';
import { ACCEPTED_ENCODINGS, decoded, gather, limited } from './body.js';
import { locationOf } from './redirect.js';
import { Refusal } from './refusal.js';

/** How a page is fetched. */
export interface FetchOptions {
  /** The most bytes of a page, as sent and once decompressed. */
  maxBytes: number;
  /** Called with the bytes of each piece of a page as it arrives; a throw ends the fetch. */
  hold?: (bytes: number) => void;
  /**
   * Which addresses may be connected to; for tests.
   * @default isPublic
   * @internal
   */
  allowAddress?: (address: string, family: 4 | 6) => boolean;
}

/** A page as it was answered. */
export interface FetchedPage {
  /** Its bytes, decompressed. */
  html: Uint8Array;
  /** Its `content-type`, where it was sent with one. */
  contentType: string | undefined;
  /** Its address after redirects, without fragment and credentials. */
  url: string;
}

/** Each failure, and the status that says it to a client. */
const STATUS_CODES = {
  /** The URL cannot be parsed, is too long, or has a protocol, credentials or a port that are refused. */
  ERR_FETCH_URL: 400,
  /** An address of the host is not public. */
  ERR_FETCH_ADDRESS: 403,
  /** No answer, or one that is cut off or malformed. */
  ERR_FETCH_FAILED: 502,
  /** An answer other than 2xx. */
  ERR_FETCH_STATUS: 502,
  /** An answer that is not HTML. */
  ERR_FETCH_TYPE: 422,
  /** More than `maxBytes`. */
  ERR_FETCH_TOO_LARGE: 413,
  /** Too many redirects, or one to what is refused as a URL, or from https: to http:. */
  ERR_FETCH_REDIRECTS: 502,
} as const;

/** Why a page was not fetched, with the HTTP status of the answer. */
export class FetchError extends Refusal {
  static {
    Object.defineProperty(FetchError.prototype, 'name', { value: 'FetchError', configurable: true, writable: true });
  }

  declare readonly code: keyof typeof STATUS_CODES;
  /** The status that the page's own server answered with, where it is why (`ERR_FETCH_STATUS`). */
  readonly answered: number | undefined;

  constructor(code: FetchError['code'], message: string, options?: ErrorOptions & { answered?: number }) {
    super(STATUS_CODES[code], code, message, undefined, options);
    this.answered = options?.answered;
  }
}

const MAX_URL_LENGTH = 8_192;
const MAX_REDIRECTS = 5;

const TYPES: readonly string[] = ['text/html', 'application/xhtml+xml'];

/**
 * Fetches a page from a public address: by GET, without cookies, credentials, proxies or referrer, and over a connection
 * of its own. The host's addresses are checked before each connection, and the connected one before anything is sent; so
 * again for each redirect, of which 5 are followed.
 *
 * It takes as long as it takes: `signal` ends it, at any stage, by closing the connection.
 *
 * @param url `http:` or `https:`, 8,192 characters at most, without credentials; port 80, 443, or 1024 and above
 * @throws FetchError what its `code` says
 * @throws `signal.reason` once it is aborted
 */
export async function fetchPage(url: string, options: FetchOptions, signal: AbortSignal): Promise<FetchedPage> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    // Resolving a name cannot be ended, only left alone. Sockets listen to the signal themselves.
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    follow(url, options, signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

async function follow(text: string, options: FetchOptions, signal: AbortSignal): Promise<FetchedPage> {
  let url = checkUrl(text);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await visit(url, options, signal).catch((error) => {
      if (error instanceof Refusal) throw error;
      throw new FetchError('ERR_FETCH_FAILED', `${url.host}: ${reason(error)}`, { cause: error });
    });
    if (!(answer instanceof URL)) return answer;
    url = answer;
  }
  throw new FetchError('ERR_FETCH_REDIRECTS', `${url.host}: more than ${MAX_REDIRECTS} redirects`);
}

function checkUrl(text: string, base?: URL): URL {
  const refuse = (why: string) => new FetchError('ERR_FETCH_URL', `the URL ${why}`);
  if (text.length > MAX_URL_LENGTH) throw refuse(`is longer than ${MAX_URL_LENGTH} characters`);
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw refuse('cannot be parsed');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('is neither http: nor https:');
  if (url.username !== '' || url.password !== '') throw refuse('has credentials');
  if (url.href.length > MAX_URL_LENGTH) throw refuse(`is longer than ${MAX_URL_LENGTH} characters when escaped`);
  if (!['', '80', '443'].includes(url.port) && Number(url.port) < 1024)
    throw refuse(`has port ${url.port}; 80, 443, and 1024 and above are allowed`);
  url.hash = '';
  return url;
}

/** One request: the page, or where it is said to be. */
async function visit(url: URL, options: FetchOptions, signal: AbortSignal): Promise<FetchedPage | URL> {
  const raw = await reach(url, options, signal);
  try {
    const socket = url.protocol === 'https:' ? await secure(raw, url) : raw;
    const response = await ask(url, socket);
    const next = redirection(url, response);
    if (next !== undefined) return next;
    checkHead(url, response, options.maxBytes);
    const bytes = await gather(bodyOf(url, response, options.maxBytes), options.hold);
    // Without a declared length, a reset connection looks like the end of the body.
    if (socket.errored) throw socket.errored;
    return { html: bytes, contentType: response.headers['content-type'], url: url.href };
  } finally {
    raw.destroy();
  }
}

/** A connection on which nothing has been sent. */
async function reach(url: URL, { allowAddress = isPublic }: FetchOptions, signal: AbortSignal): Promise<Socket> {
  const host = hostOf(url);
  const check = (address: string) => {
    const family = isIP(address);
    if (family === 0 || !allowAddress(address, family as 4 | 6))
      throw new FetchError('ERR_FETCH_ADDRESS', `${url.host}: not at a public address`);
  };
  const found = await lookup(host, { all: true });
  for (const { address } of found) check(address);
  signal.throwIfAborted();
  const socket = connect({
    host,
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    lookup: (_host, _options, done) => done(null, found),
    autoSelectFamily: true, // so that `lookup` is asked for all of them
  });
  const abort = () => socket.destroy(new Error('aborted'));
  signal.addEventListener('abort', abort); // the socket's own option leaves its listener behind
  socket.on('error', ignore).on('close', () => signal.removeEventListener('abort', abort));
  try {
    await once(socket, 'connect');
    if (socket.remoteAddress === undefined) throw new Error('closed at once');
    check(socket.remoteAddress);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function secure(raw: Socket, url: URL): Promise<Socket> {
  const host = hostOf(url);
  const socket = connectTls({
    socket: raw,
    host,
    servername: isIP(host) === 0 ? host.replace(/\.$/, '') : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true, // even where NODE_TLS_REJECT_UNAUTHORIZED says otherwise
  });
  socket.on('error', ignore);
  await once(socket, 'secureConnect');
  return socket;
}

function ask(url: URL, socket: Socket): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: url.host,
      accept: 'text/html, application/xhtml+xml;q=0.9',
      'accept-encoding': ACCEPTED_ENCODINGS,
      'user-agent': `riptide-wasm/${buildInfo().version}`,
    };
    // With a socket of our own there is no agent: nothing is pooled, and no proxy of the environment is used.
    const path = url.pathname + url.search;
    request({ path, headers, maxHeaderSize: 16_384, createConnection: () => socket })
      .on('response', resolve)
      .on('error', reject)
      .on('close', () => reject(new Error('closed before it answered')))
      .end();
  });
}

function redirection(url: URL, response: IncomingMessage): URL | undefined {
  const location = locationOf(response);
  if (location === undefined) return undefined;
  try {
    const next = checkUrl(location, url);
    if (url.protocol === 'https:' && next.protocol === 'http:') throw new Error('from https: to http:');
    return next;
  } catch (error) {
    throw new FetchError('ERR_FETCH_REDIRECTS', `${url.host}: redirect refused: ${reason(error)}`);
  }
}

function checkHead(url: URL, { statusCode = 0, headers }: IncomingMessage, maxBytes: number): void {
  if (statusCode < 200 || statusCode > 299)
    throw new FetchError('ERR_FETCH_STATUS', `${url.host}: answered ${statusCode}`, { answered: statusCode });
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() || 'text/html';
  if (!TYPES.includes(type)) throw new FetchError('ERR_FETCH_TYPE', `${url.host}: not HTML, but ${type}`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(url, maxBytes);
}

function bodyOf(url: URL, response: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  const refusal = () => tooLarge(url, maxBytes);
  const sent = limited(response, maxBytes, refusal);
  return limited(decoded(sent, response.headers['content-encoding']), maxBytes, refusal);
}

function tooLarge(url: URL, maxBytes: number): FetchError {
  return new FetchError('ERR_FETCH_TOO_LARGE', `${url.host}: larger than ${maxBytes} bytes`);
}

/** As a resolver and a socket take it: IPv6 without brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function ignore(): void {}

function reason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // A connection refused at several addresses has no message.
  return String(message || code || error);
}
