import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { createExtractor, type Extractor, type ExtractorOptions } from '../dist/index.js';
import { createServer, type ServerOptions } from '../dist/server/index.js';
import { cleanEnvironment } from '../stress/shared/environment.mjs';
import { listeningAt, serveArguments } from '../stress/shared/server-process.mjs';
import { eventually } from './support.js';

/** A page and selectors that keep an instance for some ten seconds: each condition looks at each element. */
export const SLOW_PAGE = '<p>x'.repeat(200_000);
export const SLOW_SELECTORS = Array.from({ length: 64 }, (_, index) => `:not(:has(i${index}))`.repeat(60));
export const SLOW = JSON.stringify({ html: SLOW_PAGE, selectors: SLOW_SELECTORS });

export const JSON_TYPE = { 'content-type': 'application/json' };
export const HTML_TYPE = { 'content-type': 'text/html' };

export const REQUEST_HEAD = 'POST /extract HTTP/1.1\r\nHost: localhost\r\ncontent-type: text/html\r\n';

/** The bytes of a whole request. */
export function whole(body: string, head = REQUEST_HEAD): string {
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: as JSON.parse gives it
  readonly json: any;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** One request over a connection of its own. */
export function ask(
  port: number,
  { method = 'GET', path = '/', headers = {}, body, signal }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = {
      port,
      host: '127.0.0.1',
      method,
      path,
      agent: false as const,
      headers: { ...length, ...headers },
    };
    const sent = request({ ...options, ...(signal && { signal }) }, async (response) => {
      try {
        const pieces: Buffer[] = [];
        for await (const piece of response) pieces.push(piece);
        const text = Buffer.concat(pieces).toString();
        const isJson = String(response.headers['content-type']).startsWith('application/json') && text !== '';
        const json = isJson ? JSON.parse(text) : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export function post(
  port: number,
  body: string | Uint8Array,
  headers: OutgoingHttpHeaders = HTML_TYPE,
  query = '',
): Promise<Answered> {
  return ask(port, { method: 'POST', path: `/extract${query}`, headers, body });
}

/** A connection that says what it is told, byte by byte. */
export class Wire {
  readonly socket: Socket;
  #received = '';
  #closed = false;

  private constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (data) => {
      this.#received += data.toString('latin1');
    });
    this.socket.on('close', () => {
      this.#closed = true;
    });
  }

  static async to(port: number, ...text: (string | Uint8Array)[]): Promise<Wire> {
    const wire = new Wire(port);
    onTestFinished(() => void wire.socket.destroy());
    await once(wire.socket, 'connect');
    for (const each of text) wire.socket.write(each);
    return wire;
  }

  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The status of the answers so far. */
  get statuses(): number[] {
    return [...this.#received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  async answered(count = 1): Promise<string> {
    await eventually(() => this.statuses.length >= count);
    return this.#received;
  }

  async ended(): Promise<string> {
    await eventually(() => this.#closed);
    return this.#received;
  }
}

export interface Listening {
  readonly app: FastifyInstance;
  readonly port: number;
}

export async function listenTo(app: FastifyInstance): Promise<Listening> {
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { app, port: (app.server.address() as AddressInfo).port };
}

/** A server that is closed after the test. */
export async function serverOf(options: ServerOptions): Promise<Listening> {
  const app = await createServer(options);
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  return listenTo(app);
}

/** An extractor with one instance. */
export async function extractorOf(options: ExtractorOptions = {}): Promise<Extractor> {
  const extractor = await createExtractor({ env: false, max: 1, ...options });
  onTestFinished(() => extractor.destroy());
  return extractor;
}

/** Takes the extractor's one instance until it is let go. */
export async function occupy(extractor: Extractor): Promise<() => Promise<void>> {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const lent = extractor.pool.use(() => held);
  lent.catch(() => {}); // heard by whoever lets it go
  await eventually(() => extractor.pool.stats.active === 1);
  onTestFinished(() => release());
  return async () => {
    release();
    await lent;
  };
}

export interface Process {
  readonly pid: number;
  /** Lines of its standard output. */
  lines(): string[];
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  over(): boolean;
}

/** Runs node in a process of its own, which does not outlive the test. */
export function start(args: readonly string[]): Process {
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const out = { stdout: '', stderr: '' };
  let over = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (data) => {
      out[name] += data;
    });
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => {
      over = true;
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid ?? 0,
    lines: () => out.stdout.split('\n').filter((line) => line !== ''),
    stderr: () => out.stderr,
    kill: (signal) => void child.kill(signal),
    ended,
    over: () => over,
  };
}

const PACKAGE = new URL('../', import.meta.url);

export const inPackage = (path: string) => fileURLToPath(new URL(path, PACKAGE));

/** `riptide-wasm serve` on a free port. */
export async function startServe(...options: string[]): Promise<Process & { readonly port: number }> {
  return listeningProcess(start(serveArguments(inPackage('.'), ...options)));
}

/** `serve` with options that the command line has not. */
export async function startScript(options: string, ...node: string[]): Promise<Process & { readonly port: number }> {
  const module = JSON.stringify(new URL('dist/server/index.js', PACKAGE).href);
  const script = `import { serve } from ${module}; await serve({ port: 0, logger: true, ${options} });`;
  return listeningProcess(start([...node, '--input-type=module', '-e', script]));
}

async function listeningProcess(process: Process): Promise<Process & { readonly port: number }> {
  const address = () => listeningAt(process.lines().join('\n'));
  await eventually(() => address() !== undefined || process.over());
  const port = address()?.port;
  if (port === undefined) throw new Error(`the server did not start: ${process.stderr()}`);
  return { ...process, port };
}
