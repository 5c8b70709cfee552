// `npm run soak`: a million calls, good and bad, with the process's memory, threads and descriptors during and after them.
//
//   --calls N    how many; 1,000,000
//   --svg FILE   where to draw memory over time; soak.svg in the system's temporary folder
import './steady-memory.mjs'; // before the addon is loaded
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Engine } from '../../dist/index.js';
import { isMain, main, seconds } from '../../scripts/lib.mjs';
import { footprint, line } from '../shared/footprint.mjs';
import { wholeNumber } from '../shared/options.mjs';
import { Random } from '../shared/random.mjs';
import { core, hostAnswer } from './core-guest.mjs';
import { Ledger } from './ledger.mjs';
import { timesOut } from './outcomes.mjs';
import { plot } from './plot.mjs';
import { loadGuests } from './pools.mjs';
import { records, someRecords, stamp } from './record-guest.mjs';

const IN_FLIGHT = 64;
const SAMPLES = 200;
/** Calls before the start is measured: until then the process gets threads, code and heap that it keeps. */
const WARM_UP_CALLS = 10_000;
/** Of resident memory, in KB for 1,000 calls. */
const MAX_SLOPE = 1;
const TIMEOUT_MILLIS = 2;

// Kind, guest, and the call. Of a hundred calls three are bad.
const TRAPS = [
  ['trap', 'core', ({ id }) => core.giveUp(id)],
  ['trap', 'core', ({ id }) => core.divideByZero(id)],
  ['trap', 'core', ({ id }) => core.readOutside(id)],
  ['trap', 'core', ({ id }) => core.overflow(id)],
  ['trap', 'records', ({ id, random }) => records.lose(id, someRecords(id, random))],
];
const TIMEOUT = ['timeout', 'core', spin];
const DENIED = [
  ['denied growth', 'core', ({ id }) => core.growInVain(id, 60_000)],
  ['denied growth', 'core', ({ id, account }) => core.growOrTrap(id, 1_000, account)],
];
const GOOD = [
  ['good', 'core', ({ id }) => core.mix(id, id % 500)],
  ['good', 'core', ({ id }) => core.mix(id, 10)],
  ['good', 'core', ({ id, account }) => core.visit(id, account)],
  ['good', 'core', ({ id, account }) => (account.reuse ? core.mix(id, 20) : core.spread(id, 2))],
  ['good', 'core', ({ id }) => core.ask(id)],
  ['good', 'core', ({ id }) => core.ask(id, async () => hostAnswer(id))],
  ['good', 'records', ({ id, random }) => records.echo(id, someRecords(id, random))],
  ['good', 'records', ({ id, random }) => records.take(id, someRecords(id, random), 0)],
  ['good', 'records', ({ id }) => records.stamped(id, `record ${id}`)],
  ['good', 'records', ({ id }) => records.stamped(id, `record ${id}`, async (...args) => stamp(...args))],
];

function spin() {
  const allowed = [timesOut(TIMEOUT_MILLIS, ['queued', 'computing'])];
  return { ...core.spin(), options: { timeoutMillis: TIMEOUT_MILLIS }, allowed };
}

/** The kind of call `n`, and whether its pool reuses instances: half of each kind. */
function planned(n) {
  const hundred = Math.floor(n / 100);
  const reuse = (n + hundred) % 2 === 0;
  if (n % 100 === 0) return [reuse, ...TRAPS[hundred % TRAPS.length]];
  if (n % 100 === 1) return [reuse, ...TIMEOUT];
  if (n % 100 === 2) return [reuse, ...DENIED[(hundred >> 1) % DENIED.length]];
  return [reuse, ...GOOD[n % GOOD.length]];
}

/** Makes the calls. The ledger's `problems` are empty if everything held. */
export async function soak({ calls, maxSlope = MAX_SLOPE, note = () => {} }) {
  const engine = new Engine({ cache: false });
  const ledger = new Ledger();
  const guests = await loadGuests(engine, ledger);
  await load(guests, ledger, WARM_UP_CALLS, () => {});
  ledger.tally.clear();
  // The first line before the start: with its first stream Node opens a descriptor of its own.
  note(`warm after ${WARM_UP_CALLS} calls`);
  const held = () => ({ ...footprint(), bytes: engine.tracker.currentBytes, instances: engine.stats.instances });

  const start = held();
  const began = performance.now();
  const samples = [];
  await load(guests, ledger, calls, (done) => {
    samples.push({ calls: done, seconds: (performance.now() - began) / 1000, ...held() });
    if (samples.length % (SAMPLES / 10) === 0) note(`${seconds(performance.now() - began)}: ${done} calls`);
  });
  const millis = performance.now() - began;
  // The system lists a thread for a moment after it ended.
  for (let round = 0; round < 100 && differing(start, held()).length > 0; round++) await delay(10);
  const end = held();

  for (const name of differing(start, end))
    ledger.problem(`${name}: ${start[name]} at the start, ${end[name]} at the end`);
  ledger.checkLost();
  const late = samples.filter((sample) => sample.calls > calls / 2);
  const trend = line(late.map((sample) => ({ x: sample.calls, y: sample.resident })));
  const slope = (trend.slope * 1000) / 1024;
  if (!(slope < maxSlope)) {
    ledger.problem(`resident memory grows by ${slope.toFixed(2)} KB in 1,000 calls; allowed: below ${maxSlope}`);
  }
  return { calls, millis, start, end, samples, slope, trend, ledger };
}

/** The names of the numbers that are not at the end as they were at the start. */
function differing(start, end) {
  return ['bytes', 'instances', 'threads', 'descriptors'].filter((name) => start[name] !== end[name]);
}

/** Makes the calls on pools of their own; closes these afterwards and compares their stats with the outcomes. */
async function load(guests, ledger, calls, sample) {
  const random = new Random(calls);
  const options = { max: 4 };
  const pools = {
    core: [guests.core('core, fresh', options), guests.core('core, warm', { ...options, reuse: true })],
    records: [guests.records('records, fresh', options), guests.records('records, warm', { ...options, reuse: true })],
  };
  const every = Math.ceil(calls / SAMPLES);
  let next = 0;
  const caller = async (until) => {
    while (next < until && ledger.problemCount === 0) {
      const [reuse, kind, guest, make] = planned(next++);
      const account = pools[guest][Number(reuse)];
      const id = ledger.nextId();
      await ledger.run({ ...make({ id, random, account }), id, kind, account });
    }
  };
  while (next < calls && ledger.problemCount === 0) {
    const until = Math.min(calls, next + every);
    if (await ledger.stalls(Promise.all(Array.from({ length: IN_FLIGHT }, () => caller(until))))) return;
    await sample(next);
  }
  for (const account of Object.values(pools).flat()) await ledger.close(account);
}

function print({ calls, millis, start, end, samples, slope, ledger }) {
  const most = (name) => Math.max(...samples.map((sample) => sample[name]));
  const megabytes = (bytes) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  const row = (what, ...cells) =>
    console.log(what.padEnd(18) + cells.map((cell) => String(cell).padStart(12)).join(''));
  row('', 'start', 'most', 'end');
  row('resident memory', ...[start.resident, most('resident'), end.resident].map(megabytes));
  row('guest memory', ...[start.bytes, most('bytes'), end.bytes].map(megabytes));
  for (const name of ['instances', 'threads', 'descriptors']) row(name, start[name], most(name), end[name]);
  console.log();
  for (const [kind, outcomes] of ledger.tally) {
    const ends = [...outcomes].map(([label, count]) => `${label} ${count.toLocaleString('en')}`);
    console.log(`${kind.padEnd(18)}${ends.join(', ')}`);
  }
  console.log(`\n${calls.toLocaleString('en')} calls in ${seconds(millis)}, ${ledger.problemCount} problems`);
  console.log(`resident memory, second half: ${slope.toFixed(3)} KB in 1,000 calls (allowed: below ${MAX_SLOPE})`);
  for (const problem of ledger.problems) console.log(`✗ ${problem}`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { calls: { type: 'string' }, svg: { type: 'string' } } });
    const ran = await soak({ calls: wholeNumber('calls', values.calls, 1_000_000), note: console.error });
    print(ran);
    const file = path.resolve(values.svg ?? path.join(tmpdir(), 'soak.svg'));
    writeFileSync(file, plot(ran));
    console.log(`drawn: ${file}`);
    // At once: a call that was lost may keep the process.
    if (ran.ledger.problemCount > 0) process.exit(1);
  });
}
