// What short calls cost in two builds of this package: on the caller's thread, out of the guest into JavaScript, and
// through a pool. Each build has a process of its own, which is this file as well; they take turns.
import { fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inFlight, median, time } from './measure.mjs';

const file = fileURLToPath(import.meta.url);

const ADD = '(func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))';
const HOSTED = `(module
  (import "env" "double" (func $double (param i32) (result i32)))
  ${ADD}
  (func (export "sum") (param $left i32) (result i32)
    (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $double (local.get $left))))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $sum)))`;

/** By name: how many of its units a round has, and the function that does so many. */
async function calls(folder) {
  const { Engine, Instance, Pool, wat2wasm } = await import(pathToFileURL(path.resolve(folder, 'dist/index.js')).href);
  const engine = new Engine({ cache: false });
  const plain = await engine.load(wat2wasm(`(module ${ADD})`));
  const hosted = await engine.load(wat2wasm(HOSTED));
  const imports = { env: { double: (value) => value * 2 } };
  const { add } = Instance.createSync(plain).exports;
  const { sum } = Instance.createSync(hosted, { imports }).exports;
  const pool = new Pool(plain, { reuse: true });
  const hostedPool = new Pool(hosted, { reuse: true, imports });
  const alone = (called) => async (count) => {
    for (let index = 0; index < count; index++) await called.call('add', [index, 2]);
  };
  return {
    'sync call': [
      100_000,
      (count) => {
        for (let index = 0; index < count; index++) add(index, 2);
      },
    ],
    'sync host function': [100_000, (count) => sum(count)],
    'promise call, one at a time': [5_000, alone(pool)],
    'promise call, 64 in flight': [20_000, (count) => inFlight(64, count, () => pool.call('add', [1, 2]))],
    'promise call of a guest with imports, one at a time': [5_000, alone(hostedPool)],
  };
}

/** The milliseconds of each call in the build of this repository and in the one in `folder`, the medians of all rounds. */
export async function compareCalls(folder, rounds) {
  const children = [path.join(path.dirname(file), '..'), folder].map((build) => new Build(build));
  const [names] = await Promise.all(children.map((child) => child.answer()));
  const compared = [];
  for (const name of names) {
    const taken = [[], []];
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) taken[which].push(await children[which].time(name));
    }
    compared.push({ name, ours: median(taken[0]), theirs: median(taken[1]) });
  }
  for (const child of children) child.end();
  return compared;
}

class Build {
  #child;
  #failed;

  constructor(folder) {
    this.#child = fork(file, [folder]);
    this.#failed = new Promise((_, reject) => {
      this.#child.once('exit', (code) => reject(new Error(`the calls of the build in ${folder} ended with ${code}`)));
    });
    this.#failed.catch(() => {});
  }

  answer() {
    return Promise.race([this.#failed, new Promise((resolve) => this.#child.once('message', resolve))]);
  }

  time(name) {
    this.#child.send(name);
    return this.answer();
  }

  end() {
    this.#child.disconnect();
  }
}

if (process.argv[1] === file) {
  const all = await calls(process.argv[2]);
  for (const [count, run] of Object.values(all)) await run(count); // warm-up
  process.on('message', async (name) => {
    const [count, run] = all[name];
    process.send((await time(() => run(count))) / count);
  });
  process.on('disconnect', () => process.exit());
  process.send(Object.keys(all));
}
