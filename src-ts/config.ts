import type { CacheOptions } from './cache-options.js';
import type { EngineOptions } from './engine.js';
import {
  badOption,
  DEFAULT_COLD_START_TARGET_MILLIS,
  DEFAULT_MAX_INSTANCES,
  DEFAULT_MAX_PAGES,
  MAX_COLD_START_TARGET_MILLIS,
  MAX_INSTANCES,
  MAX_MILLIS,
  MAX_PAGES,
} from './options.js';
import type { PoolOptions } from './pool-options.js';
import { type Environment, type Variable, warnOfUnknown } from './variables.js';

/** The result of {@link loadConfig}: options for `new Engine` and `new Pool`. */
export interface Config {
  /** Options for `new Engine`. */
  readonly engine: Required<
    Pick<EngineOptions, 'simd' | 'metrics' | 'maxInstances' | 'maxMemoryPages' | 'cache' | 'coldStartTargetMillis'>
  >;
  /** Options for `new Pool`. */
  readonly pool: Required<Pick<PoolOptions, 'min' | 'max' | 'reuse' | 'timeoutMillis' | 'maxMemoryPages'>>;
}

const PAGES_PER_MB = 16;

/**
 * Reads the environment.
 *
 * | Variable | What it sets | Default | Allowed |
 * |---|---|---|---|
 * | `RIPTIDE_WASM_MAX_POOL_SIZE` | `max` | 8 | whole, 1 to 4,096 |
 * | `RIPTIDE_WASM_INITIAL_POOL_SIZE` | `min` | 2, or the maximum where that is less | whole, 0 to the maximum |
 * | `RIPTIDE_WASM_MEMORY_LIMIT_MB` | `maxMemoryPages`, 16 a MB | 256 | whole, 1 to 4,096 |
 * | `RIPTIDE_WASM_MEMORY_LIMIT_PAGES` | `maxMemoryPages` | 4096 | whole, 1 to 65,536 |
 * | `RIPTIDE_WASM_ENABLE_SIMD` | `simd`, and which extractor runs | true | `true`, `false` |
 * | `RIPTIDE_WASM_ENABLE_AOT_CACHE` | `cache` | true | `true`, `false` |
 * | `RIPTIDE_WASM_COLD_START_TARGET_MS` | `coldStartTargetMillis` | 15 | whole, 1 to 3,600,000 |
 * | `RIPTIDE_WASM_TIMEOUT_SECS` | `timeoutMillis` | 30 | a number above 0, up to 2,147,483 |
 * | `RIPTIDE_WASM_ENABLE_REUSE` | `reuse` | true | `true`, `false` |
 * | `RIPTIDE_WASM_ENABLE_METRICS` | `metrics` | true | `true`, `false` |
 * | `RIPTIDE_WASM_CACHE_DIR` | `cache.directory` | the user's cache home | a path |
 * | `RIPTIDE_WASM_CACHE_KEY_FILE` | `cache.keyFile` | a secret made on first use | a path |
 * | `RIPTIDE_WASM_CACHE_TRUST` | `cache.trust` | key | `key`, `owner` |
 *
 * Where megabytes and pages are both set and disagree, the lower holds, and a process warning says so. Another process
 * warning names a variable that begins with `RIPTIDE_WASM_` and is none that is read, once, and the one that it may
 * be a slip for.
 *
 * @param env the variables; `process.env` where absent
 * @throws OptionError `ERR_BAD_OPTION` for a value that cannot be used: its message names the variable, the value and
 *   what is allowed
 */
export function loadConfig(env: Environment = process.env): Config {
  warnOfUnknown(env);
  const max = wholeNumber(env, 'RIPTIDE_WASM_MAX_POOL_SIZE', 1, MAX_INSTANCES) ?? 8;
  const maxMemoryPages = memoryPages(env);
  return {
    engine: {
      simd: bool(env, 'RIPTIDE_WASM_ENABLE_SIMD'),
      metrics: bool(env, 'RIPTIDE_WASM_ENABLE_METRICS'),
      maxInstances: Math.max(DEFAULT_MAX_INSTANCES, max),
      maxMemoryPages,
      cache: cache(env),
      coldStartTargetMillis:
        wholeNumber(env, 'RIPTIDE_WASM_COLD_START_TARGET_MS', 1, MAX_COLD_START_TARGET_MILLIS) ??
        DEFAULT_COLD_START_TARGET_MILLIS,
    },
    pool: {
      min: wholeNumber(env, 'RIPTIDE_WASM_INITIAL_POOL_SIZE', 0, max, ', the maximum pool size') ?? Math.min(2, max),
      max,
      reuse: bool(env, 'RIPTIDE_WASM_ENABLE_REUSE'),
      timeoutMillis: timeoutMillis(env, 'RIPTIDE_WASM_TIMEOUT_SECS') ?? 30_000,
      maxMemoryPages,
    },
  };
}

function memoryPages(env: Environment): number {
  const megabytes = wholeNumber(env, 'RIPTIDE_WASM_MEMORY_LIMIT_MB', 1, MAX_PAGES / PAGES_PER_MB);
  const pages = wholeNumber(env, 'RIPTIDE_WASM_MEMORY_LIMIT_PAGES', 1, MAX_PAGES);
  if (megabytes === undefined) return pages ?? DEFAULT_MAX_PAGES;
  const fromMegabytes = megabytes * PAGES_PER_MB;
  if (pages === undefined || pages === fromMegabytes) return fromMegabytes;
  const lower = Math.min(pages, fromMegabytes);
  process.emitWarning(
    `RIPTIDE_WASM_MEMORY_LIMIT_MB=${megabytes} (${fromMegabytes} pages) and ` +
      `RIPTIDE_WASM_MEMORY_LIMIT_PAGES=${pages} disagree: the lower limit, ${lower} pages, holds`,
    'RiptideWarning',
  );
  return lower;
}

function cache(env: Environment): NonNullable<EngineOptions['cache']> {
  const enabled = bool(env, 'RIPTIDE_WASM_ENABLE_AOT_CACHE');
  const fields = cacheFields(env);
  return enabled && Object.keys(fields).length > 0 ? fields : enabled;
}

/** The environment's settings of the cache's place and key, whether or not it turns the cache on. @internal */
export function cacheFields(env: Environment): CacheOptions {
  const directory = path(env, 'RIPTIDE_WASM_CACHE_DIR');
  const keyFile = path(env, 'RIPTIDE_WASM_CACHE_KEY_FILE');
  const trust = env.RIPTIDE_WASM_CACHE_TRUST;
  if (trust !== undefined && trust !== 'key' && trust !== 'owner')
    throw badOption('RIPTIDE_WASM_CACHE_TRUST', trust, 'key or owner');
  return {
    ...(directory !== undefined && { directory }),
    ...(keyFile !== undefined && { keyFile }),
    ...(trust !== undefined && { trust }),
  };
}

function bool(env: Environment, name: Variable): boolean {
  return flagOf(env, name) ?? true;
}

/** `undefined` where it is not set. @internal */
export function flagOf(env: Environment, name: Variable): boolean | undefined {
  const value = env[name];
  if (value === undefined) return undefined;
  const word = value.trim().toLowerCase();
  if (word !== 'true' && word !== 'false') throw badOption(name, value, 'true or false');
  return word === 'true';
}

function wholeNumber(env: Environment, name: Variable, least: number, most: number, why = ''): number | undefined {
  const value = env[name];
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most))
    throw badOption(name, value, `a whole number from ${least} to ${most}${why}`);
  return number;
}

function timeoutMillis(env: Environment, name: Variable): number | undefined {
  const value = env[name];
  if (value === undefined) return undefined;
  const most = Math.floor(MAX_MILLIS / 1000);
  const seconds = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (!(seconds > 0 && seconds <= most)) throw badOption(name, value, `a number of seconds above 0, up to ${most}`);
  return seconds * 1000;
}

function path(env: Environment, name: Variable): string | undefined {
  const value = env[name];
  if (value === '' || value?.includes('\0')) throw badOption(name, value, 'a path');
  return value;
}
