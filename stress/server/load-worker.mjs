// The load of a siege, in a process of its own: siege.mjs sends it one task at a time.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createExtractor } from '../../dist/index.js';
import { Random } from '../shared/random.mjs';
import { CLOSED, Client, REFUSED, UNANSWERED } from './client.mjs';
import { goodPages, withAnswer } from './pages.mjs';
import { good, HARD, hostile } from './request-kinds.mjs';

/** For an answer. The server gives up after 30 s. */
const PATIENCE_MILLIS = 40_000;
const CALLERS = 16;
const TICK_MILLIS = 4;
/** Of the requests. */
const HOSTILE_SHARE = 0.2;

let pages = [];
let hostiles = [];

/** Reads the pages and extracts each, for the answers to expect. */
async function prepare({ folder }) {
  const extractor = await createExtractor();
  // The first calls grow instances and take longer.
  for (const html of goodPages(folder)) await withAnswer(extractor, html);
  pages = [];
  for (const html of goodPages(folder)) pages.push(await withAnswer(extractor, html));
  pages = pages.filter(({ status }) => status === 200);
  const hard = {};
  for (const [part, byName] of Object.entries(HARD)) {
    hard[part] = {};
    for (const [name, make] of Object.entries(byName)) hard[part][name] = await withAnswer(extractor, make());
  }
  hostiles = hostile(hard, pages.reduce((sum, { millis }) => sum + millis, 0) / pages.length);
  await extractor.close();
  return { pages: pages.length, kinds: hostiles.length };
}

/** How many good requests a second are answered where each follows another. */
async function capacity({ port, seconds, seed }) {
  const client = new Client(port, PATIENCE_MILLIS);
  const until = performance.now() + seconds * 1_000;
  const report = new Tally();
  let n = 0;
  let late = 0;
  const caller = async (stream) => {
    const random = new Random(seed, stream);
    while (performance.now() < until) {
      report.add(good, await good.run({ client, pages, random, n: n++ }));
      if (performance.now() > until) late++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, stream) => caller(stream)));
  client.close();
  return { ...report.result(), rate: (n - late) / seconds };
}

/** The outcomes of requests. */
class Tally {
  #kinds = new Map();
  #problems = new Map();
  #cut = [];
  answered = 0;
  refused = 0;

  add(kind, { end, wrong, detail, reused, own, millis, status, headers }, when = '') {
    const name = `${kind.part}: ${kind.name}`;
    const tally = this.#kinds.get(name) ?? { part: kind.part, name: kind.name, count: 0, millis: [], ends: {} };
    this.#kinds.set(name, tally);
    tally.count++;
    tally.ends[end] = (tally.ends[end] ?? 0) + 1;
    if (status > 0) tally.millis.push(millis);
    if (end === REFUSED) this.refused++;
    else if (status > 0) this.answered++;
    const whole = `${when}${reused ? ', on a kept connection' : ''}${detail ? `, ${detail}` : ''}`;
    if (end === '503' && headers !== undefined && headers['retry-after'] === undefined)
      this.#problem(`${name}: 503 without retry-after`);
    else if (end === UNANSWERED) this.#problem(`${name}: no answer${whole}`);
    else if (end === CLOSED && !kind.allowed.has(CLOSED)) {
      const text = `${name}: the connection was closed without a whole answer${whole}`;
      this.#cut.push({ text, port: own, reused: reused ?? false });
    } else if (end !== REFUSED && !kind.allowed.has(end)) this.#problem(`${name}: ended with ${wrong ?? end}${whole}`);
    else if (wrong !== undefined && end !== '503') this.#problem(`${name}: ${wrong}${whole}`);
  }

  #problem(text) {
    this.#problems.set(text, (this.#problems.get(text) ?? 0) + 1);
  }

  result() {
    const problems = [...this.#problems].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
    const { answered, refused } = this;
    return { problems, answered, refused, cut: this.#cut, kinds: [...this.#kinds.values()].map(withTimes) };
  }
}

function withTimes({ millis, ...tally }) {
  const sorted = millis.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { ...tally, p50: at(0.5), p99: at(0.99), most: sorted.at(-1) };
}

let stop = () => {};

/**
 * Sends `rate` requests a second, whether or not others are answered, until its time is over or a message stops it, and
 * waits for the requests under way. `stamina`: of clients that never finish what they send, in milliseconds; without one they
 * wait for the server. `refusable`: whether the server goes meanwhile.
 */
async function load({ port, rate, seconds, seed, stamina, refusable = false }) {
  const client = new Client(port, PATIENCE_MILLIS);
  const random = new Random(seed);
  const tally = new Tally();
  const underWay = new Set();
  const began = performance.now();
  let stopped = false;
  let signalledAt;
  let refusedWhile = 0;
  stop = (why) => {
    if (why === 'signal') signalledAt = performance.now();
    else stopped = true;
  };
  // Each at least once, however seldom it is.
  const first = refusable ? [] : [...hostiles];
  let sent = 0;
  let behind = 0;
  while (!stopped && performance.now() - began < seconds * 1_000) {
    const due = Math.floor(((performance.now() - began) / 1_000) * rate);
    behind = Math.max(behind, due - sent);
    for (; sent < due; sent++) {
      const kind = random.next() < HOSTILE_SHARE ? (first.pop() ?? random.weighted(hostiles)) : good;
      const start = performance.now();
      const run = kind.run({ client, pages, random, n: sent, stamina }).then((outcome) => {
        underWay.delete(run);
        if (outcome.end === REFUSED && !refusable) refusedWhile++;
        tally.add(
          kind,
          outcome,
          signalledAt === undefined ? '' : `, sent ${Math.round(start - signalledAt)} ms after the signal`,
        );
      });
      underWay.add(run);
    }
    await delay(TICK_MILLIS);
  }
  const left = underWay.size;
  await Promise.all(underWay);
  client.close();
  const result = tally.result();
  if (refusedWhile > 0) result.problems.push(`${refusedWhile} connections were refused`);
  return { ...result, sent, left, behind };
}

const works = { prepare, capacity, load };

process.on('message', async ({ work, ...options }) => {
  if (work === 'stop') return stop(options.why);
  try {
    process.send({ answer: await works[work](options) });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.on('disconnect', () => process.exit());
