// `npm run evictions`: cluster workers load and call guests over one cache's folder, by key and by owner trust, while the
// primary prunes, clears and verifies it. No call may fail or answer wrongly, and no artefact be refused.
//
//   --seconds N   how long; 60
//   --seed N      the numbers of an earlier run, as far as scheduling allows; new ones each time
import cluster from 'node:cluster';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Engine } from '../../dist/index.js';
import { isMain, seconds as shownTime } from '../../scripts/lib.mjs';
import { Random } from '../shared/random.mjs';
import { number, Report } from '../shared/report.mjs';
import { command } from './command.mjs';

const script = fileURLToPath(new URL('eviction-worker.mjs', import.meta.url));
const WORKERS = 4;
/** How long a worker runs, from and to; its successor begins with nothing in memory. */
const LIFE_MILLIS = [500, 4000];
const HUNG_MILLIS = 60_000;
const TWO_HOURS = 7200;
const COUNTS = ['misses', 'memoryHits', 'diskHits'];

/** Operations on the folder, repeated at random. */
const MAINTENANCE = [
  {
    name: 'prune, artefacts',
    weight: 9,
    work: (cache, random) => cache.prune({ maxEntries: random.between(20, 190) }),
  },
  {
    name: 'prune, bytes',
    weight: 9,
    work: (cache, random) => cache.prune({ maxBytes: random.between(500_000, 5_000_000) }),
  },
  { name: 'prune, age', weight: 4, work: (cache, random) => cache.prune({ maxAgeMillis: random.between(1, 1000) }) },
  { name: 'clear', weight: 1, work: (cache) => cache.clear() },
  { name: 'clear, of folders that lay idle', weight: 1, work: clearAll },
];

/** Locks are left alone for an hour, and folders with them. */
async function clearAll(cache) {
  const then = Date.now() / 1000 - TWO_HOURS;
  for (const folder of listed(cache.directory)) {
    for (const name of listed(folder).filter((file) => path.basename(file).startsWith('.lock-'))) {
      try {
        utimesSync(name, then, then);
      } catch (error) {
        if (error.code !== 'ENOENT') throw error;
      }
    }
  }
  return cache.clear();
}

/** The paths in a folder; none if it was removed. */
function listed(folder) {
  try {
    return readdirSync(folder).map((name) => path.join(folder, name));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return [];
  }
}

/** Runs for some seconds. The report's `problems` are empty if no call failed or answered wrongly and no artefact was refused. */
export async function evictions({ seconds, seed, note = () => {} }) {
  const began = Date.now();
  const run = {
    top: mkdtempSync(path.join(tmpdir(), 'riptide-wasm-evictions-')),
    end: began + seconds * 1000,
    report: new Report(),
    totals: { workers: 0, calls: 0, misses: 0, memoryHits: 0, diskHits: 0 },
    maintenance: { removed: 0, verified: 0 },
  };
  const keyFile = path.join(run.top, 'key');
  writeFileSync(keyFile, 'k'.repeat(32), { mode: 0o600 });
  const directory = path.join(run.top, 'cache');
  cluster.setupPrimary({ exec: script, args: [], execArgv: ['--no-warnings'] });
  const caches = [{ keyFile }, { trust: 'owner' }].map(
    (trust) => new Engine({ workers: 1, cache: { directory, ...trust } }).cache,
  );
  const timer = setInterval(() => note(`${shownTime(Date.now() - began)}: ${number(run.totals.calls)} calls`), 10_000);
  const warned = ({ name, message }) => {
    if (name === 'RiptideWarning') run.report.problem(`the primary warned: ${message}`);
  };
  process.on('warning', warned);
  try {
    const places = Array.from({ length: WORKERS }, (_, place) => {
      return fill(run, [directory, keyFile], seed * WORKERS + place);
    });
    const removing = caches.map((cache, index) => remove(run, cache, new Random(seed, index + 1)));
    const verifying = caches.map((cache) => verify(run, cache));
    await Promise.all([...places, ...removing, ...verifying]);
    for (const cache of caches) checkQuiet(run, 'the primary', cache.snapshot());
  } finally {
    clearInterval(timer);
    process.off('warning', warned);
    rmSync(run.top, { recursive: true, force: true });
  }
  const { report, totals, maintenance } = run;
  return { seed, millis: Date.now() - began, report, totals, maintenance };
}

const isOver = ({ end, report }) => Date.now() >= end || report.problemCount > 0;

/** Keeps one worker alive after the other. */
async function fill(run, args, seed) {
  const random = new Random(seed);
  while (!isOver(run)) {
    cluster.setupPrimary({ args: [...args, String(random.between(1, 1_000_000))] });
    const worker = cluster.fork();
    const exit = once(worker, 'exit');
    const message = () => Promise.race([once(worker, 'message'), exit.then(() => [])]);
    const late = setTimeout(() => worker.process.kill('SIGKILL'), HUNG_MILLIS);
    await message(); // that it is there
    const until = Math.min(run.end, Date.now() + random.between(...LIFE_MILLIS));
    while (Date.now() < until && !isOver(run) && !worker.isDead()) await delay(20);
    const last = message();
    if (worker.isConnected()) worker.send('stop');
    const [[report], [code, signal]] = await Promise.all([last, exit]);
    clearTimeout(late);
    run.totals.workers++;
    if (code !== 0) run.report.problem(`a worker ended with ${signal ?? code}`);
    else if (report) count(run, report);
    else run.report.problem('a worker ended without a word');
  }
}

function count(run, { calls, problems, caches }) {
  run.totals.calls += calls;
  for (const problem of problems) run.report.problem(`a worker ${problem}`);
  for (const cache of caches) {
    for (const name of COUNTS) run.totals[name] += cache[name];
    checkQuiet(run, 'a worker', cache);
  }
}

/** Nothing that is done to the folder may cause these. */
function checkQuiet({ report }, who, { rejected, writeFailures, clockSkews }) {
  const refused = Object.fromEntries(Object.entries(rejected).filter(([, times]) => times > 0));
  report.check(who, { refused, writeFailures, clockSkews }, { refused: {}, writeFailures: 0, clockSkews: 0 });
}

async function remove(run, cache, random) {
  while (!isOver(run)) {
    const { name, work } = random.weighted(MAINTENANCE);
    try {
      const { entries } = await work(cache, random);
      run.maintenance.removed += entries;
      run.report.count(name, { removed: entries });
    } catch (error) {
      run.report.problem(`${name}: ${error}`);
    }
    await delay(random.between(0, 300));
  }
}

async function verify(run, cache) {
  while (!isOver(run)) {
    try {
      // Entries of the other trust are not checked by this engine.
      const entries = (await cache.verify()).filter(({ current }) => current);
      run.maintenance.verified += entries.length;
      run.report.count('verify', { found: entries.length });
      for (const { rejection } of entries) {
        if (rejection !== undefined) run.report.problem(`verify: an artefact is ${rejection}`);
      }
    } catch (error) {
      run.report.problem(`verify: ${error}`);
    }
    await delay(20);
  }
}

function print({ seed, millis, report, totals, maintenance }) {
  for (const [name, { count, outcomes }] of report.kinds) {
    const came = Object.entries(outcomes).map(([outcome, times]) => `${outcome} ${number(times)}`);
    console.log(`${name.padEnd(36)}${number(count).padStart(8)}  ${came.join(', ')}`);
  }
  console.log();
  for (const [name, count] of Object.entries({ ...totals, evicted: maintenance.removed }))
    console.log(`${name.padEnd(36)}${number(count).padStart(8)}`);
  console.log(`\nseed ${seed}, ${shownTime(millis)}: ${number(report.problemCount)} problems`);
}

if (isMain(import.meta.url)) await command('seconds', 60, evictions, print);
