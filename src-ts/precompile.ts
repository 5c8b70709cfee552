import type { Code } from './code.js';
import type { CodeSource, Engine } from './engine.js';
import { describe, makeError } from './errors.js';
import { ModuleCache } from './module-cache.js';
import { abortSignal, callback, checkOptions } from './options.js';

/** A module or component that {@link Engine.precompile} has loaded, or failed to load. */
export interface PrecompileProgress {
  /** The path, URL or bytes that were given. */
  readonly source: CodeSource;
  /** Its place among those given, from 0. */
  readonly index: number;
  /** How many are done, this one included. */
  readonly done: number;
  /** How many were given. */
  readonly total: number;
  /** Whether it is a module or a component; `undefined` if loading failed. */
  readonly kind: 'module' | 'component' | undefined;
  /** Whether the cache had it. */
  readonly cacheHit: boolean;
  /** How long it took, in milliseconds. */
  readonly millis: number;
  /** Why loading failed; `undefined` if it did not. */
  readonly error: unknown;
}

/** Options of {@link Engine.precompile}. */
export interface PrecompileOptions {
  /** Called with each module or component when it is done. */
  onProgress?: (progress: PrecompileProgress) => void;
  /** Stops after the one that is being compiled; `precompile` then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** One after the other, so that other loads find a free thread. @internal */
export async function precompile(
  engine: Engine,
  sources: readonly CodeSource[],
  given: PrecompileOptions,
): Promise<PrecompileProgress[]> {
  if (!Array.isArray(sources)) {
    const expected = 'an array of paths, file: URLs and Uint8Arrays';
    throw makeError('ERR_BAD_ARGUMENT', { path: 'sources', expected, received: describe(sources) });
  }
  const options = checkOptions(given, { onProgress: callback, signal: abortSignal });
  const results: PrecompileProgress[] = [];
  for (const [index, source] of sources.entries()) {
    options.signal?.throwIfAborted();
    const began = performance.now();
    const { code, error } = await tried(engine, source);
    const progress: PrecompileProgress = {
      source,
      index,
      done: index + 1,
      total: sources.length,
      kind: code?.kind,
      cacheHit: code?.cacheHit ?? false,
      millis: performance.now() - began,
      error,
    };
    results.push(progress);
    options.onProgress?.(progress);
  }
  await ModuleCache.shared(engine.cache)?.idle();
  options.signal?.throwIfAborted();
  const failed = results.find(({ error }) => error !== undefined);
  if (failed) throw failed.error;
  return results;
}

async function tried(engine: Engine, source: CodeSource): Promise<{ code?: Code; error?: unknown }> {
  try {
    return { code: await engine.load(source) };
  } catch (error) {
    return { error };
  }
}
