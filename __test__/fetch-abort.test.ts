import { pbkdf2 } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { createServer as createRawServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fetchPage } from '../dist/page/fetch-page.js';
import { HEAD, HTML, listen, local, MIB, PAGE, page, serve, serveRaw } from './fetch-support.js';
import { eventually, failure } from './support.js';

describe('an abort', () => {
  const stalls = {
    'before the head': '',
    'in the head': 'HTTP/1.1 200 OK\r\ncontent-',
    'before the body': `${HEAD}content-length: 100\r\n\r\n`,
    'in the body': `${HEAD}content-length: 100\r\n\r\n<p>The tide`,
    'in a body without length': `${HEAD}\r\n<p>The tide`,
    'in a compressed body': Buffer.concat([
      Buffer.from(`${HEAD}content-encoding: gzip\r\n\r\n`),
      gzipSync(PAGE).subarray(0, 40),
    ]),
  };

  /** Aborts once `ready`, and says how long the rejection took. */
  async function aborted(url: string, ready: () => Promise<unknown>): Promise<number> {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const fetching = failure(fetchPage(url, local, controller.signal));
    await ready();
    const before = performance.now();
    controller.abort(reason);
    expect(await fetching).toBe(reason);
    const took = performance.now() - before;
    await eventually(() => getEventListeners(controller.signal, 'abort').length === 0);
    return took;
  }

  test.each(Object.entries(stalls))('%s closes the connection', async (_, sent) => {
    const server = await serveRaw((socket) => socket.write(sent));
    const ready = async () => {
      await eventually(() => server.received() > 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    expect(await aborted(server.url, ready)).toBeLessThan(100);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('in a handshake closes the connection', async () => {
    const server = await listen(createRawServer((socket) => socket.resume()));
    const ready = () => eventually(() => server.received() > 0);
    expect(await aborted(`https://127.0.0.1:${server.port}/`, ready)).toBeLessThan(100);
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('while it connects sends nothing', async () => {
    const server = await listen(createRawServer((socket) => socket.resume()));
    const controller = new AbortController();
    const options = {
      maxBytes: MIB,
      allowAddress: () => {
        process.nextTick(() => controller.abort());
        return true;
      },
    };
    expect(await failure(fetchPage(server.url, options, controller.signal))).toBe(controller.signal.reason);
    await eventually(() => server.sockets.every((socket) => socket.closed));
    expect(server.received()).toBe(0);
  });

  test('while a name is resolved does not wait for it, and connects no more', async () => {
    const server = await page(PAGE);
    // getaddrinfo queues behind these: nothing is resolved before one of them is done.
    const busy = Array.from({ length: Number(process.env.UV_THREADPOOL_SIZE ?? 4) }, () => {
      return new Promise((resolve) => pbkdf2('tides', 'salt', 600_000, 64, 'sha512', resolve));
    });
    let free = false;
    Promise.race(busy).then(() => {
      free = true;
    });
    const ready = () => new Promise((resolve) => setTimeout(resolve, 20));
    expect(await aborted(`http://localhost:${server.port}/`, ready)).toBeLessThan(100);
    expect(free).toBe(false);
    await Promise.all(busy);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.sockets).toHaveLength(0);
  });

  test('that came before sends nothing', async () => {
    const server = await page(PAGE);
    const reason = new Error('too late');
    expect(await failure(fetchPage(server.url, local, AbortSignal.abort(reason)))).toBe(reason);
    expect(server.sockets).toHaveLength(0);
  });

  test('by time ends a slow server', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, HTML);
      const slowly = setInterval(() => response.write('<p>'), 10);
      response.on('close', () => clearInterval(slowly));
    });
    const error = await failure(fetchPage(server.url, local, AbortSignal.timeout(200)));
    expect(error.name).toBe('TimeoutError');
    await eventually(() => server.sockets[0]?.closed === true);
  });

  test('that never comes leaves nothing on its signal', async () => {
    const server = await page(PAGE);
    const { signal } = new AbortController();
    await fetchPage(server.url, local, signal);
    await eventually(() => getEventListeners(signal, 'abort').length === 0);
  });
});
