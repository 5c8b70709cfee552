// What publishing the status costs: the CPU time of a process that does it every second beside one that does not, both
// otherwise idle with a warm extractor. `--seconds N` (30) says how long each of the rounds takes, `--rounds N` (3) how
// many there are; `--json` prints the figures alone.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from 'redis';
import { createExtractor, publishStatus } from '../dist/index.js';
import { RedisStatusStore } from '../dist/redis.js';
import { median } from './measure.mjs';

/** What the project allows itself, in percent of a core. */
const ALLOWED_PERCENT = 0.1;
const WARM_UP_MILLIS = 5_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    process: { type: 'string' },
    publish: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

if (values.process === undefined) await compare();
else await measured(values.process);

/** The process that is measured: connected to Redis, publishing or not. */
async function measured(socket) {
  const client = await createClient({ socket: { path: socket, tls: false } }).connect();
  const extractor = await createExtractor();
  await extractor.extract('<title>Ebb</title><p>The water goes away.</p>');
  const status = values.publish
    ? publishStatus(new RedisStatusStore(client), { ttlMillis: 3_600_000 })
    : { stats: { written: 0 }, close: async () => {} };
  await delay(WARM_UP_MILLIS);
  const [before, started, written] = [process.cpuUsage(), performance.now(), status.stats.written];
  await delay(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  const took = (performance.now() - started) / 1_000;
  console.log(JSON.stringify({ percent: (user + system) / 1e4 / took, writes: status.stats.written - written }));
  await status.close();
  await extractor.close();
  client.destroy();
}

async function compare() {
  if (spawnSync('redis-server', ['--version']).status !== 0) throw new Error('redis-server is not installed');
  const folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-status-'));
  const socket = path.join(folder, 'redis.sock');
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''];
  const redis = spawn('redis-server', settings, { stdio: 'ignore' });
  const ended = once(redis, 'exit');
  try {
    const client = createClient({ socket: { path: socket, tls: false } });
    client.on('error', () => {}); // until the server is there
    await client.connect();
    report(await run(socket), await costInRedis(client));
    client.destroy();
  } finally {
    redis.kill();
    await ended;
    rmSync(folder, { recursive: true });
  }
}

async function run(socket) {
  const [idle, publishing] = [[], []];
  let writes = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    idle.push((await measure(socket)).percent);
    const one = await measure(socket, '--publish');
    publishing.push(one.percent);
    writes += one.writes;
  }
  return { idle: median(idle), publishing: median(publishing), writes };
}

async function measure(socket, ...options) {
  const given = ['--process', socket, '--seconds', String(seconds), ...options];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the measured process ended with ${code}`);
  return JSON.parse(text);
}

/** Microseconds of the server for a write, and the bytes of one. */
async function costInRedis(client) {
  const [, micros] = /cmdstat_eval:.*usec_per_call=([\d.]+)/.exec(await client.info('commandstats')) ?? [];
  return { micros: Number(micros) };
}

function report({ idle, publishing, writes }, { micros }) {
  const percent = Math.max(0, publishing - idle);
  if (values.json) {
    console.log(JSON.stringify({ idle, publishing, percent, writes, redisMicros: micros }));
    return;
  }
  const row = (name, share) => console.log(`${name.padEnd(34)} ${share.toFixed(4).padStart(8)} % of a core`);
  row('idle', idle);
  row('publishing every second', publishing);
  row(`difference (allowed: ${ALLOWED_PERCENT})`, percent);
  console.log(`${writes} writes; Redis took ${micros} µs for one`);
  if (percent > ALLOWED_PERCENT) process.exitCode = 1;
}
