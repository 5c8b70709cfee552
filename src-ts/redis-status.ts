import type { StatusReader, StatusStore } from './status/store.js';

/** The part of the package `redis` that {@link RedisStatusStore} calls: a connected client, pool, cluster or sentinel. */
export interface RedisScripts {
  /** `EVAL`. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

// A hash may have a time for each of its fields only from Redis 7.4 on. So their times are in a sorted set beside it, by
// the server's clock, the one that all writers and readers have in common. Both go by themselves after the last writer.
const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

const DROP_STALE = `for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('HDEL', KEYS[1], field)
  redis.call('ZREM', KEYS[2], field)
end
`;

/** The keys live as long as their last field: one that is written for longer is not cut short. */
const SET = `${NOW}redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
${DROP_STALE}local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, last) end
return 1`;

const DELETE = `redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('ZREM', KEYS[2], ARGV[1])`;

const ALL = `${NOW}${DROP_STALE}return redis.call('HGETALL', KEYS[1])`;

/**
 * The status of a fleet in Redis or Valkey: a hash under the key, with a field for each process. A field whose process has
 * not written for `ttlMillis` is dropped by whoever reads or writes next. The caller connects and closes the client.
 *
 * ```js
 * const client = await createClient({ url }).connect();
 * publishStatus(new RedisStatusStore(client));
 * ```
 */
export class RedisStatusStore implements StatusStore, StatusReader {
  readonly #client: RedisScripts;

  constructor(client: RedisScripts) {
    this.#client = client;
  }

  /** Keeps a text under a field until `ttlMillis` milliseconds have passed. */
  async set(key: string, field: string, value: string, ttlMillis: number): Promise<void> {
    await this.#client.eval(SET, { keys: keysOf(key), arguments: [field, value, String(ttlMillis)] });
  }

  /** Removes a field. */
  async delete(key: string, field: string): Promise<void> {
    await this.#client.eval(DELETE, { keys: keysOf(key), arguments: [field] });
  }

  /** The texts of a key by field. */
  async all(key: string): Promise<Record<string, string>> {
    const reply = await this.#client.eval(ALL, { keys: keysOf(key), arguments: [] });
    if (!Array.isArray(reply)) throw new TypeError(`the reply for ${key} is no list`);
    const fields: [string, string][] = [];
    for (let at = 0; at < reply.length; at += 2) fields.push([String(reply[at]), String(reply[at + 1])]);
    return Object.fromEntries(fields);
  }
}

/** The hash and the times of its fields: in the same slot of a cluster, by the braces. */
function keysOf(key: string): string[] {
  const slot = /\{[^}]+\}/.test(key) ? key : `{${key}}`;
  return [key, `${slot}:times`];
}
