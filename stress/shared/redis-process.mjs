// A redis-server of our own, for tests and loads of the queue.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const START_MILLIS = 20_000;

/** Why there is no Redis here; `undefined` where there is. */
export const noRedis =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';

/**
 * Starts a Redis that listens on a socket of the file system only.
 *
 * @param {object} [options]
 * @param {boolean} [options.aof] whether it keeps its data over a restart
 * @param {readonly string[]} [options.settings] further settings, such as `--maxmemory 8mb`
 */
export async function startRedis({ aof = false, settings = [] } = {}) {
  const redis = new Redis(aof, settings);
  await redis.start();
  return redis;
}

class Redis {
  #folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-redis-'));
  #settings;
  #child;
  #reap = () => this.#child?.kill('SIGKILL');
  /** Where it listens. */
  socket = path.join(this.#folder, 'redis.sock');

  constructor(aof, settings) {
    const kept = aof ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : ['--appendonly', 'no'];
    this.#settings = [
      '--port',
      '0',
      '--unixsocket',
      this.socket,
      '--dir',
      this.#folder,
      '--save',
      '',
      ...kept,
      ...settings,
    ];
    process.on('exit', this.#reap);
  }

  /** As BullMQ takes it. */
  get connection() {
    return { path: this.socket };
  }

  async start() {
    this.#child = spawn('redis-server', this.#settings, { stdio: 'ignore' });
    for (const late = Date.now() + START_MILLIS; Date.now() < late; await delay(10)) {
      if (this.#child.exitCode !== null) break;
      if (await listens(this.socket)) return;
    }
    throw new Error('redis-server did not start');
  }

  /** Ends it, by a signal; what it does not keep is gone. */
  async stop(signal = 'SIGKILL') {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  /** Ends it in order, and starts it again. */
  async restart() {
    await this.stop('SIGTERM');
    await this.start();
  }

  /** Ends it for good. */
  async remove() {
    await this.stop();
    process.off('exit', this.#reap);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whether Redis answers there; while it loads its data it says that. */
function listens(socket) {
  return new Promise((resolve) => {
    const client = connect(socket, () => client.write('PING\r\n'));
    client.once('data', (answer) => {
      client.destroy();
      resolve(answer.toString().startsWith('+PONG'));
    });
    client.once('error', () => resolve(false));
  });
}
