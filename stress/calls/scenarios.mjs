// Scenarios of the chaos run that take more than one call: a checkout, or a pool of its own whose state is known exactly.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { core, hostAnswer } from './core-guest.mjs';
import {
  aborted,
  answers,
  breaks,
  endsWithPool,
  forEver,
  rejects,
  timed,
  uncounted,
  waitsInVain,
} from './outcomes.mjs';

const CALLS_OF_A_SHORT_LIFE = 6;

/** Calls submitted before `close()` get their answers; later ones are refused. */
async function opensAndCloses({ open, random, ledger, submit }) {
  const account = open({ max: 1, reuse: random.next() < 0.5 });
  const before = Array.from({ length: CALLS_OF_A_SHORT_LIFE }, () =>
    submit(account, ({ id }) => (random.next() < 0.3 ? timed(core.spin(), 3) : core.mix(id, 1_000))),
  );
  const closed = account.pool.close();
  const after = submit(account, ({ id }) => ({ ...core.mix(id, 1), allowed: [rejects('ERR_CLOSED')] }));
  await Promise.all([closed, after, ...before]);
  ledger.checkClosed(account);
}

/** Calls submitted before `destroy()` may have ended by themselves. */
async function opensAndDestroys({ open, random, ledger, submit }) {
  const account = open({ max: 1, reuse: random.next() < 0.5 });
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

/** Checks out an instance, which may time out or be aborted; no other caller calls it meanwhile. */
async function checksOut({ random, submit }) {
  let instance;
  let usedAccount;
  await submit('core', ({ id, account }) => {
    usedAccount = account;
    const throws = random.next() < 0.2;
    const reason = new Error(`no use for ${id}`);
    const checkout = {
      submit: ({ pool }, options) =>
        pool.use(async (checkedOut) => {
          instance = checkedOut;
          await usesCheckout(checkedOut, account, random, submit);
          if (throws) throw reason;
          return id;
        }, options),
      allowed: [throws ? throwsItself(reason) : answers(id)],
    };
    const millis = random.between(1, 30);
    const waits = random.pick([checkout, checkout, timed(checkout, millis), aborted(checkout, millis)]);
    return uncounted(waits);
  });
  if (instance === undefined) return;
  await submit(usedAccount, ({ id }) => on(instance, { ...core.mix(id, 1), allowed: [rejects('ERR_CLOSED')] }));
}

function throwsItself(reason) {
  return { label: 'own error', counts: null, matches: ({ ok, error }) => !ok && error === reason };
}

async function usesCheckout(instance, account, random, submit) {
  const call = (make) => submit(account, (given) => on(instance, make(given)));
  let last;
  for (let left = random.between(1, 4); left > 0; left--) {
    await call(({ id }) => {
      const visit = core.visit(id, account);
      const before = last;
      last = id;
      return before === undefined ? visit : { ...visit, allowed: [answers([id, before])] };
    });
  }
  if (random.next() < 0.4) {
    let refused;
    const asking = call(({ id }) => core.ask(id, () => refused.then(() => hostAnswer(id))));
    refused = call(({ id }) => ({ ...core.mix(id, 1), allowed: [rejects('ERR_BUSY')] }));
    await asking;
  }
  if (random.next() < 0.4) {
    const [ends, surely] = random.pick([
      [core.giveUp, true],
      // A call that ended before the guest began leaves its instance whole.
      [() => timed(core.spin(), 3), false],
      [() => aborted(core.spin(), 3), false],
    ]);
    await call(ends);
    await call(({ id }) => {
      const next = core.mix(id, 1);
      return { ...next, allowed: [rejects('ERR_CLOSED'), ...(surely ? [] : next.allowed)] };
    });
  }
}

/** The call on an instance that is checked out. */
function on(instance, call) {
  return { ...call, submit: (_account, options) => instance.call(call.name, call.args, options) };
}

const ACQUIRE_MILLIS = 4;

/** While the only instance waits for its host: exactly `maxQueue` calls may wait, or none for long. */
async function fillsAQueue({ open, random, ledger, submit }) {
  const maxQueue = random.between(0, 3);
  const impatient = random.next() < 0.5;
  const account = open({ max: 1, maxQueue, ...(impatient && { acquireTimeoutMillis: ACQUIRE_MILLIS }) });
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  let first;
  const asked = new Promise((resolve) => {
    first = submit(account, ({ id }) => {
      const call = core.ask(id, async () => {
        resolve(true);
        await released;
        return hostAnswer(id);
      });
      return impatient ? { ...call, allowed: [...call.allowed, waitsInVain(account)] } : call;
    });
  });
  if (await Promise.race([asked, first])) {
    const waiting = Array.from({ length: maxQueue }, () =>
      submit(account, ({ id }) => {
        const call = core.mix(id, 1);
        return impatient ? { ...call, allowed: [waitsInVain(account)] } : call;
      }),
    );
    if (impatient) {
      await Promise.all(waiting);
    } else {
      const full = rejects('ERR_QUEUE_FULL', { max: 1, maxQueue });
      await submit(account, ({ id }) => ({ ...core.mix(id, 1), allowed: [full] }));
      await submit(account, () => uncounted({ submit: ({ pool }) => pool.use(() => {}), allowed: [full] }));
    }
    release();
    await Promise.all([first, ...waiting]);
  }
  await ledger.close(account);
}

const BREAKER = { volumeThreshold: 3, errorThresholdPercentage: 50, resetTimeoutMillis: 40 };

/** A breaker opens after `volumeThreshold` failures, refuses, lets one call try, and closes. */
async function breaksAPool({ open, random, ledger, submit }) {
  const instead = random.next() < 0.5;
  const fallback = instead ? (error, name, args) => [error.code, name, ...args] : undefined;
  const account = open({ max: 1, breaker: { ...BREAKER, ...(instead && { fallback }) } });
  for (let left = BREAKER.volumeThreshold - 1; left > 0; left--) await submit(account, ({ id }) => core.giveUp(id));
  const before = performance.now();
  await submit(account, ({ id }) => core.giveUp(id));
  await submit(account, ({ id }) => {
    const refused = instead
      ? { ...answers(['ERR_BREAKER_OPEN', 'mix', id, 1]), label: 'fallback', counts: 'rejected', byBreaker: true }
      : breaks(account);
    const call = core.mix(id, 1);
    const surely = performance.now() - before < BREAKER.resetTimeoutMillis;
    return { ...call, allowed: surely ? [refused] : [refused, ...call.allowed] };
  });
  await delay(BREAKER.resetTimeoutMillis + 5);
  // The call that the half-open breaker lets through, and one more.
  await submit(account, ({ id }) => core.mix(id, 1));
  await submit(account, ({ id }) => core.mix(id, 1));
  await ledger.close(account);
}

export const scenarios = [
  { name: 'opens and closes a pool', weight: 1, run: opensAndCloses },
  { name: 'opens and destroys a pool', weight: 1, run: opensAndDestroys },
  { name: 'checks out', weight: 6, run: checksOut },
  { name: 'fills a queue', weight: 2, run: fillsAQueue },
  { name: 'breaks a pool', weight: 1, run: breaksAPool },
];
