import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal, SOON_SECONDS } from './failures.js';

/** So many of the largest bodies are held at once, over all requests. */
const LARGEST_BODIES = 16;

/** What bodies take, from their first byte until their request is answered. */
export class Inbound {
  readonly maxBodyBytes: number;
  #held = 0;

  constructor(maxBodyBytes: number) {
    this.maxBodyBytes = maxBodyBytes;
  }

  hold(bytes: number): void {
    if (this.#held + bytes > LARGEST_BODIES * this.maxBodyBytes) {
      throw new Refusal(503, 'ERR_TOO_MANY_BODIES', 'too many large bodies are under way', SOON_SECONDS);
    }
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }
}

/** One request with a body, until its answer is sent or its client is gone. */
export class Exchange {
  readonly #inbound: Inbound;
  readonly #controller = new AbortController();
  #held = 0;
  #received = false;

  constructor(inbound: Inbound, response: ServerResponse, timeoutMillis: number) {
    this.#inbound = inbound;
    const timer = setTimeout(() => this.#controller.abort(this.#late(timeoutMillis)), timeoutMillis);
    response.once('close', () => {
      clearTimeout(timer);
      inbound.release(this.#held);
      if (!response.writableFinished) this.#controller.abort(new Refusal(499, 'ERR_ABORTED', 'the client hung up'));
    });
  }

  /** Aborts when the client hangs up or its time is over, with a {@link Refusal}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * The body's bytes.
   *
   * @throws Refusal 413, 415, 503, and what the signal has
   */
  receive(request: IncomingMessage): Promise<Buffer> {
    const { 'content-encoding': encoding = 'identity', 'content-length': length = '0' } = request.headers;
    if (encoding.toLowerCase() !== 'identity') {
      throw new Refusal(415, 'ERR_BAD_ENCODING', `a body may not be compressed, such as by ${encoding}`);
    }
    if (Number(length) > this.#inbound.maxBodyBytes) throw this.#tooLarge();
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = [];
      const settle = (end: () => void) => {
        request.off('data', take).off('end', finish).off('error', fail).off('close', cut);
        signal.removeEventListener('abort', abort);
        end();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const take = (piece: Buffer) => {
        try {
          this.#take(piece.length);
          pieces.push(piece);
        } catch (error) {
          fail(error);
        }
      };
      const finish = () => {
        this.#received = true;
        settle(() => resolve(Buffer.concat(pieces)));
      };
      const cut = () => fail(new Refusal(400, 'ERR_BAD_BODY', 'the body was cut off'));
      const abort = () => fail(signal.reason);
      request.on('data', take).on('end', finish).on('error', fail).on('close', cut);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
    });
  }

  #take(bytes: number): void {
    if (this.#held + bytes > this.#inbound.maxBodyBytes) throw this.#tooLarge();
    this.#inbound.hold(bytes);
    this.#held += bytes;
  }

  #tooLarge(): Refusal {
    return new Refusal(413, 'ERR_BODY_TOO_LARGE', `a body may have ${this.#inbound.maxBodyBytes} bytes`);
  }

  #late(millis: number): Refusal {
    if (!this.#received) return new Refusal(408, 'ERR_TIMEOUT', `the body did not arrive within ${millis} ms`);
    return new Refusal(504, 'ERR_TIMEOUT', `the request took longer than ${millis} ms`);
  }
}
