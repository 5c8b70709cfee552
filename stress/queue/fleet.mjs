// Processes that work on a queue, and are killed.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../shared/environment.mjs';

/** Longer than the deadline of its shutdown, and what that has to close. */
const END_MILLIS = 40_000;
const SCRIPT = fileURLToPath(new URL('loss-worker.mjs', import.meta.url));

export class Fleet {
  #size;
  #options;
  #folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-losses-'));
  #log = path.join(this.#folder, 'log');
  #members = [];
  #reap = () => {
    for (const { child } of this.#members) child.kill('SIGKILL');
  };
  #read = { bytes: 0, stored: 0, keys: new Set() };
  kills = 0;
  /** Where results lie. */
  results = path.join(this.#folder, 'results');

  constructor(size, options) {
    this.#size = size;
    mkdirSync(this.results);
    this.#options = { ...options, results: this.results, log: this.#log, cache: path.join(this.#folder, 'cache') };
    process.on('exit', this.#reap);
  }

  /** The first alone: it compiles for all. */
  async start() {
    await this.#add().ready;
    while (this.#members.length < this.#size) this.#add();
    await Promise.all(this.#members.map(({ ready }) => ready));
  }

  #add() {
    const env = cleanEnvironment({ HOME: this.#folder });
    const child = fork(SCRIPT, [JSON.stringify(this.#options)], { env, execArgv: [] });
    const member = { child, ready: once(child, 'message'), ended: once(child, 'exit') };
    member.ready.catch(() => {}); // one that is killed before it is ready
    this.#members.push(member);
    return member;
  }

  /** SIGKILLs one at random, and starts another. */
  async kill(random) {
    const member = random.pick(this.#members);
    this.#members = this.#members.filter((each) => each !== member);
    member.child.kill('SIGKILL');
    await member.ended;
    this.kills++;
    this.#add();
  }

  /** SIGSTOPs one that works, for a time. */
  async freeze(random, millis) {
    const { child } = random.pick(this.#members);
    child.kill('SIGSTOP');
    await delay(millis);
    child.kill('SIGCONT');
  }

  /** Ends all of them in order; returns what kept some from it. */
  async stop() {
    const problems = [];
    await Promise.all(
      this.#members.map(async ({ child, ready, ended }) => {
        await ready;
        child.kill('SIGTERM');
        const late = delay(END_MILLIS, ['nothing']);
        const [code, signal] = await Promise.race([ended, late]);
        if (code !== 0) problems.push(`after SIGTERM a worker ended with ${code ?? signal}`);
      }),
    );
    return problems;
  }

  /** How many results were stored so far, and how many different ones. */
  work() {
    const read = this.#read;
    if (existsSync(this.#log)) {
      const lines = readFileSync(this.#log, 'utf8').slice(read.bytes);
      const whole = lines.slice(0, lines.lastIndexOf('\n') + 1);
      read.bytes += whole.length;
      for (const key of whole.split('\n').slice(0, -1)) {
        read.stored++;
        read.keys.add(key);
      }
    }
    return { stored: read.stored, distinct: read.keys.size };
  }

  /** What workers said went wrong beside their jobs. */
  errors() {
    const file = `${this.#log}.errors`;
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  }

  async remove() {
    this.#reap();
    await Promise.all(this.#members.map(({ ended }) => ended));
    process.off('exit', this.#reap);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
