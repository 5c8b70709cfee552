// `npm run kills`: processes that are killed with SIGKILL while they load a guest into a cache's folder, most of them while
// they write its artefact. The next process to load it must get its answer, refuse no artefact and not wait for a dead
// process.
//
//   --rounds N   how many are killed; 1,000
//   --seed N     the moments of an earlier run, as far as scheduling allows; new ones each time
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Engine } from '../../dist/index.js';
import { isMain, seconds as shownTime } from '../../scripts/lib.mjs';
import { Random } from '../shared/random.mjs';
import { number, Report } from '../shared/report.mjs';
import { compatOf, compiled, found } from './artefacts.mjs';
import { bulkyAnswer, bulkyTemplate } from './bulky-guest.mjs';
import { command } from './command.mjs';
import { WorkerProcess } from './worker-process.mjs';

const script = fileURLToPath(new URL('kill-worker.mjs', import.meta.url));
/** Processes that start while others are killed. */
const AHEAD = 2;
/** Loads without kills, to see how long one takes. */
const UNDISTURBED = 8;
const NO_LIMITS = { maxBytes: 2 ** 50, maxEntries: 1_000_000 };
const TWO_HOURS = 7200;
const NOTE_EVERY = 100;
/** Instead of an answer. */
const HUNG = { hung: true };

/** When a process is killed: at any moment, while it writes, or then with another that waits for its turn. */
const AIMS = [
  { aim: 'at any moment', weight: 2 },
  { aim: 'in its write', weight: 2 },
  { aim: 'in its write, with one that waits', weight: 1 },
];

/** A folder that all of them share. */
class Place {
  #top = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-kills-'));
  #keyFile = path.join(this.#top, 'key');
  #template = path.join(this.#top, 'template.wasm');
  #ahead = [];
  #watcher;
  #created = () => {};
  directory = path.join(this.#top, 'cache');

  constructor() {
    writeFileSync(this.#keyFile, 'k'.repeat(32), { mode: 0o600 });
    const { wasm, sum } = bulkyTemplate();
    writeFileSync(this.#template, wasm);
    this.guest = (number) => ({ number, answer: bulkyAnswer(sum, number) });
    this.readers = [this.start(), this.start()];
  }

  start() {
    return new WorkerProcess(script, [this.directory, this.#keyFile, this.#template]);
  }

  /** A process that was started before. */
  async next() {
    while (this.#ahead.length <= AHEAD) this.#ahead.push(this.start());
    const one = this.#ahead.shift();
    await one.ready;
    return one;
  }

  engine() {
    return new Engine({ cache: { directory: this.directory, keyFile: this.#keyFile, ...NO_LIMITS } });
  }

  /** Once there is something to watch. */
  watch() {
    this.folder = path.join(this.directory, compatOf(this.directory));
    this.#watcher = watch(this.folder, (_, name) => {
      if (name?.startsWith('.new-')) this.#created();
    });
  }

  /** Resolves when the next file is begun, or is finished. */
  begun() {
    return new Promise((resolve) => {
      this.#created = resolve;
    });
  }

  look() {
    const names = readdirSync(this.folder);
    const artefacts = names.filter((name) => /^[0-9a-f]{64}_\d+$/.test(name));
    const unfinished = names.filter((name) => /^\.new-[0-9a-f]{32}$/.test(name));
    const locks = names.filter((name) => /^\.lock-[0-9a-f]{64}_\d+$/.test(name));
    return { artefacts, unfinished, other: names.length - artefacts.length - unfinished.length - locks.length };
  }

  makeOld(names) {
    const then = Date.now() / 1000 - TWO_HOURS;
    for (const name of names) utimesSync(path.join(this.folder, name), then, then);
  }

  async remove() {
    this.#watcher?.close();
    await Promise.all([...this.readers, ...this.#ahead].map((one) => one.kill()));
    rmSync(this.#top, { recursive: true, force: true });
  }
}

/** Kills. The report's `problems` are empty if every load after a kill was right. */
export async function kills({ rounds, seed, note = () => {} }) {
  const began = Date.now();
  const report = new Report();
  const random = new Random(seed);
  const place = new Place();
  const left = { empty: 0, part: 0, whole: 0 };
  const slowest = { millis: 0 };
  try {
    const usual = await undisturbed(place, report);
    note(`undisturbed, a load takes ${usual.load.toFixed(1)} ms, ${usual.write.toFixed(1)} ms of it its write`);
    for (let round = 0; round < rounds; round++) {
      const { aim } = random.weighted(AIMS);
      const guest = place.guest(UNDISTURBED + round);
      const what = `round ${round} (${aim})`;
      const before = place.look();
      const { end, killed, waited } = await killOne(place, guest, aim, usual, random);
      const after = place.look();
      const isThere = after.artefacts.length > before.artefacts.length;
      const news = after.unfinished.filter((name) => !before.unfinished.includes(name));
      report.count(aim, { [news.length > 0 ? 'unfinished' : isThere ? end : 'not begun']: 1 });
      for (const name of news) left[sizeOf(place, name, usual.bytes)]++;
      if (!(await readBoth(place, guest, { what, killed, waited, isThere, report, slowest }))) break;
      if (round % NOTE_EVERY === 0) note(`${shownTime(Date.now() - began)}: ${round + 1} killed`);
    }
    await inspect(place, UNDISTURBED + rounds, report);
  } finally {
    await place.remove();
  }
  return { seed, millis: Date.now() - began, rounds, report, left, slowest: slowest.millis };
}

/** The median times of a load and of its write, and the bytes of the artefact. */
async function undisturbed(place, report) {
  const loads = [];
  const writes = [];
  await Promise.all(place.readers.map(({ ready }) => ready));
  for (let number = 0; number < UNDISTURBED; number++) {
    const guest = place.guest(number);
    const child = await place.next();
    const began = performance.now();
    let begun = Number.NaN;
    if (number > 0) {
      place.begun().then(() => {
        begun = performance.now();
      });
    }
    report.check(`load ${number}, undisturbed`, await child.ask(number), compiled(guest));
    loads.push(performance.now() - began);
    if (!Number.isNaN(begun)) writes.push(performance.now() - begun);
    await child.kill();
    if (number === 0) place.watch();
  }
  const middle = (values) => values.sort((one, other) => one - other)[values.length >> 1];
  const [name] = place.look().artefacts;
  return { load: middle(loads), write: middle(writes), bytes: statSync(path.join(place.folder, name)).size };
}

/**
 * Has a process load a guest, and kills it. `end`: how far it came, if its artefact is there; `waited`: the outcome of the
 * load that waited for it.
 */
async function killOne(place, { number: guest }, aim, usual, random) {
  const child = await place.next();
  const began = performance.now();
  let end = 'renamed';
  const answered = child.ask(guest).then((seen) => {
    if (seen !== undefined) end = 'answered';
  });
  let waits;
  if (aim === 'at any moment') {
    await until(began + random.next() * usual.load * 1.5);
  } else {
    await Promise.race([place.begun(), answered]);
    const moment = performance.now() + random.next() * usual.write;
    if (aim.endsWith('waits')) waits = place.readers[0].ask(guest);
    await until(moment);
  }
  const killed = performance.now();
  await child.kill();
  // By now that load's own write has ended, too.
  const waited = waits && { seen: await waits, answered: performance.now() };
  return { end, killed, waited };
}

/** To the fraction of a millisecond. */
async function until(moment) {
  const left = moment - performance.now();
  if (left > 3) await delay(left - 2);
  while (performance.now() < moment);
}

function sizeOf(place, name, whole) {
  const { size } = statSync(path.join(place.folder, name));
  if (size === 0) return 'empty';
  return size < whole ? 'part' : 'whole';
}

/** Loads the guest in two processes, one after the other. Whether both came to an end. */
async function readBoth(place, guest, { what, killed, waited, isThere, report, slowest }) {
  const first = waited ? waited.seen : await place.readers[0].ask(guest.number);
  slowest.millis = Math.max(slowest.millis, (waited?.answered ?? performance.now()) - killed);
  // A load that waited may have found the artefact or not.
  const hit = waited ? first?.cacheHit : isThere;
  const good = report.check(`${what}, the next load`, first ?? HUNG, hit ? found(guest) : compiled(guest));
  const second = good ? await place.readers[1].ask(guest.number) : undefined;
  if (good) report.check(`${what}, the load after`, second ?? HUNG, found(guest));
  for (const reader of place.readers)
    for (const warning of reader.takeWarnings()) report.problem(`${what}: ${warning}`);
  return first !== undefined && (second !== undefined || !good);
}

/** At the end all artefacts are whole; `prune` removes unfinished files that are an hour old, and no others. */
async function inspect(place, count, report) {
  const { cache } = place.engine();
  const { artefacts, unfinished, other } = place.look();
  const refused = (await cache.verify()).filter(({ rejection }) => rejection !== undefined).length;
  const whole = { artefacts: count, refused: 0, other: 0 };
  report.check('at the end', { artefacts: artefacts.length, refused, other }, whole);
  const old = unfinished.slice(unfinished.length >> 1);
  for (const [names, rest] of [
    [old, unfinished.length - old.length],
    [unfinished.slice(0, unfinished.length >> 1), 0],
  ]) {
    place.makeOld(names);
    const removed = await cache.prune(NO_LIMITS);
    const after = place.look();
    const seen = { ...removed, unfinished: after.unfinished.length, artefacts: after.artefacts.length };
    report.check('pruned', seen, { entries: 0, bytes: 0, unfinished: rest, artefacts: count });
  }
}

function print({ seed, millis, rounds, report, left, slowest }) {
  for (const [aim, { count, outcomes }] of report.kinds) {
    const ends = Object.entries(outcomes).sort();
    console.log(
      `${aim.padEnd(36)}${number(count).padStart(6)}  ${ends.map(([end, times]) => `${end} ${times}`).join(', ')}`,
    );
  }
  const files = Object.entries(left).map(([size, count]) => `${number(count)} ${size}`);
  console.log(`\nfiles that nobody finished: ${files.join(', ')}`);
  console.log(`longest from a kill to the next answer: ${slowest.toFixed(1)} ms`);
  console.log(`seed ${seed}, ${shownTime(millis)}: ${number(rounds)} killed, ${number(report.problemCount)} problems`);
}

if (isMain(import.meta.url)) await command('rounds', 1000, kills, print);
