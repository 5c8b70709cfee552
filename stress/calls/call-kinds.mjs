// The calls of the chaos run: a table, drawn from by weight. A kind makes a call for a pool of its group, with
// the outcomes that are allowed: more than one only where two ends race.
import { setTimeout as delay } from 'node:timers/promises';
import { core, hostAnswer } from './core-guest.mjs';
import {
  aborted,
  aborts,
  breaks,
  COMPUTING,
  fails,
  forEver,
  refuses,
  rejects,
  timed,
  timesOut,
  waitsInVain,
} from './outcomes.mjs';
import { pages } from './page-guest.mjs';
import { records, someRecords, stamp } from './record-guest.mjs';
import { scenarios } from './scenarios.mjs';

/** Pages that every pool here refuses to grow by. */
const TOO_MANY = [1_000, 60_000];

const ASLEEP = [...COMPUTING, 'asleep'];
const HOST = [...COMPUTING, 'host'];

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
        await submit('records', (inner) => records.echo(inner.id, someRecords(inner.id, random)));
        return hostAnswer(id);
      }),
  ],
  ['records', 16, 'records', ({ id, random }) => records.echo(id, someRecords(id, random))],
  ['takes a record', 6, 'records', ({ id, random }) => records.take(id, someRecords(id, random), 0)],
  ['stamps', 6, 'records', (call) => records.stamped(call.id, label(call))],
  ['stamps later', 4, 'records', (call) => records.stamped(call.id, label(call), async (...args) => stamp(...args))],
  ['is measured', 6, 'core', ({ id, random }) => core.measured(id, random.between(0, 1_000))],
  ['is measured, and grows', 4, 'fresh core', ({ id, random }) => core.spreadMeasured(id, random.between(1, 3))],
  ['counts uses', 6, 'renewed core', ({ id, account }) => core.count(id, account)],
  ['grows what is kept', 4, 'renewed core', ({ id, random }) => core.spread(id, random.between(1, 3))],
  [
    'computes, with fuel',
    4,
    'fuelled core',
    ({ id, random, account }) => core.fuelled(id, random.between(0, 300), account),
  ],
  [
    'asks, and its host calls its pool',
    6,
    'talking core',
    ({ id, random, submit }) => talks(id, random.between(1, 4), submit),
  ],
  ['exits well', 4, 'core', () => core.exitWell()],
  ['extracts', 6, 'pages', ({ id }) => pages.extract(id)],
];

const failing = [
  ['exits', 4, 'core', ({ random }) => core.exit(random.between(1, 255))],
  ['gives up', 4, 'core', ({ id }) => core.giveUp(id)],
  ['divides by zero', 4, 'core', ({ id }) => core.divideByZero(id)],
  ['reads outside', 4, 'core', ({ id }) => core.readOutside(id)],
  ['overflows', 2, 'core', ({ id }) => core.overflow(id)],
  ['grows or traps', 4, 'core', ({ id, random, account }) => core.growOrTrap(id, random.between(...TOO_MANY), account)],
  ['loops, by fuel', 3, 'fuelled core', () => ({ ...core.spin(), allowed: [fails('ERR_OUT_OF_FUEL')] })],
  ['asks in vain', 4, 'core', ({ id }) => core.askInVain(id, new Error(`no answer for ${id}`), false)],
  ['asks in vain, later', 4, 'core', ({ id }) => core.askInVain(id, { none: id }, true)],
  ['asks for words', 2, 'core', ({ id }) => core.askForWords(id, `word ${id}`)],
  ['misses a record', 4, 'records', ({ id, random }) => records.miss(id, someRecords(id, random))],
  ['loses records', 4, 'records', ({ id, random }) => records.lose(id, someRecords(id, random))],
  ['records too large', 2, 'records', ({ id, account }) => records.tooLarge(id, account)],
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
    'records, aborted soon',
    4,
    'records',
    ({ id, random }) => aborted(records.echo(id, someRecords(id, random)), random.between(0, 4)),
  ],
  [
    'computes, short queue',
    6,
    'short queue',
    ({ id, random, account }) => queued(core.mix(id, random.between(0, 100_000)), account),
  ],
  ['computes, brittle', 6, 'brittle core', ({ id, account }) => brittle(core.mix(id, 100), account)],
  ['gives up, brittle', 4, 'brittle core', ({ id, account }) => brittle(core.giveUp(id), account)],
  [
    'computes, brittle, aborted at once',
    2,
    'brittle core',
    ({ id, account }) => brittle(aborted(core.mix(id, 50), 0), account),
  ],
  ['extracts, time short', 2, 'pages', ({ id, random }) => timed(pages.extract(id), random.between(1, 4))],
];

/** As the pool's own options let it end. */
function hurried(call, { timeoutMillis }) {
  return { ...call, allowed: [...call.allowed, timesOut(timeoutMillis, COMPUTING)] };
}

/** Its pool may have no room for it, or no instance in time. */
function queued(call, account) {
  const { open, max, maxQueue } = account;
  // A call that is not known to have ended has a place in the queue, or had one.
  const refusals = open >= max + maxQueue ? [rejects('ERR_QUEUE_FULL', { max, maxQueue })] : [];
  return { ...call, allowed: [...call.allowed, waitsInVain(account), ...refusals] };
}

function brittle(call, account) {
  return { ...call, allowed: [...call.allowed, breaks(account)] };
}

/** Its host function calls the same pool, and so on, `depth` deep. */
function talks(id, depth, submit) {
  return core.ask(id, async () => {
    await submit('talking core', ({ id: inner, account }) => {
      const call = depth > 1 ? talks(inner, depth - 1, submit) : core.mix(inner, 10);
      return { ...call, allowed: reentrant(call.allowed, account) };
    });
    return hostAnswer(id);
  });
}

/** Refused exactly where its pool is exhausted: surely so where all instances wait for host functions. */
function reentrant(allowed, { open, inHost, max }) {
  if (open < max) return allowed;
  const refusal = rejects('ERR_REENTRANT', { max });
  return inHost >= max ? [refusal] : [...allowed, refusal];
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
    'bad record',
    2,
    'records',
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

export const CALL_KINDS = [...[...good, ...failing, ...endless, ...racing, ...refused].map(toTable), ...scenarios];
