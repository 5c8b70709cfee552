// The books of a run: the calls submitted, how each settled, and the stats of the pools. A difference becomes a problem in
// words.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Problems kept in words; the others are only counted. */
const MAX_SHOWN = 20;
/** No call here takes as long, on the slowest machine. */
const LOST_AFTER_MILLIS = 30_000;
/** Of 10 ms: how long a pool may take to come to rest. */
const REST_ROUNDS = 500;

/** A pool, its options, and how its calls ended. */
export class Account {
  /** By the names of the pool's stats. */
  counts = { completed: 0, failed: 0, timedOut: 0, aborted: 0, rejected: 0 };
  /** Calls that reached the pool. */
  submitted = 0;
  /** Calls that are not known to have ended; of them, those whose host function has not answered yet. */
  open = 0;
  inHost = 0;
  /** Calls its breaker refused. */
  broken = 0;
  /** Growths that were refused. */
  growFailures = 0;

  constructor(name, pool, options, extractor) {
    this.name = name;
    this.pool = pool;
    this.extractor = extractor;
    Object.assign(this, { reuse: false, min: 0, ...options });
  }
}

/** The calls of a run. Each has an `id`, its `kind`, its `account`, and the outcomes that are `allowed`. */
export class Ledger {
  submitted = 0;
  settled = 0;
  /** Settlements by kind, then by the outcome's label. */
  tally = new Map();
  problems = [];
  problemCount = 0;
  #lastId = 0;
  #open = new Map();
  /** Calls that ended early while they might still reach the host. */
  #cutOff = new Set();

  /** A number no other call has. */
  nextId() {
    this.#lastId += 1;
    return this.#lastId;
  }

  problem(text) {
    this.problemCount += 1;
    if (this.problems.length < MAX_SHOWN) this.problems.push(text);
  }

  /** Submits a call and resolves when it is settled and judged. */
  run(call) {
    const { account, id, name, args, options } = call;
    this.submitted += 1;
    call.settlements = 0;
    call.asked = 0;
    call.began = performance.now();
    this.#open.set(id, call);
    account.submitted += 1;
    account.open += 1;
    const ended = call.submit?.(account, options) ?? account.pool.call(name, args, options);
    call.begun?.();
    return ended.then(
      (value) => this.#settle(call, { ok: true, value }),
      (error) => this.#settle(call, { ok: false, error }),
    );
  }

  /** The host's answer to a guest: each call asks at most once, and only for itself. */
  ask(id, ...args) {
    const call = this.#open.get(id);
    if (call === undefined) {
      if (!this.#cutOff.delete(id)) this.problem(`the host was asked for call ${id}, which is not open`);
      return undefined;
    }
    call.asked += 1;
    const answer = call.host(id, ...args);
    if (!(answer instanceof Promise)) return answer;
    call.account.inHost += 1;
    return answer.finally(() => {
      call.account.inHost -= 1;
    });
  }

  #settle(call, settled) {
    this.settled += 1;
    call.settlements += 1;
    settled.millis = performance.now() - call.began;
    const shown = () => `call ${call.id} (${call.kind}, ${call.account.name})`;
    if (call.settlements > 1) this.problem(`${shown()} was settled ${call.settlements} times`);
    this.#open.delete(call.id);
    call.account.open -= 1;
    const outcome = call.allowed.find(({ matches }) => matches(settled));
    if (outcome === undefined) {
      const wanted = call.allowed.map(({ label }) => label).join(' or ');
      this.problem(`${shown()} ended after ${settled.millis.toFixed(1)} ms, not as ${wanted}: ${endOf(settled)}`);
      return;
    }
    if (settled.ok && settled.millis < (call.takesMillis ?? 0)) this.problem(`${shown()} ended before its time`);
    if (outcome.counts === null) call.account.submitted -= 1;
    else call.account.counts[outcome.counts] += 1;
    if (outcome.byBreaker) call.account.broken += 1;
    const taken = outcome.counts !== null && outcome.counts !== 'rejected';
    if (!outcome.cutsOff && taken) call.account.growFailures += call.growFailures ?? 0;
    if (call.host !== undefined) {
      if (outcome.cutsOff && call.asked === 0) this.#cutOff.add(call.id);
      const asks = Number(taken);
      if (outcome.cutsOff ? call.asked > 1 : call.asked !== asks) this.problem(`${shown()} asked ${call.asked} times`);
    }
    const labels = this.tally.get(call.kind) ?? new Map();
    this.tally.set(call.kind, labels.set(outcome.label, (labels.get(outcome.label) ?? 0) + 1));
  }

  /** Calls that were submitted and are not settled. */
  get lost() {
    return this.#open.size;
  }

  /** Whether no call settles any more while the work is not done: calls that are open then are lost. */
  async stalls(work) {
    let timer;
    const stalled = new Promise((resolve) => {
      let seen = -1;
      timer = setInterval(() => {
        if (this.settled === seen) resolve(true);
        seen = this.settled;
      }, LOST_AFTER_MILLIS);
    });
    try {
      return await Promise.race([work.then(() => false), stalled]);
    } finally {
      clearInterval(timer);
    }
  }

  /** Every call must be settled. */
  checkLost() {
    for (const { id, kind, account } of this.#open.values()) {
      this.problem(`call ${id} (${kind}, ${account.name}) was never settled; its pool: ${inspect(account.pool.stats)}`);
    }
    this.#equal('settlements', this.settled, this.submitted);
  }

  /** Whether a pool is within its bounds, at any moment. */
  checkBounds({ name, pool, max, maxMemoryPages }) {
    const { size, idle, active } = pool.stats;
    const { currentPages } = pool.tracker;
    if (size > max || active > max || idle > size) this.problem(`${name}: out of bounds: ${inspect(pool.stats)}`);
    if (currentPages > max * maxMemoryPages) this.problem(`${name}: holds ${currentPages} pages`);
  }

  /** Compares a pool's stats, once all its calls are settled, with how they ended; resolves with the stats. */
  async checkRest(account) {
    const { name, pool, growFailures } = account;
    // A call is counted before its caller has the answer.
    this.#checkCounts(account);
    this.#equal(`${name}: growFailures`, pool.tracker.growFailures, growFailures);
    // A guest that was ended early leaves at its next turn, and a pool refills to `min` by itself: both after that.
    for (let round = 0; round < REST_ROUNDS && unrest(account).length > 0; round++) await delay(10);
    for (const text of unrest(account)) this.problem(`${name}: at rest, ${text}: ${inspect(pool.stats)}`);
    return pool.stats;
  }

  /** Closes such a pool; resolves with the stats it had. */
  async close(account) {
    const stats = await this.checkRest(account);
    await account.pool.close();
    this.checkClosed(account);
    return stats;
  }

  /** Checks that a closed pool holds no memory and no instances. */
  checkClosed(account) {
    const { name, pool } = account;
    const { size, active, waiting, created, destroyed } = pool.stats;
    this.#equal(`${name}: left after its end`, { size, active, waiting }, { size: 0, active: 0, waiting: 0 });
    this.#equal(`${name}: destroyed`, destroyed, created);
    this.#equal(`${name}: bytes`, pool.tracker.currentBytes, 0);
    this.#checkCounts(account);
  }

  #checkCounts({ name, pool, counts, submitted, broken }) {
    const { breaker, ...stats } = pool.stats;
    const outcomes = pick(stats, Object.keys(counts));
    this.#equal(`${name}: outcomes`, outcomes, counts);
    const sum = Object.values(outcomes).reduce((total, count) => total + count, 0);
    this.#equal(`${name}: all outcomes, of calls submitted`, sum, submitted);
    if (breaker !== undefined) this.#equal(`${name}: refused by the breaker`, breaker.rejected, broken);
  }

  /** The same of an engine without pools. */
  checkEngine(engine) {
    this.#equal('bytes of the engine', engine.tracker.currentBytes, 0);
    this.#equal('instances of the engine', engine.stats.instances, 0);
  }

  #equal(what, given, wanted) {
    const [left, right] = [inspect(given), inspect(wanted)];
    if (left !== right) this.problem(`${what}: ${left}, expected ${right}`);
  }
}

/** The faults of a pool at rest. */
function unrest({ pool, min }) {
  const { size, idle, active, waiting, created, destroyed } = pool.stats;
  const wanted = {
    'active is not 0': active === 0,
    'waiting is not 0': waiting === 0,
    'size is not idle': size === idle,
    'size is below min': size >= min,
    'created less destroyed is not size': created - destroyed === size,
  };
  return Object.keys(wanted).filter((text) => !wanted[text]);
}

function pick(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}

function endOf({ ok, value, error }) {
  if (ok) return `answer ${shortened(value)}`;
  if (!(error instanceof Error)) return shortened(error);
  return `${error.constructor.name} ${error.code ?? ''}: ${error.message} ${shortened(error.details)}`;
}

function shortened(value) {
  const text = inspect(value, { breakLength: Number.POSITIVE_INFINITY });
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
