// The run of `npm run kills`, in short.
import { expect, test } from 'vitest';
import { kills } from '../stress/cache/kills.mjs';

test('after SIGKILL at any moment of 20 loads and their writes, the next load is right and refuses nothing', async () => {
  const seed = Date.now() % 1_000_000;
  const { report, left } = await kills({ rounds: 20, seed });
  expect(report.problems, `seed ${seed}`).toEqual([]);
  const killed = [...report.kinds.values()].reduce((sum, { count }) => sum + count, 0);
  expect(killed).toBe(20);
  // Some were in the middle of it.
  expect(left.empty + left.part + left.whole).toBeGreaterThan(0);
}, 300_000);
