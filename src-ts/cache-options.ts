import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BindingCacheLimits, BindingEngineOptions } from './binding.js';
import { badOption, checkOptions, flag, isRecord, MAX_AGE_MILLIS, oneOf, type Rule, whole, words } from './options.js';

/**
 * The most bytes that an artefact of this name may have: native code is a few times its WebAssembly, whose bytes the
 * name ends with.
 * @internal
 */
export function mostBytes(name: string): number {
  return 64 * 1024 ** 2 + 64 * Number(name.slice(name.lastIndexOf('_') + 1));
}

/**
 * A store of artefacts by name that several machines share, such as Redis (`riptide-wasm/redis`). Engines seal artefacts
 * with their key and verify them with it, so that the worst a writer to this store can cause is a compile. An error that it
 * throws causes a warning and a compile.
 */
export interface SharedCache {
  /** The bytes kept under a name; `undefined` or `null` if there are none. A load waits up to 2 seconds for it. */
  get(name: string): Promise<Uint8Array | undefined | null>;
  /** Keeps bytes under a name. No load waits for it. */
  put(name: string, bytes: Uint8Array): Promise<unknown>;
}

/** Limits of the cache's directory. Beyond them, the least recently used artefacts are removed first. */
export interface CacheLimits {
  /**
   * Bytes of all artefacts, of all engines: 0 to 2^53 - 1.
   * @default 1 GiB
   */
  maxBytes?: number;
  /**
   * Artefacts: 0 to 1,000,000.
   * @default 4096
   */
  maxEntries?: number;
  /**
   * How long an unused artefact is kept, in milliseconds: 1 to 3,155,760,000,000, a hundred years.
   * @default 90 days
   */
  maxAgeMillis?: number;
}

/** The directory that compiled code is kept in, and why files there are trusted. */
export interface CacheOptions extends CacheLimits {
  /**
   * The cache's directory; made where it is missing.
   * @default `$XDG_CACHE_HOME/riptide-wasm`, or `~/.cache/riptide-wasm`
   */
  directory?: string;
  /**
   * The file with the secret that artefacts are signed with (`trust: 'key'`): 32 bytes to 64 KiB. It is read again when
   * it changed; artefacts that the old secret signed are compiled again then.
   * @default a secret of this user, made on first use and kept outside the cache
   */
  keyFile?: string;
  /**
   * Why an artefact is trusted: `'key'`, for a keyed MAC over its bytes; or `'owner'`, for lying in a directory that only
   * this user or root can write to.
   * @default 'key'
   */
  trust?: 'key' | 'owner';
  /**
   * Whether other users may read new artefacts, such as in an image that another user runs.
   * @default false
   */
  readable?: boolean;
  /**
   * The store to ask for code that neither memory nor disk has; new code is put there. It needs `keyFile`, the same on all
   * machines.
   * @default none
   */
  shared?: SharedCache;
}

/** An engine's cache, checked and complete. @internal */
export interface ResolvedCache {
  readonly binding: NonNullable<BindingEngineOptions['cache']>;
  readonly shared: SharedCache | undefined;
}

const DEFAULT_LIMITS: BindingCacheLimits = {
  maxBytes: 1024 ** 3,
  maxEntries: 4096,
  maxAgeMillis: 90 * 24 * 3_600_000,
};

const LIMIT_RULES = {
  maxBytes: whole(0, Number.MAX_SAFE_INTEGER, 'bytes'),
  maxEntries: whole(0, 1_000_000, 'artefacts'),
  maxAgeMillis: whole(1, MAX_AGE_MILLIS, 'milliseconds'),
};

const shared: Rule = {
  allowed: 'an object with get(name) and put(name, bytes)',
  accepts: (value) => isRecord(value) && typeof value.get === 'function' && typeof value.put === 'function',
};

const CACHE_RULES = {
  directory: words,
  keyFile: words,
  trust: oneOf('key', 'owner'),
  readable: flag,
  shared,
  ...LIMIT_RULES,
};

/** The rule of the engine's `cache` option. @internal */
export const cacheRule: Rule = {
  allowed: `true, false, or an object with ${Object.keys(CACHE_RULES).join(', ')}`,
  accepts: (value) => typeof value === 'boolean' || isRecord(value),
};

/** `undefined`: no cache. @internal */
export function resolveCache(cache: boolean | CacheOptions): ResolvedCache | undefined {
  if (cache === false) return undefined;
  const options = checkOptions(cache === true ? {} : cache, CACHE_RULES, 'cache.');
  const { directory, keyFile, trust = 'key', readable = false } = options;
  if (trust === 'owner' && options.shared !== undefined)
    throw badOption('cache.trust', trust, "'key', where there is cache.shared");
  if (trust === 'owner' && keyFile !== undefined)
    throw badOption('cache.keyFile', keyFile, "no key with trust 'owner'");
  if (options.shared !== undefined && keyFile === undefined)
    throw badOption('cache.keyFile', keyFile, 'a key file, where there is cache.shared');
  const kept = directory === undefined ? defaultCacheDirectory() : resolve(directory);
  if (kept === undefined) return undefined;
  const binding: ResolvedCache['binding'] = {
    directory: kept,
    trust,
    readable,
    limits: { ...DEFAULT_LIMITS, ...limitsOf(options) },
  };
  if (keyFile !== undefined) binding.keyFile = resolve(keyFile);
  return { binding, shared: options.shared };
}

/** The given limits; those that are not given are as in `otherwise`. @internal */
export function resolveLimits(given: CacheLimits, otherwise: BindingCacheLimits = DEFAULT_LIMITS): BindingCacheLimits {
  return { ...otherwise, ...limitsOf(checkOptions(given, LIMIT_RULES)) };
}

function limitsOf({ maxBytes, maxEntries, maxAgeMillis }: CacheLimits): CacheLimits {
  return {
    ...(maxBytes !== undefined && { maxBytes }),
    ...(maxEntries !== undefined && { maxEntries }),
    ...(maxAgeMillis !== undefined && { maxAgeMillis }),
  };
}

let warnedOfNoHome = false;

function defaultCacheDirectory(): string | undefined {
  const { XDG_CACHE_HOME: home } = process.env;
  // The XDG rules: a relative path counts as none.
  if (home?.startsWith('/')) return join(home, 'riptide-wasm');
  try {
    return join(homedir(), '.cache', 'riptide-wasm');
  } catch (error) {
    // A container's user may have no home. That costs compiling at each start, not the engine.
    if (!warnedOfNoHome) {
      const reason = error instanceof Error ? error.message : String(error);
      process.emitWarning(`no cache of compiled code: there is no home directory (${reason})`, 'RiptideWarning');
    }
    warnedOfNoHome = true;
    return undefined;
  }
}
