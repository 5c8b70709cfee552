import type { ServerResponse } from 'node:http';
import { Refusal, SOON_SECONDS } from './failures.js';

/** The most pages that listen at once: each holds a connection, and each event is written to all of them. */
const MAX_LISTENERS = 32;

/** What a listener may leave unread of what the system did not take either: over half a minute of events. */
const MAX_UNREAD_BYTES = 64 * 1024;

/**
 * Server-sent events, the same for all listeners: one timer, one text a tick. Nothing is asked or written while nobody
 * listens. A listener that reads too slowly is cut off; a browser connects again by itself.
 */
export class LiveFeed {
  readonly #greeting: () => unknown;
  readonly #sample: () => unknown;
  readonly #intervalMillis: number;
  readonly #listeners = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param greeting what each listener is told first
   * @param sample what all are told now and then
   */
  constructor(greeting: () => unknown, sample: () => unknown, intervalMillis = 1_000) {
    this.#greeting = greeting;
    this.#sample = sample;
    this.#intervalMillis = intervalMillis;
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** @throws Refusal 503 */
  checkRoom(): void {
    if (this.#listeners.size < MAX_LISTENERS) return;
    throw new Refusal(503, 'ERR_TOO_MANY_LISTENERS', `${MAX_LISTENERS} live pages are open already`, SOON_SECONDS);
  }

  /** Sends events until the connection or the feed ends. Its head has been written. */
  add(response: ServerResponse): void {
    this.#listeners.add(response);
    response.once('close', () => this.#remove(response));
    response.write(event('greeting', this.#greeting()));
    response.write(event('sample', this.#sample()));
    this.#timer ??= setInterval(() => this.send('sample', this.#sample()), this.#intervalMillis);
  }

  /** Tells all listeners. */
  send(name: string, data: unknown): void {
    const bytes = event(name, data);
    for (const response of this.#listeners) {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
      else response.write(bytes);
    }
  }

  /** Ends all listeners' answers. */
  close(): void {
    for (const response of this.#listeners) {
      // What a slow one has not read would hold up the server's end.
      if (response.writableLength > 0) response.destroy();
      else response.end();
      this.#remove(response);
    }
  }

  #remove(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** JSON has no line ends, which would end the event's data. */
function event(name: string, data: unknown): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
