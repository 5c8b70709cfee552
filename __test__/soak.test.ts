// The soak run of `npm run soak`, in short.
import { expect, test } from 'vitest';
import { soak } from '../stress/calls/soak.mjs';

/**
 * Of resident memory, in KB for 1,000 calls. Nothing collects garbage here and the run is short, so the line is rough; but
 * a page of guest memory kept by each call of only one of the bad sorts (1 %) would be 640.
 */
const MAX_SLOPE = 500;

test('after 30,000 calls, good and bad, the process holds what it held before', async () => {
  const { ledger, start, end, samples } = await soak({ calls: 30_000, maxSlope: MAX_SLOPE });
  expect(ledger.problems).toEqual([]);
  const { bytes, instances, threads, descriptors } = end;
  expect({ bytes, instances, threads, descriptors }).toEqual({
    bytes: 0,
    instances: 0,
    threads: start.threads,
    descriptors: start.descriptors,
  });
  expect(Math.max(...samples.map((sample) => sample.instances))).toBeGreaterThan(0);
  const counts = Object.fromEntries(
    [...ledger.tally].map(([kind, outcomes]) => [kind, [...outcomes.values()].reduce((sum, count) => sum + count, 0)]),
  );
  expect(counts).toEqual({ good: 29_100, trap: 300, timeout: 300, 'denied growth': 300 });
}, 120_000);
