import { isRecord, type Rule } from '../options.js';

/** The key that processes publish under unless another is given. @internal */
export const DEFAULT_KEY = 'hive/memory/wasm-tracker';

/**
 * A store that processes publish their status in, such as Redis (`RedisStatusStore` of `riptide-wasm/redis`): texts by
 * key and field, each process with a field of its own.
 */
export interface StatusStore {
  /**
   * Keeps a text under a field of a key until `ttlMillis` have passed without another: a process that died is not there
   * any more then.
   */
  set(key: string, field: string, value: string, ttlMillis: number): unknown;
  /** Removes a field, where the publisher is closed. Without this method the field goes by its time. */
  delete?(key: string, field: string): unknown;
}

/** A store whose fields can be read. */
export interface StatusReader {
  /** The texts of a key by field, without those whose time has passed. */
  all(key: string): Promise<Readonly<Record<string, string>>>;
}

/** @internal */
export const storeRule: Rule = {
  allowed: 'an object with set(key, field, value, ttlMillis), and delete(key, field) if it has that',
  accepts: (value) =>
    isRecord(value) &&
    typeof value.set === 'function' &&
    (value.delete === undefined || typeof value.delete === 'function'),
};

/** @internal */
export const readerRule: Rule = {
  allowed: 'an object with all(key)',
  accepts: (value) => isRecord(value) && typeof value.all === 'function',
};
