// `riptide-wasm serve` in a process of its own: for the siege, and for tests of the server from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './environment.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MILLIS = 60_000;
const END_MILLIS = 60_000;
/** The unit of CPU times in Linux's /proc. */
const TICKS_A_SECOND = 100;
/** pino's level of errors. */
const ERROR = 50;

/**
 * The arguments with which Node runs `riptide-wasm serve` on a free port.
 *
 * @param {string} root the package's folder
 * @param {...string} options further arguments of `serve`
 */
export function serveArguments(root, ...options) {
  return [path.join(root, 'dist/cli/main.js'), 'serve', '--port', '0', ...options];
}

/** Where a server listens, such as http://127.0.0.1:40123; `undefined` until its log says so. @param {string} log */
export function listeningAt(log) {
  const [, url, port] = /listening at (http:\/\/127\.0\.0\.1:(\d+))/.exec(log) ?? [];
  return url === undefined ? undefined : { url, port: Number(port) };
}

/**
 * Starts a server on a free port of loopback.
 *
 * @param {object} [options]
 * @param {readonly string[]} [options.args] further arguments of `serve`
 * @param {Readonly<Record<string, string>>} [options.env] added to this process's clean environment
 * @param {string} [options.home] a folder that outlives it, with its cache
 */
export async function startServer({ args = [], env = {}, home } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-server-'));
  const log = path.join(folder, 'log');
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, serveArguments(ROOT, ...args), {
    env: cleanEnvironment({ HOME: home ?? folder, ...env }),
    // A file, because reading a pipe would take CPU time from the load.
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

  /** Resolves once it listens. */
  async listening() {
    for (const late = Date.now() + START_MILLIS; this.#running && Date.now() < late; await delay(20)) {
      const address = listeningAt(this.log());
      if (address === undefined) continue;
      this.url = address.url;
      this.port = address.port;
      return;
    }
    throw new Error(`the server did not start: ${this.log()}`);
  }

  log() {
    return readFileSync(this.#log, 'utf8');
  }

  /** The errors in its log, and what it printed that is no log line. */
  complaints() {
    return this.log()
      .split('\n')
      .filter((line) => line !== '' && !isCalm(line));
  }

  /** The clients' ports in the requests it logged. */
  clients() {
    return new Set([...this.log().matchAll(/"remotePort":(\d+)/g)].map(([, port]) => Number(port)));
  }

  /** CPU time of all its threads, in seconds. */
  cpuSeconds() {
    const [, fields = ''] = /\) (.*)/.exec(readFileSync(`/proc/${this.pid}/stat`, 'utf8')) ?? [];
    const [user, system] = fields.split(' ').slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_A_SECOND;
  }

  /** Its resident memory in bytes, its threads and its file descriptors. */
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

  /** Ends it at once, and removes its folder. */
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
