import type { CacheOptions } from './cache-options.js';
import { type Config, cacheFields, type loadConfig } from './config.js';
import { ENGINE_RULES, Engine, type EngineOptions } from './engine.js';
import { inner } from './internal.js';
import { badOption, isRecord } from './options.js';
import { POOL_RULES, type PoolOptions } from './pool-options.js';
import type { Environment } from './variables.js';

/**
 * Options of `createExtractor`. What is not given comes from the environment (see {@link loadConfig}), and what
 * is not there either from the defaults.
 */
export interface ExtractorOptions extends EngineOptions, Omit<PoolOptions, 'wasi' | 'imports'> {
  /**
   * The engine to run on. Its options are then its own: none of {@link EngineOptions} may stand beside it, except
   * `maxMemoryPages` and `maxTableElements`, which are then the pool's.
   * @default an engine of these options
   */
  engine?: Engine;
  /**
   * The environment to read; `false` reads none.
   * @default process.env
   */
  env?: Environment | false;
}

const { maxMemoryPages: _, maxTableElements: _elements, ...ENGINE_ONLY } = ENGINE_RULES;
const { wasi: _wasi, imports: _imports, ...POOL_ONLY } = POOL_RULES;

/** @internal */
export const EXTRACTOR_RULES = {
  ...ENGINE_RULES,
  ...POOL_ONLY,
  engine: { allowed: 'an Engine', accepts: (value: unknown) => value instanceof Engine },
  env: {
    allowed: 'an object of strings, or false',
    accepts: (value: unknown) => value === false || isRecord(value),
  },
};

/** Refuses options of an engine beside an engine. @internal */
export function checkEngineAlone(options: ExtractorOptions): void {
  if (options.engine === undefined) return;
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(ENGINE_ONLY, name) && value !== undefined) {
      throw badOption(name, value, 'nothing beside an engine, which has its own');
    }
  }
}

/** @internal */
export function engineOptions(options: ExtractorOptions, config: Config, env: Environment): EngineOptions {
  const engine: Record<string, unknown> = { ...config.engine };
  for (const name of Object.keys(ENGINE_RULES) as (keyof EngineOptions)[]) {
    if (options[name] !== undefined) engine[name] = options[name];
  }
  // A pool given more instances than the engine's default takes its engine along.
  if (options.maxInstances === undefined) {
    engine.maxInstances =
      options.max === undefined ? Math.max(config.engine.maxInstances, options.min ?? 0) : Math.max(64, options.max);
  }
  if (options.cache === true || isRecord(options.cache)) engine.cache = mergedCache(options.cache, env);
  return engine;
}

/** The environment's cache settings, overridden field by field by the given ones. */
function mergedCache(given: true | CacheOptions, env: Environment): true | CacheOptions {
  const fields: Record<string, unknown> = { ...cacheFields(env) };
  if (given !== true) {
    // There is no key with this trust, so the environment's is not for it.
    if (given.trust === 'owner') delete fields.keyFile;
    for (const [name, value] of Object.entries(given)) if (value !== undefined) fields[name] = value;
  }
  return Object.keys(fields).length > 0 ? fields : true;
}

/** @internal */
export function poolOptions(options: ExtractorOptions, config: Config, engine: Engine): PoolOptions {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(POOL_ONLY) as (keyof typeof POOL_ONLY)[]) {
    if (options[name] !== undefined) given[name] = options[name];
  }
  // Given options win over the environment's, for `min` and `max` separately; defaults fit into the engine.
  const { min, max } = config.pool;
  const { maxInstances: most } = engine[inner];
  const least = options.min ?? Math.min(min, options.max ?? min, most);
  return {
    ...config.pool,
    maxMemoryPages: Math.min(config.pool.maxMemoryPages, engine.maxMemoryPages),
    ...given,
    min: least,
    max: options.max ?? Math.min(Math.max(max, least), most),
  };
}
