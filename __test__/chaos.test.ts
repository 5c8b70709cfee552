// The chaos run of `npm run chaos`, for 20 s.
import { expect, test } from 'vitest';
import { CALL_KINDS } from '../stress/calls/call-kinds.mjs';
import { chaos } from '../stress/calls/chaos.mjs';

test('good and bad calls of 64 callers each end as they must, and the numbers of their pools add up', async () => {
  const seed = Date.now() % 1_000_000;
  const { ledger, pools } = await chaos({ seconds: 20, seed });
  expect(ledger.problems, `seed ${seed}`).toEqual([]);
  expect(ledger.settled).toBe(ledger.submitted);
  expect([...ledger.tally.keys()].sort()).toEqual(CALL_KINDS.map(({ name }) => name).sort());
  const counted = pools.map(({ completed, failed, timedOut, aborted }) => completed + failed + timedOut + aborted);
  expect(Math.min(...counted)).toBeGreaterThan(0);
}, 150_000);
