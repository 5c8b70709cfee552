// The run of `npm run soak`, in short.
import { expect, test } from 'vitest';
import { soak } from '../stress/soak.mjs';

test('what calls took, good and bad, is back when their pools are closed', async () => {
  // So few calls say little of the slope: allocators keep what they were given once. It is measured by `npm run soak`.
  const { ledger, samples, start, end } = await soak({ calls: 30_000, maxSlope: 1_000 });
  expect(ledger.problems).toEqual([]);
  expect(ledger.settled).toBe(ledger.submitted);
  const { bytes, instances, threads, descriptors } = end;
  expect({ bytes, instances, threads, descriptors }).toEqual({
    bytes: 0,
    instances: 0,
    threads: start.threads,
    descriptors: start.descriptors,
  });
  expect(Math.max(...samples.map((sample) => sample.bytes))).toBeGreaterThan(0);
  const ends = new Map([...ledger.tally].map(([kind, outcomes]) => [kind, Object.fromEntries(outcomes)]));
  expect(ends.get('timeout')).toEqual({ ERR_TIMEOUT: 300 });
  expect(ends.get('good')).toEqual({ answer: 29_100 });
}, 120_000);
