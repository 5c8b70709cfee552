import { types } from 'node:util';
import { RESP_TYPES } from 'redis';
import { mostBytes, type SharedCache } from './cache-options.js';
import { checkOptions, whole, words } from './options.js';

export { type RedisScripts, RedisStatusStore } from './redis-status.js';

/** Options of a {@link RedisCache}. */
export interface RedisCacheOptions {
  /**
   * The prefix of its keys.
   * @default 'riptide-wasm:'
   */
  prefix?: string;
  /**
   * Seconds until Redis forgets an artefact, from when it was written: 1 to 2,147,483,647.
   * @default 30 days
   */
  ttlSeconds?: number;
}

/** The part of the package `redis` that it calls: a connected client, pool, cluster or sentinel. */
export interface RedisLike {
  /** `STRLEN`: bytes under a key, 0 if there are none. */
  strLen(key: string): Promise<unknown>;
  /** `SET`, with the seconds until the key expires. */
  set(key: string, value: Buffer, options: { expiration: { type: 'EX'; value: number } }): Promise<unknown>;
  /** A client that returns replies as bytes; its `get` is `GET`. */
  withTypeMapping(mapping: { [RESP_TYPES.BLOB_STRING]: typeof Buffer }): { get(key: string): Promise<unknown> };
}

const RULES = { prefix: words, ttlSeconds: whole(1, 2_147_483_647, 'seconds') };

/**
 * The shared tier of compiled code in Redis. The caller connects and closes the client.
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

  /** @throws OptionError `ERR_BAD_OPTION` for an unknown option or a value out of range. */
  constructor(client: RedisLike, options: RedisCacheOptions = {}) {
    const { prefix = 'riptide-wasm:', ttlSeconds = 30 * 24 * 3600 } = checkOptions(options, RULES);
    this.#client = client;
    this.#prefix = prefix;
    this.#ttlSeconds = ttlSeconds;
  }

  /** The bytes under a name; `undefined` if there are none. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const key = this.#prefix + name;
    const bytes = Number(await this.#client.strLen(key));
    if (bytes === 0) return undefined;
    if (bytes > mostBytes(name)) throw new RangeError(`${bytes} bytes under ${key} are no artefact`);
    const sealed = await this.#client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(key);
    return types.isUint8Array(sealed) ? sealed : undefined;
  }

  /** Keeps bytes under a name for `ttlSeconds`. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#client.set(this.#prefix + name, value, { expiration: { type: 'EX', value: this.#ttlSeconds } });
  }
}
