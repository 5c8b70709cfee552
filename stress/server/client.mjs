// Requests of the siege: whole ones over kept connections, and such as no HTTP library would send.
import http from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const NO_ANSWER = { status: 0, body: Buffer.alloc(0) };

/** Ends of a request without an answer. */
export const REFUSED = 'refused'; // no connection was made
export const CLOSED = 'closed'; // the server ended the connection
export const UNANSWERED = 'unanswered'; // and did not even do that
export const HUNG_UP = 'hung up'; // the client ended it

export class Client {
  #agent = new http.Agent({ keepAlive: true, maxSockets: 512, scheduling: 'fifo' });
  #port;
  #patience;
  #raw = new Set();

  /** `patience`: in milliseconds, for an answer. */
  constructor(port, patience) {
    this.#port = port;
    this.#patience = patience;
  }

  /** Over a kept connection. `hangUpAfter`: milliseconds after which the client has gone. */
  whole({ method = 'POST', path = '/extract', headers = {}, body, hangUpAfter }) {
    return new Promise((resolve) => {
      const began = performance.now();
      let gone;
      /** The port at this end. */
      let own;
      const settle = (end) => {
        clearTimeout(late);
        clearTimeout(gone);
        const { reusedSocket: reused } = request;
        resolve({ ...NO_ANSWER, reused, own, millis: performance.now() - began, ...end });
      };
      const request = http.request({
        host: '127.0.0.1',
        port: this.#port,
        agent: this.#agent,
        method,
        path,
        headers: { ...headers, 'content-length': body?.length ?? 0 },
      });
      request.on('socket', (socket) => {
        if (!socket.connecting) own = socket.localPort;
        else socket.once('connect', () => (own = socket.localPort));
      });
      const late = setTimeout(() => {
        settle({ end: UNANSWERED });
        request.destroy();
      }, this.#patience);
      request.on('response', (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('end', () => {
          const { statusCode: status, headers: answered } = response;
          settle({ end: String(status), status, body: Buffer.concat(pieces), headers: answered });
        });
        response.on('close', () => settle({ end: CLOSED }));
      });
      request.on('error', ({ code }) => {
        // A second answer may not be had after the first.
        settle({ end: code === 'ECONNREFUSED' ? REFUSED : CLOSED, detail: code });
      });
      if (hangUpAfter !== undefined) {
        request.on('finish', () => {
          gone = setTimeout(() => {
            settle({ end: HUNG_UP });
            request.destroy();
          }, hangUpAfter);
        });
      }
      request.end(body);
    });
  }

  /**
   * A request over a connection of its own. `send` writes any bytes with `write`, which resolves to whether the connection
   * is open; it resolves with `HUNG_UP` to have the client hang up.
   */
  raw(send, patience = this.#patience) {
    return new Promise((resolve) => {
      const began = performance.now();
      const socket = connect(this.#port, '127.0.0.1');
      this.#raw.add(socket);
      let received = Buffer.alloc(0);
      let refused = false;
      let own;
      let open = true;
      const settle = (end) => {
        if (!open) return;
        open = false;
        clearTimeout(late);
        socket.destroy();
        this.#raw.delete(socket);
        resolve({ ...NO_ANSWER, own, millis: performance.now() - began, ...end });
      };
      const late = setTimeout(() => settle({ end: UNANSWERED }), patience);
      socket.on('data', (piece) => {
        received = Buffer.concat([received, piece]);
        const answer = answerIn(received);
        if (answer !== undefined) settle(answer);
      });
      socket.on('error', ({ code }) => {
        refused = code === 'ECONNREFUSED';
      });
      socket.on('close', () => settle({ end: refused ? REFUSED : CLOSED }));
      const write = async (bytes) => {
        if (!open || socket.destroyed) return false;
        if (!socket.write(bytes)) {
          await new Promise((drained) => {
            socket.once('drain', drained).once('close', drained);
          });
        }
        return open && !socket.destroyed;
      };
      socket.on('connect', async () => {
        own = socket.localPort;
        const end = await send(write);
        if (end !== undefined) settle({ end });
      });
    });
  }

  close() {
    this.#agent.destroy();
    for (const socket of this.#raw) socket.destroy();
  }
}

/** The answer that these bytes are, where they are all of it. */
function answerIn(bytes) {
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const text = bytes.subarray(0, head).toString('latin1');
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
  const body = bytes.subarray(head + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  if (status === 100) return answerIn(body);
  return body.length < length ? undefined : { end: String(status), status, body };
}

/** The head of a request for `/extract`. */
export function head(fields, line = 'POST /extract HTTP/1.1') {
  return [line, 'Host: localhost', ...fields, '', ''].join('\r\n');
}

/** As one chunk of a body. */
export function chunk(bytes) {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

export { delay };
