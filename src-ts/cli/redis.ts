import { setTimeout as delay } from 'node:timers/promises';
import type { RedisStatusStore } from '../redis-status.js';
import type { StatusReader, StatusStore } from '../status/store.js';
import type { Variable } from '../variables.js';
import { Failure, oneLine, usage } from './failure.js';
import { importWithPeers } from './peers.js';

/** Names the Redis of the status: beside an option, because what it says has no place in a list of processes. */
const VARIABLE: Variable = 'RIPTIDE_WASM_STATUS_REDIS';

/** How long Redis may take to answer, in milliseconds: more than a pause of its own, less than a person's patience. */
const ANSWER_MILLIS = 5_000;

/** How long after its connection broke it is tried again, in milliseconds. */
const AGAIN_MILLIS = 500;

/** How long a server waits with its start for Redis, in milliseconds. */
const START_MILLIS = 1_000;

/** The URL of a Redis, and what gave it: an option, or the environment. */
export interface GivenUrl {
  readonly url: string;
  readonly from: string;
}

/** The URL of an option, or of the environment where it is not given. */
export function redisUrl(option: string, given: string | undefined): GivenUrl | undefined {
  const url = given ?? process.env[VARIABLE];
  return url === undefined ? undefined : { url, from: given === undefined ? VARIABLE : option };
}

interface Client {
  readonly isOpen: boolean;
  destroy(): void;
}

/** A store in the Redis of a URL, with the connection to it. While Redis is away each command fails at once. */
export class RedisConnection implements StatusStore, StatusReader {
  readonly #client: Client;
  readonly #store: RedisStatusStore;
  readonly #reason: () => unknown;

  private constructor(client: Client, store: RedisStatusStore, reason: () => unknown) {
    this.#client = client;
    this.#store = store;
    this.#reason = reason;
  }

  /**
   * Connects, again and again from then on.
   *
   * @param wait whether a Redis that does not answer now is a failure; else it may come later
   * @throws Failure a URL that is none, or a Redis that is away
   */
  static async open(what: string, { url, from }: GivenUrl, wait: boolean): Promise<RedisConnection> {
    const [{ createClient }, { RedisStatusStore }] = await importWithPeers(what, ['redis'], () =>
      Promise.all([import('redis'), import('../redis.js')]),
    );
    let connected = !wait;
    let reason: unknown;
    const reconnectStrategy = () => (connected ? AGAIN_MILLIS : false);
    const socket = { connectTimeout: ANSWER_MILLIS, socketTimeout: 2 * ANSWER_MILLIS, reconnectStrategy };
    const client = attempt(from, () => createClient({ url, disableOfflineQueue: true, socket }));
    const failed = new Promise<void>((resolve) => {
      client.on('error', (error) => {
        reason = error;
        resolve();
      });
    });
    client.on('ready', () => {
      reason = undefined;
    });
    const connection = new RedisConnection(client, new RedisStatusStore(client), () => reason);
    const connecting = client.connect();
    if (wait) {
      try {
        await answered(connecting);
      } catch (error) {
        connection.close();
        throw new Failure(awayFor(error));
      }
      connected = true;
    } else {
      // It rejects where it is closed before Redis came; what keeps Redis away comes as an event.
      await Promise.race([connecting.catch(() => {}), failed, delay(START_MILLIS, undefined, { ref: false })]);
    }
    return connection;
  }

  async set(key: string, field: string, value: string, ttlMillis: number): Promise<void> {
    await this.#withReason(this.#store.set(key, field, value, ttlMillis));
  }

  async delete(key: string, field: string): Promise<void> {
    await this.#withReason(this.#store.delete(key, field));
  }

  /** @throws Failure that Redis is away, in one line */
  async all(key: string): Promise<Record<string, string>> {
    try {
      return await answered(this.#store.all(key));
    } catch (error) {
      throw new Failure(awayFor(this.#reason() ?? error));
    }
  }

  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }

  /** A client without a connection says only that. */
  async #withReason(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      throw this.#reason() ?? error;
    }
  }
}

function attempt<T>(from: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    // Not the URL itself, which may hold a password.
    throw usage(`${from} is no URL of a Redis, such as redis://localhost:6379: ${oneLine(error)}`);
  }
}

function awayFor(error: unknown): string {
  const { message, code } = Object(error) as { message?: unknown; code?: unknown };
  // Node's error of a name with several addresses has a code alone.
  return `Redis does not answer: ${message === '' && code !== undefined ? String(code) : oneLine(error)}`;
}

async function answered<T>(work: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = delay(ANSWER_MILLIS, undefined, controller).then(() => {
    throw new Error(`nothing within ${ANSWER_MILLIS} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    controller.abort();
    late.catch(() => {}); // aborted
  }
}
