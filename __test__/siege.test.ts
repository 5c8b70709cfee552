// The run of `npm run siege`, in short.
import { expect, test } from 'vitest';
import { siege } from '../stress/server/siege.mjs';

test('the server answers everybody rightly under a load that is partly hostile, and whom it accepted when it ends', async () => {
  const seed = Date.now() % 1_000_000;
  const ran = await siege({ seconds: 8, calibration: 2, rounds: 2, seed, complete: false });
  const { health } = ran.probed;
  console.log(`/health under load: p50 ${health.p50.toFixed(1)} ms, p99 ${health.p99.toFixed(1)} ms`);
  expect(ran.problems, `seed ${seed}`).toEqual([]);
  // There was a load, of all sorts.
  const parts = new Set(ran.kinds.map(({ part }) => part));
  expect([...parts].sort()).toEqual(['bomb', 'deep', 'giant', 'good', 'hung up', 'malformed', 'slow']);
  expect(ran.sent).toBeGreaterThan(100);
  expect(health.count).toBeGreaterThan(50);
  expect(ran.ended.lost).toBe(0);
  expect(ran.ended.answered).toBeGreaterThan(100);
}, 180_000);
