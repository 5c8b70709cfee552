// `npm run losses`: jobs of a queue whose workers are killed with SIGKILL at random moments throughout; one worker is
// stopped for longer than its locks hold, and Redis is restarted in the middle. Every job must have exactly one accepted
// result, none may be lost, and Redis's memory must stay bounded. Work that was done twice is counted.
//
//   --jobs N      small jobs, with their page in them; 100,000
//   --pages N     jobs of real pages, by key; 5,000
//   --folder DIR  where the pages are; ../shared/pages
//   --workers N   processes; 3
//   --kill-every N  milliseconds from one SIGKILL to the next, on average; 4,000
//   --seed N      the moments of an earlier run, as far as scheduling allows; new ones each time
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { enqueue } from '../../dist/bullmq/index.js';
import { isMain, main, root, seconds as shownTime } from '../../scripts/lib.mjs';
import { wholeNumber } from '../shared/options.mjs';
import { Random } from '../shared/random.mjs';
import { startRedis } from '../shared/redis-process.mjs';
import { number } from '../shared/report.mjs';
import { checkResults } from './check-results.mjs';
import { Fleet } from './fleet.mjs';

/** Short, so that the jobs of dead workers are soon begun again. */
const LOCK_MILLIS = 2_000;
const SAMPLE_MILLIS = 1_000;
const MODES = ['article', 'full', 'metadata'];
/** Far fewer than the jobs: payloads wait with their producer. */
const MAX_BACKLOG = 2_000;
/** Beside what an empty Redis takes: the backlog, the jobs that are kept, 10,000 events. */
const MAX_REDIS_BYTES = 64 * 2 ** 20;
const NOTE_MILLIS = 10_000;
/** Without a job that ends, something hangs. */
const STUCK_MILLIS = 120_000;

/** The jobs, each with the key of its result: small ones and pages mixed as they come. */
function* jobsOf(jobs, pages, files) {
  const every = pages === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(jobs / pages));
  let page = 0;
  for (let n = 0; n < jobs; n++) {
    const html = `<title>Tide ${n}</title><article><p>The tide of day ${n} came in at noon, and nobody saw it.</p></article>`;
    yield { html, mode: 'full', result: `small/${n % 500}/${n}.json` };
    if (n % every === 0 && page < pages) yield pageJob(page++, files);
  }
  while (page < pages) yield pageJob(page++, files);
}

function pageJob(n, files) {
  const mode = MODES[Math.floor(n / files.length) % MODES.length];
  return { key: files[n % files.length], url: 'https://example.com/page', mode, result: `pages/${n % 50}/${n}.json` };
}

function pagesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.html?(\.gz)?$/.test(name))
    .sort();
}

/** Runs all of it, and returns what was found. */
export async function losses({ jobs, pages, folder, workers, killEvery, seed, note = () => {} }) {
  const random = new Random(seed);
  const redis = await startRedis({ aof: true });
  const queue = new Queue('losses', { connection: redis.connection });
  queue.on('error', () => {}); // while Redis restarts
  const problems = [];
  const files = pages === 0 ? [] : pagesIn(folder);
  const fleet = new Fleet(workers, {
    connection: redis.connection,
    queue: queue.name,
    pages: folder,
    concurrency: 4,
    lockDuration: LOCK_MILLIS,
    stalledInterval: LOCK_MILLIS,
    maxStalledCount: 1_000, // each of them is a kill of ours
  });
  const total = jobs + pages;
  const memory = [];
  try {
    await fleet.start();
    const began = Date.now();
    let added = 0;
    const adding = enqueue(queue, jobsOf(jobs, pages, files), {
      maxBacklog: MAX_BACKLOG,
      onProgress: (progress) => {
        added = progress.added;
      },
    });
    adding.catch(() => {}); // awaited below
    const disturbing = new AbortController();
    const disturbed = disturb(fleet, redis, {
      random,
      killEvery,
      signal: disturbing.signal,
      isHalf: () => added > total / 2,
      note,
    });
    await Promise.race([
      until(queue, fleet, { total, memory, note, enqueued: () => added }),
      disturbed,
      adding.then(() => never),
    ]);
    await adding;
    disturbing.abort();
    const { restarts, frozen } = await disturbed;
    const tookMillis = Date.now() - began;
    note('all jobs are done');
    problems.push(...(await fleet.stop()));
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
    for (const [state, count] of Object.entries(counts)) if (count > 0) problems.push(`${count} jobs are ${state}`);
    for (const { id, failedReason } of await queue.getFailed(0, 5)) problems.push(`job ${id} failed: ${failedReason}`);
    const accepted = Number(
      /bullmq_job_completed_total\{[^}]*\} (\d+)/.exec(await queue.exportPrometheusMetrics())?.[1],
    );
    if (accepted !== total) problems.push(`${accepted} results were accepted, of ${total} jobs`);
    problems.push(...checkResults(fleet.results, jobsOf(jobs, pages, files)));
    const most = Math.max(...memory);
    if (most > MAX_REDIS_BYTES) problems.push(`Redis held ${most} bytes`);
    if (restarts !== 1) problems.push(`Redis was restarted ${restarts} times`);
    if (frozen !== 1) problems.push(`${frozen} workers were stopped`);
    const { stored, distinct } = fleet.work();
    const lost = fleet.errors().filter((line) => /lock/i.test(line)).length;
    return {
      problems,
      total,
      accepted,
      kills: fleet.kills,
      stored,
      twice: stored - distinct,
      lost,
      tookMillis,
      memory,
    };
  } finally {
    await fleet.remove();
    await Promise.race([queue.close(), delay(2_000)]);
    await redis.remove();
  }
}

const never = new Promise(() => {});

/** Kills until it is told not to; stops one worker, and restarts Redis, on the way. */
async function disturb(fleet, redis, { random, killEvery, signal, isHalf, note }) {
  let [restarts, frozen] = [0, 0];
  const pause = (millis) => delay(millis, undefined, { signal }).catch(() => {});
  // Not sooner than a worker needs to begin.
  for (let round = 0; !signal.aborted || restarts + frozen < 2; round++) {
    await pause(killEvery * (0.25 + 1.5 * random.next()));
    if (signal.aborted && restarts + frozen === 2) break;
    if (frozen === 0 && round === 1) {
      note('a worker is stopped for longer than its locks hold');
      await fleet.freeze(random, 3 * LOCK_MILLIS);
      frozen++;
    } else if (restarts === 0 && (isHalf() || signal.aborted)) {
      note('Redis is restarted');
      await redis.restart();
      restarts++;
    } else {
      await fleet.kill(random);
    }
  }
  return { restarts, frozen };
}

/** Resolves when all jobs are done; samples Redis meanwhile. */
async function until(queue, fleet, { total, memory, note, enqueued }) {
  let [last, changed, noted] = [-1, Date.now(), Date.now()];
  for (;;) {
    await delay(SAMPLE_MILLIS);
    const info = await (await queue.getBackend().connection.client).info().catch(() => '');
    const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0);
    if (used > 0) memory.push(used);
    const { waiting, active, delayed } = await queue.getJobCounts('waiting', 'active', 'delayed');
    const { stored } = fleet.work();
    if (stored !== last) [last, changed] = [stored, Date.now()];
    if (Date.now() - changed > STUCK_MILLIS) throw new Error(`nothing was done for ${shownTime(STUCK_MILLIS)}`);
    if (Date.now() - noted > NOTE_MILLIS) {
      noted = Date.now();
      note(`${number(stored)} of ${number(total)} results, ${number(used)} bytes in Redis, ${fleet.kills} kills`);
    }
    if (enqueued() >= total && waiting + active + delayed === 0) return;
  }
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const text = { type: 'string' };
    const options = { jobs: text, pages: text, folder: text, workers: text, 'kill-every': text, seed: text };
    const { values } = parseArgs({ options });
    const seed = wholeNumber('seed', values.seed, (Date.now() % 1_000_000) + 1);
    const ran = await losses({
      jobs: wholeNumber('jobs', values.jobs, 100_000),
      pages: values.pages === '0' ? 0 : wholeNumber('pages', values.pages, 5_000),
      folder: path.resolve(values.folder ?? path.join(root, '..', 'shared', 'pages')),
      workers: wholeNumber('workers', values.workers, 3),
      killEvery: wholeNumber('kill-every', values['kill-every'], 4_000),
      seed,
      note: console.error,
    });
    const half = ran.memory.slice(Math.floor(ran.memory.length / 2));
    console.log(`seed ${seed}: ${number(ran.total)} jobs in ${shownTime(ran.tookMillis)}, ${ran.kills} workers killed`);
    console.log(
      `${number(ran.accepted)} results accepted; ${number(ran.stored)} stored, ${number(ran.twice)} of them again`,
    );
    console.log(
      `${number(ran.lost)} times a lock was lost; Redis held ${number(Math.max(...ran.memory))} bytes at most, ${number(Math.max(...half))} in the second half`,
    );
    for (const problem of ran.problems) console.log(`✗ ${problem}`);
    console.log(`${ran.problems.length} problems`);
    if (ran.problems.length > 0) process.exitCode = 1;
  });
}
