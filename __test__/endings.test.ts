import { describe, expect, test } from 'vitest';
import { end, endings } from '../stress/endings/endings.mjs';
import { run } from './support.js';

/** Enough to see that each ending works; `node stress/endings/endings.mjs` runs them often enough to meet the rare moments. */
const ROUNDS = 3;

describe('ends well, each time:', () => {
  test.each(endings.map((ending) => [ending.name, ending] as const))(
    '%s',
    async (_, ending) => {
      // Spread over the moments that the rounds of the stress run go through.
      for (let round = 0; round < ROUNDS; round++) expect(await end(ending, round * 7)).toBeUndefined();
    },
    60_000 + ROUNDS * 20_000,
  );
});

describe.each(['main', 'worker'])('the %s thread ends by itself with', (where) => {
  test.each([
    ['loaded code', 'code'],
    ['a pool that nobody closed', 'pool'],
    ['a warm pool', 'warm-pool'],
    ['a pool that is warming up', 'warming-pool'],
    ['an instance', 'instance'],
    ['a sync instance', 'sync-instance'],
    ['a pool whose calls timed out', 'timed-out'],
  ])('%s, all idle', async (_, what) => {
    const ended = await run('__test__/fixtures/idle.mjs', [what, where]);
    expect(ended).toEqual({ code: 0, stdout: '7\n', stderr: '' });
  });
});
