// The run of `npm run evictions`, for 5 s.
import { expect, test } from 'vitest';
import { evictions } from '../stress/cache/evictions.mjs';

test('guests are loaded and called by four processes while their artefacts are removed, and nobody notices', async () => {
  const seed = (Date.now() % 1_000_000) + 1;
  const { report, totals, maintenance } = await evictions({ seconds: 5, seed });
  expect(report.problems, `seed ${seed}`).toEqual([]);
  // All of it happened.
  for (const count of [totals.misses, totals.memoryHits, totals.diskHits, maintenance.removed, maintenance.verified]) {
    expect(count).toBeGreaterThan(0);
  }
  expect(totals.calls).toBeGreaterThan(totals.misses);
  expect(totals.workers).toBeGreaterThanOrEqual(4);
}, 150_000);
