import { RESP_TYPES, type RedisClientType } from 'redis';
import type { SharedCache } from './cache-options.js';

/** Options of a {@link RedisCache}. */
export interface RedisCacheOptions {
  /**
   * What the names of its keys begin with.
   * @default 'riptide-wasm:'
   */
  prefix?: string;
  /**
   * Seconds until Redis forgets an artefact, from when it was written.
   * @default 30 days
   */
  ttlSeconds?: number;
}

/** What it asks of a client of the package `redis`: a connected client, pool or cluster. */
export type RedisLike = Pick<RedisClientType, 'set' | 'withTypeMapping'>;

/**
 * The shared tier of compiled code in Redis. The client stays its owner's, who connects and closes it.
 *
 * ```js
 * const client = await createClient({ url }).connect();
 * const engine = new Engine({ cache: { keyFile: '/run/secrets/riptide', shared: new RedisCache(client) } });
 * ```
 */
export class RedisCache implements SharedCache {
  readonly #client: RedisLike;
  readonly #prefix: string;
  readonly #ttlSeconds: number;

  constructor(client: RedisLike, { prefix = 'riptide-wasm:', ttlSeconds = 30 * 24 * 3600 }: RedisCacheOptions = {}) {
    this.#client = client;
    this.#prefix = prefix;
    this.#ttlSeconds = ttlSeconds;
  }

  async get(name: string): Promise<Uint8Array | null> {
    return this.#client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(this.#prefix + name);
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#client.set(this.#prefix + name, value, { expiration: { type: 'EX', value: this.#ttlSeconds } });
  }
}
