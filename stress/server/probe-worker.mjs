// Asks a server for its health, on a connection and in a process of its own, so that a late answer is the server's fault.
import http from 'node:http';
import { constants, setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';

const EVERY_MILLIS = 50;
/** Every tenth request is for `/ready`, the others for `/health`. */
const READY_EACH = 10;
const PATIENCE_MILLIS = 10_000;

try {
  // The load shares the cores with it.
  setPriority(constants.priority.PRIORITY_HIGHEST);
} catch {
  // Not every user may.
}

const times = { '/health': [], '/ready': [] };
const ends = {};
/** How late its own timer was. */
const lateness = [];
let asked = 0;

function ask(agent, port, path) {
  const began = performance.now();
  return new Promise((resolve) => {
    const settle = (end) => {
      ends[`${path} ${end}`] = (ends[`${path} ${end}`] ?? 0) + 1;
      times[path].push(performance.now() - began);
      resolve();
    };
    const request = http.get({ host: '127.0.0.1', port, path, agent, timeout: PATIENCE_MILLIS }, (response) => {
      response.resume().on('end', () => settle(response.statusCode));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => settle(error.code ?? error.message));
  });
}

function summary(numbers) {
  const sorted = numbers.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), most: sorted.at(-1) };
}

process.once('message', ({ port }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const underWay = new Set();
  let due = performance.now() + EVERY_MILLIS;
  const interval = setInterval(() => {
    lateness.push(Math.max(0, performance.now() - due));
    due = performance.now() + EVERY_MILLIS;
    const run = ask(agent, port, asked++ % READY_EACH === 0 ? '/ready' : '/health').then(() => underWay.delete(run));
    underWay.add(run);
  }, EVERY_MILLIS);
  process.once('message', async () => {
    clearInterval(interval);
    await Promise.all(underWay);
    const health = summary(times['/health']);
    process.send({ health, ready: summary(times['/ready']), own: summary(lateness), ends }, () => process.exit());
  });
});
process.on('disconnect', () => process.exit());
