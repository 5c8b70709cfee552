// A cluster worker of evictions.mjs: loads and calls guests from the shared folder, under either trust, until it gets the
// message to stop, and keeps some in use all the while. It sends a report at the end.
//
//   node stress/cache/eviction-worker.mjs <folder> <key file> <seed>
import { setTimeout as delay } from 'node:timers/promises';
import { Engine, Pool, wat2wasm } from '../../dist/index.js';
import { Random } from '../shared/random.mjs';
import { numbered } from './artefacts.mjs';

/** Three times the guests that an engine keeps in memory. */
const GUESTS = 96;
const LOADERS = 4;
const IN_USE = 4;

const [, , directory, keyFile, seed] = process.argv;
const NO_LIMITS = { maxBytes: 2 ** 50, maxEntries: 1_000_000 };
const engines = [{ keyFile }, { trust: 'owner' }].map(
  (trust) => new Engine({ workers: 2, cache: { directory, ...NO_LIMITS, ...trust } }),
);
const guests = Array.from({ length: GUESTS }, (_, index) => ({
  answer: 5000 + index,
  wasm: wat2wasm(numbered(5000 + index, { component: index % 2 === 1, long: index % 12 === 0 })),
}));
const report = { calls: 0, problems: [] };
let stopping = false;

process.on('warning', ({ message }) => report.problems.push(`warned: ${message}`));

async function call(pool, { answer }, what) {
  const given = await pool.call('n');
  report.calls++;
  if (given !== answer) report.problems.push(`${what} gave ${given} instead of ${answer}`);
}

/** Loads one guest after the other, and calls each twice. */
async function loadInTurn(random) {
  while (!stopping) {
    const guest = random.pick(guests);
    const pool = new Pool(await random.pick(engines).load(guest.wasm), { max: 1 });
    await Promise.all([call(pool, guest, 'a guest'), call(pool, guest, 'a guest')]);
    await pool.close();
  }
}

/** Calls one loaded guest again and again. */
async function inUse(random) {
  const guest = random.pick(guests);
  const pool = new Pool(await random.pick(engines).load(guest.wasm), { max: 2 });
  while (!stopping) {
    await call(pool, guest, 'a guest in use');
    await delay(random.between(0, 5));
  }
  await pool.close();
}

process.on('message', (message) => {
  stopping ||= message === 'stop';
});
process.send('here');

const failed = (error) => {
  stopping = true;
  report.problems.push(`failed: ${error?.stack ?? error}`);
};
const random = (stream) => new Random(Number(seed), stream);
const loading = Array.from({ length: LOADERS }, (_, index) => loadInTurn(random(index)).catch(failed));
const kept = Array.from({ length: IN_USE }, (_, index) => inUse(random(LOADERS + index)).catch(failed));
await Promise.all([...loading, ...kept]);
await new Promise(setImmediate); // so that warnings are out
process.send({ ...report, caches: engines.map(({ cache }) => cache.snapshot()) }, () => process.disconnect());
