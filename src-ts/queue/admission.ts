import { nearMemoryLimit } from '../memory-pressure.js';
import { PAGE_BYTES } from '../options.js';
import type { Pool } from '../pool.js';

/** How many jobs a pool admits at once, and why none now. */
export interface Admission {
  /** The most jobs at once: 1 or more. */
  readonly concurrency: number;
  /** Why none should begin now; absent where they may. */
  readonly stopped?: 'the pool is closed' | 'the breaker is open' | 'memory is near its limit';
}

/**
 * What a pool admits now: as many jobs as it has instances, or fewer where the memory that is left holds no more; one while
 * its breaker tries; none while that is open or memory near its limit.
 *
 * @param wanted the most jobs at once; `undefined` for as many as the pool has instances
 */
export function admission(pool: Pool, wanted?: number): Admission {
  const { max, maxQueue = Number.POSITIVE_INFINITY, size, breaker } = pool.stats;
  const concurrency = Math.max(1, Math.min(wanted ?? max, max + maxQueue, size + roomFor(pool, size)));
  if (pool.closed) return { concurrency, stopped: 'the pool is closed' };
  if (breaker?.state === 'open') return { concurrency, stopped: 'the breaker is open' };
  if (nearMemoryLimit(pool)) return { concurrency, stopped: 'memory is near its limit' };
  return { concurrency: breaker?.state === 'halfOpen' ? 1 : concurrency };
}

/** How many more instances the engine's memory holds, if they are like those that live. */
function roomFor(pool: Pool, size: number): number {
  const { currentBytes: own } = pool.tracker;
  const { currentBytes, maxPages } = pool.code.engine.tracker.snapshot();
  if (size === 0 || own === 0) return Number.POSITIVE_INFINITY;
  return Math.floor((maxPages * PAGE_BYTES - currentBytes) / (own / size));
}
