// `riptide-wasm serve` as a process of its own: for the siege, and for tests from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const START_MILLIS = 60_000;
const END_MILLIS = 60_000;
/** Of Linux, for whoever asks. */
const TICKS_A_SECOND = 100;
/** Of pino. */
const ERROR = 50;

/**
 * Starts a server on a free port of loopback.
 *
 * @param {object} [options]
 * @param {readonly string[]} [options.args] further arguments of `serve`
 * @param {Readonly<Record<string, string>>} [options.env] added to this process's environment, without its settings
 * @param {string} [options.home] a folder that outlives it, with its cache
 */
export async function startServer({ args = [], env = {}, home } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-server-'));
  const log = path.join(folder, 'log');
  const output = openSync(log, 'a');
  const clean = Object.entries(process.env).filter(([name]) => !/^(RIPTIDE_|NODE_|VITEST|XDG_)/.test(name));
  const child = spawn(process.execPath, [cli, 'serve', '--port', '0', ...args], {
    env: { ...Object.fromEntries(clean), HOME: home ?? folder, ...env },
    // A file: whoever reads a pipe takes time from the load.
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const reap = () => child.kill('SIGKILL');
  process.on('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  const server = new Server(child, folder, log);
  try {
    await server.listening();
  } catch (error) {
    await server.kill();
    throw error;
  }
  return server;
}

class Server {
  #child;
  #folder;
  #log;
  /** Its exit code, or the signal that ended it. @type {Promise<number | string>} */
  ended;
  /** Such as http://127.0.0.1:40123. */
  url = '';
  port = 0;

  constructor(child, folder, log) {
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
    this.ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
  }

  get pid() {
    return this.#child.pid;
  }

  get #running() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves once it has said where it listens. */
  async listening() {
    for (const late = Date.now() + START_MILLIS; this.#running && Date.now() < late; await delay(20)) {
      const [, url, port] = /listening at (http:\/\/127\.0\.0\.1:(\d+))/.exec(this.log()) ?? [];
      if (url === undefined) continue;
      this.url = url;
      this.port = Number(port);
      return;
    }
    throw new Error(`the server did not start: ${this.log()}`);
  }

  log() {
    return readFileSync(this.#log, 'utf8');
  }

  /** What it logged as an error of its own, or printed beside its log. */
  complaints() {
    return this.log()
      .split('\n')
      .filter((line) => line !== '' && !isCalm(line));
  }

  /** The ports of those whose requests it logged. */
  clients() {
    return new Set([...this.log().matchAll(/"remotePort":(\d+)/g)].map(([, port]) => Number(port)));
  }

  /** What its threads have worked. */
  cpuSeconds() {
    const [, fields = ''] = /\) (.*)/.exec(readFileSync(`/proc/${this.pid}/stat`, 'utf8')) ?? [];
    const [user, system] = fields.split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_A_SECOND;
  }

  /** What it holds of the system. */
  footprint() {
    const of = (name) => `/proc/${this.pid}/${name}`;
    const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(of('status'), 'utf8')) ?? [];
    return {
      resident: Number(kilobytes) * 1024,
      threads: readdirSync(of('task')).length,
      descriptors: readdirSync(of('fd')).length,
    };
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Ends it as a service manager does. @returns {Promise<number | string>} its exit code, or `hung` */
  async stop() {
    this.signal('SIGTERM');
    const end = await Promise.race([this.ended, delay(END_MILLIS, 'hung', { ref: false })]);
    return end;
  }

  /** Whatever it does; with its folder. */
  async kill() {
    if (this.#running) this.signal('SIGKILL');
    await this.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isCalm(line) {
  try {
    return JSON.parse(line).level < ERROR;
  } catch {
    return false;
  }
}
