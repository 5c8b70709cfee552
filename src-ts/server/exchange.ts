import type { IncomingMessage, ServerResponse } from 'node:http';
import { Gathered } from '../page/bytes.js';
import { HUNG_UP, Refusal, SOON_SECONDS } from './failures.js';

/** The most bodies of the largest size that all requests together may hold. */
const LARGEST_BODIES = 16;

/** The most bytes of answers that all requests together may hold. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** The most bytes that are allocated for a body before it arrives: most pages have fewer. */
const FIRST_BYTES = 256 * 1024;

/** The most pages that are fetched at once: names are resolved on the few threads that also read files. */
const MAX_FETCHES = 64;

/** Limits of all requests together. */
export class Limits {
  readonly timeoutMillis: number;
  readonly maxBodyBytes: number;
  readonly bodies: Budget;
  readonly answers: Budget;
  readonly fetches: Budget;

  constructor(maxBodyBytes: number, timeoutMillis: number) {
    this.timeoutMillis = timeoutMillis;
    this.maxBodyBytes = maxBodyBytes;
    this.bodies = new Budget(
      LARGEST_BODIES * maxBodyBytes,
      'ERR_TOO_MANY_BODIES',
      'too many large bodies are under way',
    );
    this.answers = new Budget(MAX_ANSWER_BYTES, 'ERR_TOO_MANY_ANSWERS', 'too many large answers are under way');
    this.fetches = new Budget(MAX_FETCHES, 'ERR_TOO_MANY_FETCHES', 'too many pages are being fetched');
  }
}

/** Bytes or pages that are held, up to some number. */
class Budget {
  readonly #most: number;
  readonly #code: string;
  readonly #message: string;
  #held = 0;

  constructor(most: number, code: string, message: string) {
    this.#most = most;
    this.#code = code;
    this.#message = message;
  }

  /** @throws Refusal 503 */
  hold(more: number): void {
    if (this.#held + more > this.#most) throw new Refusal(503, this.#code, this.#message, SOON_SECONDS);
    this.#held += more;
  }

  release(less: number): void {
    this.#held -= less;
  }
}

const exchanges = new WeakMap<IncomingMessage, Exchange>();

/** The exchange that was begun for a request. */
export function exchangeOf(request: IncomingMessage): Exchange {
  const exchange = exchanges.get(request);
  if (exchange === undefined) throw new Error('the request has no exchange');
  return exchange;
}

/** One request with a body, until its answer is sent or its client is gone. */
export class Exchange {
  readonly #limits: Limits;
  readonly #controller = new AbortController();
  #bodyBytes = 0;
  #answerBytes = 0;
  #fetches = 0;
  #received = false;

  constructor(limits: Limits, request: IncomingMessage, response: ServerResponse) {
    this.#limits = limits;
    exchanges.set(request, this);
    const { socket } = request;
    const { timeoutMillis } = limits;
    let timer = setTimeout(() => {
      this.#controller.abort(this.#late());
      // An answer may take as long again to be read.
      timer = setTimeout(() => response.destroy(), timeoutMillis);
    }, timeoutMillis);
    let finished = false;
    response.once('finish', () => {
      finished = true;
    });
    const end = () => {
      response.off('close', end);
      socket.off('close', end);
      clearTimeout(timer);
      limits.bodies.release(this.#bodyBytes);
      limits.answers.release(this.#answerBytes);
      this.#bodyBytes = 0;
      this.#answerBytes = 0;
      this.endFetch();
      if (!finished) this.#controller.abort(new Refusal(HUNG_UP, 'ERR_ABORTED', 'the client hung up'));
    };
    response.on('close', end);
    // An answer that is queued behind another on its connection gets no `close` event when the connection ends.
    socket.on('close', end);
    if (socket.destroyed) end();
  }

  /** Aborts when the client hangs up or its time is over, with a {@link Refusal}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Whether its body may come.
   *
   * @throws Refusal 413, 415
   */
  checkHead(request: IncomingMessage): void {
    const { 'content-encoding': encoding = 'identity', 'content-length': declared = '0' } = request.headers;
    if (encoding.toLowerCase() !== 'identity') {
      throw new Refusal(415, 'ERR_BAD_ENCODING', `a body may not be compressed, such as by ${encoding}`);
    }
    if (Number(declared) > this.#limits.maxBodyBytes) throw this.#tooLarge();
  }

  /**
   * The body's bytes.
   *
   * @throws Refusal 413, 503, and what the signal has
   */
  receive(request: IncomingMessage): Promise<Buffer> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      // The declared length may be false, so that little memory is allocated on its word.
      const declared = Number(request.headers['content-length'] ?? 0);
      const gathered = new Gathered(Math.min(declared, FIRST_BYTES));
      const settle = (end: () => void) => {
        request.off('data', take).off('end', finish).off('error', fail).off('close', cut);
        signal.removeEventListener('abort', abort);
        end();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const take = (piece: Buffer) => {
        try {
          this.#takeBody(piece.length);
        } catch (error) {
          return fail(error);
        }
        gathered.add(piece);
      };
      const finish = () => {
        this.#received = true;
        const { buffer, byteOffset, length } = gathered.whole();
        settle(() => resolve(Buffer.from(buffer, byteOffset, length)));
      };
      const cut = () => fail(new Refusal(400, 'ERR_BAD_BODY', 'the body was cut off'));
      const abort = () => fail(signal.reason);
      request.on('data', take).on('end', finish).on('error', fail).on('close', cut);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
    });
  }

  /**
   * Counts a page that is fetched, and gives what counts its bytes.
   *
   * @throws Refusal 503
   */
  beginFetch(): (bytes: number) => void {
    this.signal.throwIfAborted();
    this.#limits.fetches.hold(1);
    this.#fetches += 1;
    return (bytes) => {
      this.signal.throwIfAborted();
      this.#limits.bodies.hold(bytes);
      this.#bodyBytes += bytes;
    };
  }

  /** The page has come. */
  endFetch(): void {
    this.#limits.fetches.release(this.#fetches);
    this.#fetches = 0;
  }

  /**
   * An answer's bytes, counted until they are sent.
   *
   * @throws Refusal 503, and what the signal has
   */
  answer(text: string): Buffer {
    this.signal.throwIfAborted();
    const bytes = Buffer.from(text);
    this.#limits.answers.hold(bytes.length);
    this.#answerBytes = bytes.length;
    return bytes;
  }

  #takeBody(bytes: number): void {
    if (this.#bodyBytes + bytes > this.#limits.maxBodyBytes) throw this.#tooLarge();
    this.#limits.bodies.hold(bytes);
    this.#bodyBytes += bytes;
  }

  #tooLarge(): Refusal {
    return new Refusal(413, 'ERR_BODY_TOO_LARGE', `a body may have ${this.#limits.maxBodyBytes} bytes`);
  }

  #late(): Refusal {
    const { timeoutMillis } = this.#limits;
    if (!this.#received) return new Refusal(408, 'ERR_TIMEOUT', `the body did not arrive within ${timeoutMillis} ms`);
    return new Refusal(504, 'ERR_TIMEOUT', `the request took longer than ${timeoutMillis} ms`);
  }
}
