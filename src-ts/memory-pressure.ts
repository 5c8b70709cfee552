import { PAGE_BYTES } from './options.js';
import type { Pool } from './pool.js';

/** From this share of what it may be, memory counts as near its limit. */
const NEAR = 0.9;

/**
 * Whether a pool should be given no more work for its engine's memory. An idle instance has its memory already: it may serve
 * whatever others hold.
 *
 * @internal
 */
export function nearMemoryLimit(pool: Pool): boolean {
  const { currentBytes, maxPages } = pool.code.engine.tracker.snapshot();
  return pool.stats.idle === 0 && currentBytes >= NEAR * maxPages * PAGE_BYTES;
}
