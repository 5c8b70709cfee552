import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long a request may take to arrive on a connection of a server that closes, in milliseconds. */
const UNDER_WAY_MILLIS = 100;

/** A turn of the event loop in which this little passed, in milliseconds, had nothing to accept. */
const EMPTY_TURN_MILLIS = 0.05;

/** The most turns that closing waits for an empty one, under a load that leaves none. */
const MAX_TURNS = 2_000;

interface Connection {
  /** The answers in progress on it. */
  readonly answers: Set<ServerResponse>;
  /** When the last of them ended, by `performance.now()`. */
  idleSince: number;
  /** The last request on it. */
  last?: { readonly request: IncomingMessage; readonly response: ServerResponse };
  /** Whether it closes after the answers in progress. */
  ending: boolean;
}

/**
 * HTTP servers, one for each address that is listened on, whose connections end when they close: those on which nothing
 * is asked for a moment, the others with their last answer.
 *
 * Node's own server cuts off answers that the system has not taken yet, and waits for ever for a client that never sends
 * the whole of a request: what times such clients out ends when it is closed.
 */
export class Connections {
  readonly #open = new Map<Socket, Connection>();

  serve(handler: RequestListener, timeoutMillis: number): Server {
    const server = createServer(
      {
        requestTimeout: Math.ceil(timeoutMillis),
        keepAliveTimeout: 72_000,
        requireHostHeader: false, // the handler's to refuse: Node's own answer has no body
      },
      handler,
    );
    server.on('connection', (socket) => {
      socket.setMaxListeners(0); // each request on it listens, and how many there are is the client's to say
      this.#open.set(socket, { answers: new Set(), idleSince: performance.now(), ending: false });
      socket.once('close', () => this.#open.delete(socket));
    });
    server.prependListener('request', (request, response) => {
      const { socket } = request;
      const connection = this.#open.get(socket);
      if (connection === undefined) return; // it is closed already
      connection.last = { request, response };
      connection.answers.add(response);
      response.once('close', () => {
        connection.answers.delete(response);
        connection.idleSince = performance.now();
        if (connection.answers.size === 0 && (connection.ending || !server.listening)) socket.destroySoon();
      });
    });
    // The handler meets expectations or refuses them.
    for (const event of ['checkContinue', 'checkExpectation'])
      server.on(event, (request, response) => server.emit('request', request, response));
    const close = server.close.bind(server);
    server.close = (done) => {
      this.#endIdleLater(server, UNDER_WAY_MILLIS);
      queueEmptied().then(() => close(done));
      return server;
    };
    // Asked for beside `close`, which sees to them.
    server.closeIdleConnections = () => {};
    return server;
  }

  /** How many requests are being answered on a connection. */
  answering(socket: Socket): number {
    return this.#open.get(socket)?.answers.size ?? 0;
  }

  /** Ends a connection that sent a malformed request, with `answer` if one is due. */
  endMalformed(socket: Socket, answer: string): void {
    const connection = this.#open.get(socket);
    const { request, response } = connection?.last ?? {};
    if (connection !== undefined && connection.answers.size > 0 && request?.complete !== false) {
      connection.ending = true; // what came before is answered first
      return;
    }
    // The rest of a body that has its answer already gets none.
    const due = request?.complete !== false || (response !== undefined && !response.headersSent);
    if (due && socket.writable) socket.write(answer);
    socket.destroySoon();
  }

  /** Ends connections once they have been idle for long enough, until there are none. */
  #endIdle(server: Server): void {
    const before = performance.now() - UNDER_WAY_MILLIS;
    for (const [socket, { answers, idleSince }] of this.#open) {
      if (answers.size === 0 && idleSince <= before) socket.destroy();
    }
    if (server.listening || this.#open.size > 0) this.#endIdleLater(server, UNDER_WAY_MILLIS / 4);
  }

  /** Behind the part of a turn that reads: what lies there already has come. */
  #endIdleLater(server: Server, millis: number): void {
    setTimeout(() => setImmediate(() => this.#endIdle(server)), millis);
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
