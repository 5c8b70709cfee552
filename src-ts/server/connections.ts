import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long a request may take to arrive on a connection that was open when its server closed. */
const UNDER_WAY_MILLIS = 100;

/** A turn of the event loop in which this little passed, in milliseconds, had nothing to accept. */
const EMPTY_TURN_MILLIS = 0.05;

/** So many turns are waited for one, under a load that leaves none. */
const MAX_TURNS = 2_000;

/**
 * HTTP servers, one for each address that is listened on, whose connections end when they close: those on which nothing
 * is answered a moment later, the others with their last answer.
 *
 * Node's own server cuts off answers that the system has not taken yet, and waits for ever for a client that never sends
 * the whole of a request: what times such clients out ends when it is closed.
 */
export class Connections {
  /** What is being answered on each. */
  readonly #open = new Map<Socket, Set<ServerResponse>>();

  /** @param maxBodyBytes a body that is longer is not asked for */
  serve(handler: RequestListener, timeoutMillis: number, maxBodyBytes: number): Server {
    const server = createServer({ requestTimeout: Math.ceil(timeoutMillis), keepAliveTimeout: 72_000 }, handler);
    server.on('connection', (socket) => {
      socket.setMaxListeners(0); // each request on it listens, and how many there are is the client's to say
      this.#open.set(socket, new Set());
      socket.once('close', () => this.#open.delete(socket));
    });
    server.prependListener('request', ({ socket }, response) => {
      const answers = this.#open.get(socket);
      answers?.add(response);
      response.once('close', () => {
        answers?.delete(response);
        if (answers?.size === 0 && !server.listening) socket.destroySoon();
      });
    });
    server.on('checkContinue', (request, response) => {
      if (Number(request.headers['content-length'] ?? 0) <= maxBodyBytes) response.writeContinue();
      server.emit('request', request, response);
    });
    const close = server.close.bind(server);
    server.close = (done) => {
      queueEmptied().then(() => close(done));
      return server;
    };
    server.closeIdleConnections = () => {
      setTimeout(() => {
        for (const [socket, answers] of this.#open) if (answers.size === 0) socket.destroy();
      }, UNDER_WAY_MILLIS);
    };
    return server;
  }
}

/** The system resets connections that wait to be accepted when a server stops listening: until there are none. */
async function queueEmptied(): Promise<void> {
  let began = performance.now();
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve); // behind the part of a turn that accepts
    });
    const now = performance.now();
    if (now - began < EMPTY_TURN_MILLIS) return;
    began = now;
  }
}
