// A process that ends in the way that its arguments name, mostly with 400 calls in flight; endings.mjs starts it and checks its end.
//
//   node stress/endings/ending-worker.mjs <way> <round> [folder]
import cluster from 'node:cluster';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Engine, Instance, Pool, wat2wasm } from '../../dist/index.js';

/** A guest for each way to be in flight. */
const GUEST = `(module
  (import "env" "ask" (func $ask (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "spin") (loop (br 0)))
  (func (export "ask") (result i32) (call $ask))
  (func (export "sleep") (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;
const EXTRACTOR = fileURLToPath(new URL('../../crates/extractor/dist/extractor.simd.wasm', import.meta.url));
const PROCESSES = 8;

const [, , ownWay, ownRound = '0', folder = ''] = process.argv;
const { way, round } = isMainThread ? { way: ownWay, round: Number(ownRound) } : workerData;
// Equal options: the threads of this process share worker threads, slots and compiled code.
const engine = new Engine({ cache: way === 'cluster' });
const imports = { env: { ask: () => new Promise(() => {}) } };
const exits = { env: { ask: () => process.exit(3) } };
const onPurpose = () => new Error('on purpose');

/** 100 calls that loop, 100 asleep in WASI, 100 that wait on a host function (8 of each, the others queued), 100 short. */
async function fourHundred() {
  const code = await engine.load(wat2wasm(GUEST));
  const endless = ['spin', 'sleep', 'ask'].map((name) => {
    const pool = new Pool(code, { max: 8, wasi: true, imports });
    return { pool, calls: Array.from({ length: 100 }, () => pool.call(name)) };
  });
  for (const { calls } of endless) for (const call of calls) call.catch(() => {});

  const short = new Pool(code, { max: 4, reuse: true, wasi: true, imports });
  const callers = { inFlight: 0, wrong: 0, stopping: false };
  const caller = async () => {
    for (let n = 0; !callers.stopping; n++) {
      callers.inFlight++;
      const sum = await short.call('add', [n, 1]).catch(() => undefined);
      callers.inFlight--;
      if (sum !== n + 1) callers.wrong++;
    }
  };
  const ended = Promise.all(Array.from({ length: 100 }, caller));

  const runs = ({ pool: { stats } }) => stats.active === 8 && stats.waiting === 92;
  while (!endless.every(runs) || short.stats.completed < 100) await sleep(1);
  const inFlight = endless.reduce((sum, { pool: { stats } }) => sum + stats.active + stats.waiting, callers.inFlight);
  if (callers.wrong > 0) throw new Error(`${callers.wrong} wrong answers`);
  await sleep(round % 20); // another moment each round
  return { endless, short, callers, ended, inFlight };
}

/** Two loads, which compile on every core. */
async function compiling(source) {
  const loads = [engine.load(source), engine.load(source)];
  await Promise.race([sleep((round * 7) % 100), ...loads]);
}

/** Closes the pools that drain by themselves and destroys the others, as a service does. */
async function closeAll({ endless, short, callers, ended }) {
  callers.stopping = true;
  const settled = Promise.all(endless.map(({ calls }) => Promise.allSettled(calls)));
  await short.close();
  for (const { pool } of endless) await pool.destroy();
  const aborted = (await settled).flat().filter(({ reason }) => reason?.code === 'ERR_ABORTED').length;
  await ended;
  console.log(`${aborted} aborted, ${callers.wrong} wrong`);
  process.exit(7);
}

/** The process lives on: the memory is back, and the next call works. */
async function goOn() {
  for (let left = 500; left > 0 && engine.tracker.currentPages > 0; left--) await sleep(10);
  const pool = new Pool(await engine.load(wat2wasm(GUEST)), { wasi: true, imports });
  console.log(`${engine.tracker.currentPages} pages, ${await pool.call('add', [1, 2])}`);
}

function startWorker(what) {
  return new Worker(new URL(import.meta.url), { workerData: { way: what, round } });
}

async function inWorker(what) {
  const worker = startWorker(what);
  const seen = (event) => new Promise((resolve) => worker.once(event, resolve));
  const failed = seen('error').then(({ message }) => message);
  const exited = seen('exit');
  return { worker, inFlight: await seen('message'), failed, exited };
}

/** A module that takes a moment to compile. */
function large(functions) {
  const f = (n) => `(func (export "f${n}") (param i32) (result i32)
    (i32.add (i32.mul (local.get 0) (i32.const ${n})) (i32.rem_u (local.get 0) (i32.const ${n + 1}))))`;
  return wat2wasm(`(module ${Array.from({ length: functions }, (_, n) => f(n)).join('\n')})`);
}

/** Loads and calls the module that all cluster workers load at this moment. */
async function clusterWorker() {
  const go = once(process, 'message');
  process.send('here');
  const [file] = await go;
  const pool = new Pool(await engine.load(file), { max: 2 });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => pool.call(`f${n + 100}`, [7])));
  process.send({ right: answers.every((answer, n) => answer === 7 * (n + 100) + 7), lookups: engine.cache });
  await pool.close();
  process.disconnect();
}

async function clusterPrimary() {
  const file = path.join(folder, 'large.wasm');
  writeFileSync(file, large(400));
  const workers = Array.from({ length: PROCESSES }, () => cluster.fork());
  const exits = workers.map((worker) => once(worker, 'exit'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const reports = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.send(file);
  let good = 0;
  for (const [report, exit] of await Promise.all(exits.map((ended, n) => Promise.all([reports[n], ended])))) {
    const [{ right, lookups }] = report;
    if (right && lookups.hits + lookups.misses === 1 && exit[0] === 0 && exit[1] === null) good++;
    else console.log(JSON.stringify({ right, lookups, exit }));
  }
  // They left one good artefact, sealed with the one secret of this user.
  await engine.load(file);
  console.log(`${good} good, then ${engine.cache.diskHits} hit`);
}

const ways = {
  async exit() {
    console.log((await fourHundred()).inFlight);
    process.exit(3);
  },
  async throw() {
    console.log((await fourHundred()).inFlight);
    setImmediate(() => {
      throw onPurpose();
    });
  },
  async reject() {
    console.log((await fourHundred()).inFlight);
    Promise.reject(onPurpose());
  },
  async sigterm() {
    console.log((await fourHundred()).inFlight);
  },
  async 'sigterm-handled'() {
    const load = await fourHundred();
    process.once('SIGTERM', () => closeAll(load));
    console.log(load.inFlight);
  },
  async 'host-exit'() {
    const { inFlight, short } = await fourHundred();
    console.log(inFlight);
    await new Pool(short.code, { wasi: true, imports: exits }).call('ask');
  },
  async 'host-exit-sync'() {
    const { inFlight, short } = await fourHundred();
    console.log(inFlight);
    Instance.createSync(short.code, { wasi: true, imports: exits }).callSync('ask');
  },
  async compiling() {
    await compiling(EXTRACTOR);
    process.exit(3);
  },
  async idle() {
    const code = await engine.load(wat2wasm(GUEST));
    const options = { wasi: true, imports: { env: { ask: () => 1 } } };
    const pool = new Pool(code, { min: 2, max: 2, reuse: true, ...options });
    const instance = await Instance.create(code, options);
    const sync = Instance.createSync(code, options);
    const sum = (await pool.call('add', [1, 2])) + (await instance.call('add', [1, 2])) + sync.callSync('add', [1, 2]);
    console.log(sum);
  },
  async terminate() {
    const { worker, inFlight } = await inWorker('live');
    await worker.terminate();
    console.log(inFlight);
    await goOn();
  },
  async 'terminate-compiling'() {
    const { worker } = await inWorker('live-compiling');
    await worker.terminate();
    await goOn();
  },
  async 'terminate-early'() {
    const worker = startWorker('live');
    await once(worker, 'online');
    await sleep((round * 7) % 300);
    await worker.terminate();
    await goOn();
  },
  async 'terminate-sync'() {
    const { worker } = await inWorker('live-sync');
    await worker.terminate();
    await goOn();
  },
  async 'exit-sync'() {
    await inWorker('live-sync');
    process.exit(3);
  },
  async 'worker-exit'() {
    const { inFlight, exited } = await inWorker('end-exit');
    console.log(`${inFlight}, exit ${await exited}`);
    await goOn();
  },
  async 'worker-throw'() {
    const { inFlight, failed, exited } = await inWorker('end-throw');
    console.log(`${inFlight}, ${await failed}, exit ${await exited}`);
    await goOn();
  },
  async workers() {
    const workers = await Promise.all([inWorker('live'), inWorker('live')]);
    console.log(workers.map(({ inFlight }) => inFlight).join(', '));
    process.exit(3);
  },
  cluster: () => (cluster.isPrimary ? clusterPrimary() : clusterWorker()),

  // In a worker thread:
  async live() {
    parentPort.postMessage((await fourHundred()).inFlight);
  },
  async 'live-compiling'() {
    await compiling(large(1000));
    parentPort.postMessage('');
  },
  async 'live-sync'() {
    const instance = Instance.createSync(await engine.load(wat2wasm(GUEST)), { wasi: true, imports });
    parentPort.postMessage('');
    instance.callSync('spin');
  },
  async 'end-exit'() {
    parentPort.postMessage((await fourHundred()).inFlight);
    await sleep(1); // so that the message is out
    process.exit(5);
  },
  async 'end-throw'() {
    parentPort.postMessage((await fourHundred()).inFlight);
    setImmediate(() => {
      throw onPurpose();
    });
  },
};

await ways[way]();
