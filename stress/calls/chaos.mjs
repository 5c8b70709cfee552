// `npm run chaos`: random guests, good and bad, from 64 callers over several pools of one engine. Every call must end as
// its kind says, and the books must balance.
//
//   --seconds N   how long; 300
//   --seed N      the numbers of an earlier run, as far as scheduling allows; a new one each time
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Engine } from '../../dist/index.js';
import { isMain, main, seconds as shownTime } from '../../scripts/lib.mjs';
import { wholeNumber } from '../shared/options.mjs';
import { Random } from '../shared/random.mjs';
import { CALL_KINDS } from './call-kinds.mjs';
import { core } from './core-guest.mjs';
import { Ledger } from './ledger.mjs';
import { loadGuests } from './pools.mjs';

const CALLERS = 64;
const BOUNDS_EVERY_MILLIS = 20;
const BREAKER = { errorThresholdPercentage: 25, resetTimeoutMillis: 20, rollingCountTimeoutMillis: 500 };

/** How many callers a wave has: mostly all. */
const WIDTHS = [
  { callers: CALLERS, weight: 4 },
  { callers: 8, weight: 1 },
  { callers: 1, weight: 1 },
];

/** Runs for some seconds. The ledger's `problems` are empty if everything held. */
export async function chaos({ seconds, seed, note = () => {} }) {
  // Room for the lasting pools, and for a short-lived one of each caller.
  const engine = new Engine({ cache: false, maxInstances: 128 });
  const engineWithFuel = new Engine({ cache: false, fuel: true });
  const ledger = new Ledger();
  const guests = await loadGuests(engine, ledger);
  const groups = await openPools(guests, await loadGuests(engineWithFuel, ledger));
  const accounts = [...new Set(Object.values(groups).flat())];
  const act = actor(groups, guests, ledger);
  const bounds = setInterval(() => {
    for (const account of accounts) ledger.checkBounds(account);
  }, BOUNDS_EVERY_MILLIS);

  const began = Date.now();
  const end = began + seconds * 1000;
  const callers = Array.from({ length: CALLERS }, (_, index) => new Random(seed, index + 1));
  const tide = new Random(seed);
  let pools = [];
  try {
    // In waves, with rest between: so pools also begin and end their work, and the engine's clock stops.
    while (Date.now() < end && ledger.problemCount === 0) {
      const until = Math.min(end, Date.now() + tide.between(200, 3_000));
      const wave = callers.slice(0, tide.weighted(WIDTHS).callers).map(async (random) => {
        while (Date.now() < until) await act(random);
      });
      if (await ledger.stalls(Promise.all(wave))) break;
      for (const account of accounts) await ledger.checkRest(account);
      await checkBreaker(groups, ledger);
      note(`${shownTime(Date.now() - began)}: ${ledger.settled} calls`);
      await delay(tide.between(0, 50));
    }
    ledger.checkLost();
    if (ledger.lost === 0) pools = await closeAll(ledger, accounts, [engine, engineWithFuel]);
  } finally {
    clearInterval(bounds);
  }
  return { seed, millis: Date.now() - began, ledger, pools };
}

async function openPools(guests, withFuel) {
  const fresh = guests.core('core, fresh', { max: 4 });
  const warm = guests.core('core, warm', { min: 1, max: 3, reuse: true });
  return {
    core: [fresh, warm],
    'fresh core': [fresh],
    'hurried core': [guests.core('core, hurried', { max: 1, timeoutMillis: 25 })],
    'renewed core': [guests.core('core, renewed', { max: 2, reuse: true, maxUses: 7, recycleAbovePages: 3 })],
    'talking core': [guests.core('core, talking', { max: 3, reuse: true })],
    'short queue': [guests.core('core, short queue', { max: 1, maxQueue: 1, acquireTimeoutMillis: 5 })],
    'brittle core': [guests.core('core, brittle', { max: 2, reuse: true, breaker: BREAKER })],
    'fuelled core': [
      withFuel.core('core, fuelled', { max: 1, maxFuel: 20_000 }),
      withFuel.core('core, fuelled, warm', { max: 2, reuse: true, maxFuel: 20_000 }),
    ],
    records: [
      guests.records('records, fresh', { max: 2 }),
      guests.records('records, warm', { min: 2, max: 2, reuse: true }),
    ],
    pages: [await guests.pages('pages, fresh', { max: 1 }), await guests.pages('pages, warm', { max: 2, reuse: true })],
  };
}

/** A function that makes a caller's next call. */
function actor(groups, guests, ledger) {
  const submit = (kind, random, where, make) => {
    const account = typeof where === 'string' ? random.pick(groups[where]) : where;
    const id = ledger.nextId();
    const again = (...more) => submit(kind, random, ...more);
    return ledger.run({ ...make({ id, random, account, submit: again }), id, kind, account });
  };
  const open = (options) => guests.core('core, short-lived', options);
  return (random) => {
    const { name, group, call, run } = random.weighted(CALL_KINDS);
    if (run === undefined) return submit(name, random, group, call);
    return run({ ledger, random, open, submit: (...more) => submit(name, random, ...more) });
  };
}

/** At rest, and when its time to stay open is over, a breaker lets a call try. */
async function checkBreaker(groups, ledger) {
  await delay(BREAKER.resetTimeoutMillis + 5);
  for (const account of groups['brittle core']) {
    const id = ledger.nextId();
    await ledger.run({ ...core.mix(id, 1), id, kind: 'computes, brittle', account });
  }
}

async function closeAll(ledger, accounts, engines) {
  const pools = [];
  for (const account of accounts) pools.push({ name: account.name, ...(await ledger.close(account)) });
  for (const engine of engines) ledger.checkEngine(engine);
  return pools;
}

function print({ seed, millis, ledger, pools }) {
  const number = (value, width = 9) => value.toLocaleString('en').padStart(width);
  for (const { name: kind } of CALL_KINDS) {
    const outcomes = ledger.tally.get(kind) ?? new Map();
    const ends = [...outcomes].sort().map(([label, count]) => `${label} ${count.toLocaleString('en')}`);
    console.log(
      `${kind.padEnd(36)}${number([...outcomes.values()].reduce((sum, count) => sum + count, 0))}  ${ends.join(', ')}`,
    );
  }
  const columns = ['completed', 'failed', 'timedOut', 'aborted', 'rejected', 'created', 'destroyed'];
  console.log(`\n${'pool'.padEnd(16)}${columns.map((column) => column.padStart(11)).join('')}`);
  for (const pool of pools) {
    console.log(pool.name.padEnd(16) + columns.map((column) => number(pool[column], 11)).join(''));
  }
  console.log(
    `\nseed ${seed}, ${shownTime(millis)}: ${ledger.submitted.toLocaleString('en')} calls, ${ledger.problemCount} problems`,
  );
  for (const problem of ledger.problems) console.log(`✗ ${problem}`);
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
    const seed = wholeNumber('seed', values.seed, Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const ran = await chaos({ seconds: wholeNumber('seconds', values.seconds, 300), seed, note: console.error });
    print(ran);
    // At once: a call that was lost may keep the process.
    if (ran.ledger.problemCount > 0) process.exit(1);
  });
}
