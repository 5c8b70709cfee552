import dns from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer as createRawServer, type Server as RawServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { isPublic } from '../dist/page/addresses.js';
import { type FetchedPage, fetchPage } from '../dist/page/fetch-page.js';
import { failure, run } from './support.js';

export const MIB = 1024 * 1024;
export const PAGE = '<!doctype html><title>Tides</title><p>The tide comes in twice a day.</p>';
export const HTML = { 'content-type': 'text/html' };
export const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n';

/** 127.0.0.1 is the Internet of these tests; the rest of 127/8 stays loopback. */
export const local = { maxBytes: MIB, allowAddress: (address: string) => address === '127.0.0.1' || isPublic(address) };
export const open = { maxBytes: MIB, allowAddress: () => true };
const never = new AbortController().signal;

export interface Listening {
  readonly port: number;
  readonly url: string;
  /** Of every connection it ever had. */
  readonly sockets: Socket[];
  /** Which of its addresses they came to. */
  readonly reached: (string | undefined)[];
  received(): number;
}

export async function listen(server: Server | RawServer, scheme = 'http'): Promise<Listening> {
  const sockets: Socket[] = [];
  const reached: (string | undefined)[] = [];
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    reached.push(socket.localAddress);
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const received = () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
  return { port, url: `${scheme}://127.0.0.1:${port}/`, sockets, reached, received };
}

export const serve = (answer: RequestListener) => listen(createServer(answer));

/** Answers each connection with these bytes once it was sent something, and says no more unless it is ended. */
export const serveRaw = (answer: (socket: Socket) => void) =>
  listen(createRawServer((socket) => socket.once('data', () => answer(socket))));

export const page = (body: string | Uint8Array, headers: Record<string, string> = HTML) =>
  serve((_, response) => response.writeHead(200, headers).end(body));

export const text = ({ html }: FetchedPage) => Buffer.from(html).toString();

export const get = (url: string, options: Parameters<typeof fetchPage>[1] = local) => fetchPage(url, options, never);

/** The code that fetching ends in. */
export async function codeOf(url: string, options: Parameters<typeof fetchPage>[1] = local): Promise<unknown> {
  return (await failure(get(url, options))).code;
}

/** Has names resolved to these addresses, one list a call, the last for ever. Returns the names asked for. */
export function resolving(...answers: (readonly string[])[]): string[] {
  const asked: string[] = [];
  const original = dns.lookup;
  const set = (lookup: unknown) => {
    Object.assign(dns, { lookup });
    syncBuiltinESMExports();
  };
  set(async (name: string) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  });
  onTestFinished(() => set(original));
  return asked;
}

/** Writes for as long as the other side reads. */
export function endless(socket: Socket, piece: Uint8Array): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

/** Runs code that has `fetchPage`, options for loopback, a signal and `report`, in a process of its own. */
export function inChild(code: string, args: string[], env: Record<string, string> = {}) {
  const source = `
    const { fetchPage } = await import(process.argv[1]);
    const options = { maxBytes: ${MIB}, allowAddress: () => true };
    const signal = AbortSignal.timeout(20_000);
    const report = (value) => process.stdout.write(JSON.stringify(value));
    ${code}`;
  return run('dist/page/fetch-page.js', args, { node: ['--input-type=module', '-e', source], env });
}
