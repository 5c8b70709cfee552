// What the callers of the chaos run do: a table, drawn from by weight. A kind makes a call for a pool of its group, with
// the outcomes that are allowed: more than one only where two ends race.
import { setTimeout as delay } from 'node:timers/promises';
import { core, hostAnswer } from './core.mjs';
import { aborts, endsWithPool, fails, refuses, timesOut } from './outcomes.mjs';
import { pages } from './pages.mjs';
import { parcels, someParcels, stamp } from './parcels.mjs';

/** Pages that every pool here refuses to grow by. */
const TOO_MANY = [1_000, 60_000];

const COMPUTING = ['queued', 'computing'];
const ASLEEP = [...COMPUTING, 'asleep'];
const HOST = [...COMPUTING, 'host'];

/** The call may also end by its time. */
function timed(call, timeoutMillis, phases = COMPUTING) {
  const options = { ...call.options, timeoutMillis };
  return { ...call, options, allowed: [...call.allowed, timesOut(timeoutMillis, phases)] };
}

/** The call may also end by its signal, some milliseconds after it was submitted; 0: at once. */
function aborted(call, millis) {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort(new Error('enough of this call'));
  return {
    ...call,
    options: { ...call.options, signal },
    begun: () => (millis === 0 ? abort() : setTimeout(abort, millis)),
    allowed: [...call.allowed, aborts(signal)],
  };
}

/** Long enough for a few epochs. */
const long = ({ id, random }) => core.mix(id, random.between(2_000_000, 12_000_000));
const never = () => new Promise(() => {});
const later = (value, millis) => () => delay(millis, value);
const label = ({ id, random }) => `${id}: ${random.word(20)}`;

const good = [
  ['computes', 30, 'core', ({ id, random }) => core.mix(id, random.between(0, 1_000))],
  ['computes for long', 2, 'core', long],
  ['looks for traces', 10, 'core', ({ id, account }) => core.visit(id, account)],
  ['grows', 10, 'fresh core', ({ id, random }) => core.spread(id, random.between(1, 3))],
  ['grows in vain', 4, 'core', ({ id, random }) => core.growInVain(id, random.between(...TOO_MANY))],
  ['naps', 4, 'core', ({ id, random }) => core.nap(id, random.between(1, 8))],
  ['asks', 10, 'core', ({ id }) => core.ask(id)],
  ['asks, answered soon', 8, 'core', ({ id }) => core.ask(id, async () => hostAnswer(id))],
  ['asks, answered later', 4, 'core', ({ id, random }) => core.ask(id, later(hostAnswer(id), random.between(1, 8)))],
  [
    'asks, answered by another guest',
    4,
    'core',
    ({ id, random, submit }) =>
      core.ask(id, async () => {
        await submit('parcels', (inner) => parcels.echo(inner.id, someParcels(inner.id, random)));
        return hostAnswer(id);
      }),
  ],
  ['parcels', 16, 'parcels', ({ id, random }) => parcels.echo(id, someParcels(id, random))],
  ['takes a parcel', 6, 'parcels', ({ id, random }) => parcels.take(id, someParcels(id, random), 0)],
  ['stamps', 6, 'parcels', (call) => parcels.stamped(call.id, label(call))],
  ['stamps later', 4, 'parcels', (call) => parcels.stamped(call.id, label(call), async (...args) => stamp(...args))],
  ['extracts', 6, 'pages', ({ id }) => pages.extract(id)],
];

const failing = [
  ['gives up', 4, 'core', ({ id }) => core.giveUp(id)],
  ['divides by zero', 4, 'core', ({ id }) => core.divideByZero(id)],
  ['reads outside', 4, 'core', ({ id }) => core.readOutside(id)],
  ['overflows', 2, 'core', ({ id }) => core.overflow(id)],
  ['grows or traps', 4, 'core', ({ id, random, account }) => core.growOrTrap(id, random.between(...TOO_MANY), account)],
  ['asks in vain', 4, 'core', ({ id }) => core.askInVain(id, new Error(`no answer for ${id}`), false)],
  ['asks in vain, later', 4, 'core', ({ id }) => core.askInVain(id, { none: id }, true)],
  ['asks for words', 2, 'core', ({ id }) => core.askForWords(id, `word ${id}`)],
  ['misses a parcel', 4, 'parcels', ({ id, random }) => parcels.miss(id, someParcels(id, random))],
  ['loses parcels', 4, 'parcels', ({ id, random }) => parcels.lose(id, someParcels(id, random))],
  ['parcels too large', 2, 'parcels', ({ id, account }) => parcels.tooLarge(id, account)],
  ['bad selector', 2, 'pages', ({ id }) => pages.refuse(id)],
];

const endless = [
  ['loops, by time', 2, 'core', ({ random }) => timed(core.spin(), random.between(1, 30))],
  ['loops, by signal', 2, 'core', ({ random }) => aborted(core.spin(), random.between(1, 30))],
  ['loops, aborted at once', 2, 'core', () => aborted(core.spin(), 0)],
  [
    'sleeps, by time',
    2,
    'core',
    ({ id, random }) => timed(forEver(core.nap(id, 60_000)), random.between(1, 30), ASLEEP),
  ],
  ['sleeps, by signal', 2, 'core', ({ id, random }) => aborted(forEver(core.nap(id, 60_000)), random.between(1, 30))],
  [
    'asks, never answered',
    2,
    'core',
    ({ id, random }) => timed(forEver(core.ask(id, never)), random.between(1, 30), HOST),
  ],
  [
    'asks, never answered, by signal',
    2,
    'core',
    ({ id, random }) => aborted(forEver(core.ask(id, never)), random.between(1, 30)),
  ],
];

/** Whatever it may answer, there is not the time for it. */
function forEver(call) {
  return { ...call, allowed: [], takesMillis: 0 };
}

const racing = [
  ['loops, time against signal', 2, 'core', ({ random }) => timed(aborted(core.spin(), random.between(4, 6)), 5)],
  ['computes, time short', 4, 'core', ({ id, random }) => timed(core.mix(id, 500), random.between(1, 4))],
  ['computes, time short for the pool', 4, 'hurried core', (call) => hurried(long(call), call.account)],
  ['computes, aborted at once', 4, 'core', ({ id }) => aborted(core.mix(id, 50), 0)],
  ['computes, aborted soon', 4, 'core', ({ id, random }) => aborted(core.mix(id, 500), random.between(1, 8))],
  ['gives up, time short', 2, 'core', ({ id, random }) => timed(core.giveUp(id), random.between(1, 4))],
  [
    'asks, answered too late perhaps',
    4,
    'core',
    ({ id, random }) => timed(core.ask(id, later(hostAnswer(id), random.between(1, 12))), 10, HOST),
  ],
  [
    'asks in vain, aborted perhaps',
    4,
    'core',
    ({ id, random }) => aborted(core.askInVain(id, new Error(`no answer for ${id}`), true), random.between(0, 8)),
  ],
  [
    'parcels, aborted soon',
    4,
    'parcels',
    ({ id, random }) => aborted(parcels.echo(id, someParcels(id, random)), random.between(0, 4)),
  ],
  ['extracts, time short', 2, 'pages', ({ id, random }) => timed(pages.extract(id), random.between(1, 4))],
];

/** As the pool's own options let it end. */
function hurried(call, { timeoutMillis }) {
  return { ...call, allowed: [...call.allowed, timesOut(timeoutMillis, COMPUTING)] };
}

/** Refused before they reach a pool. */
const refused = [
  [
    'bad argument',
    2,
    'core',
    ({ id }) => no('mix', [`${id}`, 1], 'ERR_BAD_ARGUMENT', { path: 'args[0]', received: `string "${id}"` }),
  ],
  [
    'too few arguments',
    2,
    'core',
    ({ id }) => no('mix', [id], 'ERR_BAD_ARGUMENT', { path: 'args', expected: '2 arguments' }),
  ],
  [
    'bad parcel',
    2,
    'parcels',
    ({ id }) => no('echo', [[{ id, label: id }]], 'ERR_BAD_ARGUMENT', { path: 'args[0][0].label' }),
  ],
  ['no such function', 2, 'core', ({ id }) => no(`f${id}`, [], 'ERR_MISSING_EXPORT', { name: `f${id}` })],
  [
    'bad option',
    2,
    'core',
    ({ id }) => no('mix', [id, 1], 'ERR_BAD_OPTION', { option: 'timeoutMillis', value: -id }, { timeoutMillis: -id }),
  ],
  [
    'aborted before',
    2,
    'core',
    ({ id }) => {
      const signal = AbortSignal.abort(new Error(`${id} is not wanted`));
      return { ...core.mix(id, 1), options: { signal }, allowed: [{ ...aborts(signal), counts: null }] };
    },
  ],
];

function no(name, args, code, details, options) {
  return { name, args, options, allowed: [refuses(code, details)] };
}

const toTable = ([name, weight, group, call]) => ({ name, weight, group, call });

export const KINDS = [
  ...[...good, ...failing, ...endless, ...racing, ...refused].map(toTable),
  { name: 'opens and closes a pool', weight: 1, play: opensAndCloses },
  { name: 'opens and destroys a pool', weight: 1, play: opensAndDestroys },
];

const CALLS_OF_A_SHORT_LIFE = 6;

/** What was submitted before `close()` gets its answer, what comes after is refused. */
async function opensAndCloses({ open, random, ledger, submit }) {
  const account = open(random);
  const before = Array.from({ length: CALLS_OF_A_SHORT_LIFE }, () =>
    submit(account, ({ id }) => (random.next() < 0.3 ? timed(core.spin(), 3) : core.mix(id, 1_000))),
  );
  const closed = account.pool.close();
  const after = submit(account, ({ id }) => ({
    ...core.mix(id, 1),
    allowed: [fails('ERR_CLOSED', {}, {}, 'rejected')],
  }));
  await Promise.all([closed, after, ...before]);
  ledger.checkClosed(account);
}

/** What was submitted before `destroy()` may have ended by itself. */
async function opensAndDestroys({ open, random, ledger, submit }) {
  const account = open(random);
  const calls = Array.from({ length: CALLS_OF_A_SHORT_LIFE }, () =>
    submit(account, ({ id }) => {
      const call = random.pick([core.mix(id, 1_000), core.spin(), forEver(core.nap(id, 60_000)), core.ask(id)]);
      return { ...call, allowed: [...call.allowed, endsWithPool()] };
    }),
  );
  await delay(random.between(0, 5));
  await account.pool.destroy();
  await Promise.all(calls);
  ledger.checkClosed(account);
}
