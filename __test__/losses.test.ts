// The run of `npm run losses`, in short.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { losses } from '../stress/queue/losses.mjs';
import { noRedis } from '../stress/shared/redis-process.mjs';
import { page } from './extraction-support.js';
import { temporaryFolder } from './support.js';

test.skipIf(noRedis !== undefined)(
  `no job is lost, and none has two results, while workers are killed, one is stopped and Redis restarted${noRedis === undefined ? '' : ` (skipped: ${noRedis})`}`,
  async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'ice'));
    for (let n = 0; n < 20; n++) writeFileSync(join(folder, 'ice', `${n}.html`), page(`<p>Day ${n}</p>`));
    const seed = Date.now() % 1_000_000;
    const ran = await losses({ jobs: 4_000, pages: 50, folder, workers: 3, killEvery: 800, seed });
    expect(ran.problems, `seed ${seed}`).toEqual([]);
    expect(ran.accepted).toBe(4_050);
    expect(ran.kills).toBeGreaterThan(0);
    console.log(`${ran.kills} workers killed, ${ran.twice} results stored again, ${ran.lost} locks lost`);
  },
  180_000,
);
