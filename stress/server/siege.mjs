// `npm run siege`: the server under a load of 80 % of what it can take, a fifth of it hostile, and its end in the middle of it.
//
//   --seconds N     how long; 60
//   --rounds N      servers that are ended by SIGTERM under load; 20
//   --shutdown      only those
//   --pages FOLDER  of HTML; npm's manual without it
//   --seed N        the requests of an earlier run; new ones each time
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMain, main } from '../../scripts/lib.mjs';
import { line } from '../shared/footprint.mjs';
import { wholeNumber } from '../shared/options.mjs';
import { number } from '../shared/report.mjs';
import { startServer } from '../shared/server-process.mjs';

const LOAD_SHARE = 0.8;
const SAMPLE_MILLIS = 500;
/** The share of good requests that may get a 503: bursts of hostile ones fill the queue. */
const MAX_TURNED_AWAY = 0.01;
/** Resident memory but for guests' over the second half, in MiB a minute: 10 KB that each of 200 a second keep are 114. */
const MAX_SLOPE = 100;
/** Load of all kinds before the start is measured: heap and buffers that the process gets once, it keeps. */
const WARM_UP_SECONDS = 10;
/** The most resident memory that may stay when the load is gone, in MiB. */
const MAX_LEFT = 128;
/** Instances go after 30 s without a call. */
const IDLE_MILLIS = 45_000;
const HEALTH_P99_MILLIS = 20;
/** How long clients that never finish wait, in a run that does not wait for the server's 408. */
const SHORT_STAMINA_MILLIS = 3_000;
const MEBIBYTE = 1_048_576;

/** One of the processes beside the server. */
class Helper {
  #child;

  constructor(script) {
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)));
    this.#child.on('error', () => {});
  }

  tell(message) {
    this.#child.send(message);
  }

  ask(message) {
    return new Promise((resolve, reject) => {
      const gone = (code, signal) => reject(new Error(`a process of the siege ended with ${signal ?? code}`));
      this.#child.once('exit', gone).once('message', (answer) => {
        this.#child.off('exit', gone);
        if (answer.error === undefined) resolve(answer);
        else reject(new Error(answer.error));
      });
      this.tell(message);
    });
  }

  async work(work, options) {
    return (await this.ask({ work, ...options })).answer;
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}

/**
 * Lays siege. The result's `problems` are empty if everything held. `complete`: waits for what takes half a
 * minute, such as the server's 408 to a client that never finishes, and the end of an idle instance.
 */
export async function siege({ seconds, calibration, rounds, folder, seed, complete = true, note = () => {} }) {
  const home = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-siege-'));
  const load = new Helper('load-worker.mjs');
  try {
    const { pages, kinds } = await load.work('prepare', { folder });
    note(`${pages} pages, ${kinds} hostile kinds`);
    const context = { home, load, seed, complete, note, stamina: complete ? undefined : SHORT_STAMINA_MILLIS };
    const measured = await withServer(home, (server) => besiege(server, context, { seconds, calibration }));
    const ended = await endings(context, rounds, measured.rate);
    return { seed, seconds, ...measured, ended, problems: [...measured.problems, ...ended.problems] };
  } finally {
    load.kill();
    rmSync(home, { recursive: true, force: true });
  }
}

async function withServer(home, use) {
  const server = await startServer({ home });
  try {
    return await use(server);
  } finally {
    await server.kill();
  }
}

async function besiege(server, { load, seed, complete, stamina, note }, { seconds, calibration }) {
  const { port } = server;
  const measured = await load.work('capacity', { port, seconds: calibration, seed });
  const rate = LOAD_SHARE * measured.rate;
  note(`capacity ${measured.rate.toFixed(0)} pages a second; the load has ${rate.toFixed(0)}`);
  if (seconds === 0) return { capacity: measured.rate, rate, problems: measured.problems };
  if (complete) {
    const warm = { port, rate, seconds: WARM_UP_SECONDS, seed: seed + 1_000_000, stamina: SHORT_STAMINA_MILLIS };
    const { problems, cut } = await load.work('load', warm);
    measured.problems.push(...problems, ...cut.map(({ text }) => text));
  }
  const start = complete ? await idle(server) : await held(server);

  const probe = new Helper('probe-worker.mjs');
  const samples = [];
  const began = Date.now();
  const sampling = setInterval(async () => {
    const at = (Date.now() - began) / 1_000;
    samples.push({ at, ...(await held(server).catch(() => server.footprint())) });
  }, SAMPLE_MILLIS);
  try {
    probe.tell({ port });
    const busy = [machineSeconds(), server.cpuSeconds()];
    const run = load.work('load', { port, rate, seconds, seed, stamina });
    await delay(seconds * 1_000);
    clearInterval(sampling);
    const cpu = { machine: machineSeconds() - busy[0], server: server.cpuSeconds() - busy[1] };
    const probed = await probe.ask({});
    const result = await run;
    note(`${result.sent} sent, ${result.left} still under way then, the generator at most ${result.behind} behind`);
    const end = complete ? await idle(server, start) : await settled(server, start);
    const ran = { capacity: measured.rate, rate, start, end, samples, probed, cpu, ...result };
    ran.trend = trendOf(samples, seconds);
    ran.problems = [...measured.problems, ...result.problems, ...problemsOf(ran, complete)];
    ran.problems.push(...result.cut.map(({ text }) => text), ...complaintsOf(server));
    const code = await server.stop();
    if (code !== 0) ran.problems.push(`the server ended with ${code}`);
    return ran;
  } finally {
    clearInterval(sampling);
    probe.kill();
  }
}

/** Memory, instances, threads and descriptors of the server now. */
async function held(server) {
  const page = await (await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
  const of = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
  const [pages, instances] = [of('riptide_wasm_memory_pages'), of('riptide_wasm_instances{engine="default"}')];
  return { ...server.footprint(), pages, instances };
}

/** The same once idle instances are gone. */
async function idle(server, start) {
  await delay(IDLE_MILLIS);
  return settled(server, start);
}

/** The same once connections are gone. */
async function settled(server, start) {
  let seen = await held(server);
  for (let n = 0; n < 50 && start !== undefined && seen.descriptors > start.descriptors; n++) {
    await delay(100);
    seen = await held(server);
  }
  return seen;
}

/** Without guests' memory: that is bounded, and comes and goes with what they are given. */
function trendOf(samples, seconds) {
  const late = samples.filter(({ at, pages }) => at > seconds / 2 && pages !== undefined);
  const points = late.map(({ at, resident, pages }) => ({ x: at, y: resident - pages * 65_536 }));
  return { slope: (line(points).slope * 60) / MEBIBYTE };
}

/** CPU time of all processors of this machine, in seconds. */
function machineSeconds() {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1_000;
}

function problemsOf({ kinds, samples, start, end, probed, trend }, complete) {
  const problems = [];
  for (const end of Object.keys(probed.ends).filter((end) => !/^\/health 200|^\/ready (200|503)$/.test(end)))
    problems.push(`a probe ended with ${end}`);
  if (samples.length === 0) problems.push('no samples were taken');
  // Connections of this process may come and go meanwhile.
  if (end.descriptors > start.descriptors + 1)
    problems.push(`descriptors: ${start.descriptors} before, ${end.descriptors} afterwards`);
  // The rest takes time, or depends on what else the machine does.
  if (!complete) return problems;
  const good = kinds.find(({ part }) => part === 'good');
  const away = (good?.ends['503'] ?? 0) / (good?.count ?? 1);
  if (!(away <= MAX_TURNED_AWAY)) problems.push(`${(away * 100).toFixed(1)} % of good requests were turned away`);
  if (!(trend.slope < MAX_SLOPE))
    problems.push(`resident memory grows by ${trend.slope.toFixed(1)} MiB a minute; allowed: below ${MAX_SLOPE}`);
  const left = (end.resident - start.resident) / MEBIBYTE;
  if (!(left < MAX_LEFT))
    problems.push(`${left.toFixed(1)} MiB stay when the load is gone; allowed: below ${MAX_LEFT}`);
  if (end.instances > start.instances)
    problems.push(`instances: ${start.instances} before, ${end.instances} afterwards`);
  if (end.threads > start.threads) problems.push(`threads: ${start.threads} before, ${end.threads} afterwards`);
  if (!(probed.health.p99 < HEALTH_P99_MILLIS))
    problems.push(`p99 of /health is ${probed.health.p99.toFixed(1)} ms; allowed: below ${HEALTH_P99_MILLIS}`);
  return problems;
}

function complaintsOf(server) {
  return server.complaints().map((text) => `the server complained: ${text.slice(0, 500)}`);
}

/**
 * Ends servers under load, one after another. No request that a server accepted may be lost. A new connection that the
 * system made, and that the process had not accepted yet when it stopped listening, is reset by the system: the server
 * never knew of it, and its log has no request from there. Those are counted apart.
 */
async function endings({ home, load, seed, note }, rounds, rate) {
  const ended = { rounds, answered: 0, refused: 0, lost: 0, reset: 0, afterSignal: [], problems: [] };
  for (let round = 0; round < rounds; round++) {
    await withServer(home, async (server) => {
      const options = { port: server.port, rate, seconds: 120, seed: seed + round, refusable: true };
      const run = load.work('load', { ...options, stamina: 1_000 });
      await delay(1_000 + ((round * 37) % 200));
      const began = Date.now();
      load.tell({ work: 'stop', why: 'signal' });
      const code = await server.stop();
      ended.afterSignal.push(Date.now() - began);
      // More requests, when no server listens any more.
      await delay(100);
      load.tell({ work: 'stop' });
      const { answered, refused, cut, problems } = await run;
      const known = server.clients();
      const lost = cut.filter(({ port, reused }) => reused || known.has(port));
      const wrong = [...problems, ...lost.map(({ text }) => text), ...complaintsOf(server)];
      if (code !== 0) wrong.push(`the server ended with ${code}`);
      if (refused === 0) wrong.push('nothing was refused: the load had ended before');
      ended.problems.push(...wrong.map((text) => `round ${round}: ${text}`));
      ended.answered += answered;
      ended.refused += refused;
      ended.lost += lost.length;
      ended.reset += cut.length - lost.length;
    });
    note(`${round + 1} servers ended, ${ended.lost} requests lost, ${ended.reset} reset`);
  }
  return ended;
}

function print({ seed, seconds, capacity, rate, kinds, samples, start, end, probed, trend, cpu, ended, sent }) {
  const millis = (value) => (value === undefined ? '' : value.toFixed(1));
  console.log(`seed ${seed}; capacity ${capacity.toFixed(0)} pages a second, the load ${rate.toFixed(0)}\n`);
  if (kinds !== undefined) {
    const row = (...cells) =>
      console.log(cells.map((cell, n) => (n === 0 ? String(cell).padEnd(36) : String(cell).padStart(9))).join(''));
    row(`${number(sent)} requests in ${seconds} s`, 'count', 'p50 ms', 'p99 ms', 'most ms', '  ended');
    for (const { part, name, count, p50, p99, most, ends } of kinds.sort((a, b) => a.part.localeCompare(b.part))) {
      const shownEnds = Object.entries(ends).map(([end, times]) => `${end}: ${number(times)}`);
      row(`${part}: ${name}`, number(count), millis(p50), millis(p99), millis(most), `  ${shownEnds.join(', ')}`);
    }
    console.log();
    row('probes', 'count', 'p50 ms', 'p99 ms', 'most ms');
    const names = { health: '/health', ready: '/ready', own: "lateness of the prober's own timer" };
    for (const [name, shown] of Object.entries(names)) {
      const { count, p50, p99, most } = probed[name];
      row(shown, number(count), millis(p50), millis(p99), millis(most));
    }
    console.log();
    row('the server', 'before', 'most', 'after');
    const most = (name) => Math.max(...samples.map((sample) => sample[name] ?? 0));
    const mebibytes = (bytes) => `${(bytes / MEBIBYTE).toFixed(0)} MiB`;
    row('resident memory', ...[start.resident, most('resident'), end.resident].map(mebibytes));
    for (const name of ['pages', 'instances', 'threads', 'descriptors']) row(name, start[name], most(name), end[name]);
    const share = (worked) => `${((100 * worked) / (seconds * cpus().length)).toFixed(0)} %`;
    console.log(`\nof all processors the server worked ${share(cpu.server)}, everybody ${share(cpu.machine)}`);
    console.log(
      `resident memory but for guests', second half: ${trend.slope.toFixed(1)} MiB a minute (allowed: below ${MAX_SLOPE})`,
    );
  }
  const { rounds, answered, refused, lost, reset, afterSignal } = ended;
  if (rounds > 0) {
    const slowest = (Math.max(...afterSignal) / 1_000).toFixed(1);
    console.log(`SIGTERM, ${rounds} times: ${number(answered)} answered, ${number(refused)} refused, ${lost} lost,`);
    console.log(`${reset} reset by the system before they were accepted; the slowest ended after ${slowest} s`);
  }
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const text = { type: 'string' };
    const options = { seconds: text, rounds: text, shutdown: { type: 'boolean' }, pages: text, seed: text };
    const { values } = parseArgs({ options });
    const ran = await siege({
      seconds: values.shutdown ? 0 : wholeNumber('seconds', values.seconds, 60),
      calibration: values.shutdown ? 3 : 10,
      rounds: wholeNumber('rounds', values.rounds, 20),
      folder: values.pages,
      seed: wholeNumber('seed', values.seed, (Date.now() % 1_000_000) + 1),
      note: console.error,
    });
    print(ran);
    for (const problem of ran.problems) console.log(`✗ ${problem}`);
    console.log(`${ran.problems.length} problems`);
    if (ran.problems.length > 0) process.exitCode = 1;
  });
}
