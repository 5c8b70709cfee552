// `npm run bench`: this package beside what one would do without it, in one run on one machine.
//
//   --quick   fewer rounds: the direction, not the number
//   --json    JSON instead of the table
//   --check   exit code 1 where a row misses its target
//   --against DIR   instead of all that: short calls, beside those of another build of this package, in DIR/dist
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Piscina } from 'piscina';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { buildInfo, createExtractor, Engine, Instance, Pool, wat2wasm } from '../dist/index.js';
import { registerMetrics } from '../dist/prometheus.js';
import { root } from '../scripts/lib.mjs';
import { compareCalls } from './calls.mjs';
import { eventLoop, neighbours } from './isolation.mjs';
import { lateness } from './lateness.mjs';
import { compare, inFlight, median } from './measure.mjs';
import { pages } from './pages.mjs';
import { findPeers } from './peers.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    check: { type: 'boolean' },
    against: { type: 'string' },
  },
});
const here = path.dirname(fileURLToPath(import.meta.url));
const rows = [];
// What could not be measured here, with the reason.
const leftOut = [];

function note(text) {
  if (!options.json) console.error(text);
}

/**
 * Adds a row; times are milliseconds for one unit of work. The target is `atLeast` for the ratio, `under` for our
 * milliseconds, `bothUnder` for either's, or `apart` for how many our milliseconds are above the other's.
 */
function row(what, ours, theirs, target = {}) {
  const ratio = theirs.millis / ours.millis;
  const { atLeast, under, bothUnder, apart } = target;
  const met =
    (atLeast === undefined || ratio >= atLeast) &&
    (under === undefined || ours.millis < under) &&
    (bothUnder === undefined || Math.max(ours.millis, theirs.millis) < bothUnder) &&
    (apart === undefined || ours.millis - theirs.millis <= apart);
  rows.push({ what, ours, theirs, ratio, target, met });
}

async function simdAgainstScalar() {
  note('SIMD against scalar');
  const corpus = pages(options.quick ? 10 : 30);
  const extractors = {};
  for (const simd of [true, false]) {
    extractors[simd ? 'simd' : 'scalar'] = await createExtractor({ env: false, simd, min: 1, max: 1, cache: false });
  }
  const run = (extractor) => async () => {
    for (const page of corpus) await extractor.extract(page);
  };
  const taken = await compare({ simd: run(extractors.simd), scalar: run(extractors.scalar) }, options.quick ? 3 : 9);
  const each = (millis) => millis / corpus.length;
  row(
    'extract a page',
    { name: 'SIMD build', millis: each(taken.simd) },
    { name: 'scalar build', millis: each(taken.scalar) },
  );
  for (const extractor of Object.values(extractors)) await extractor.close();
}

async function poolAgainstNone() {
  note('pool against no pool');
  const warm = await createExtractor({ env: false, min: 1, max: 1, reuse: true, cache: false });
  const code = warm.pool.code;
  const fresh = new Pool(code, { max: 1, reuse: false });
  const calls = options.quick ? 100 : 500;
  const repeat = (call) => async () => {
    for (let index = 0; index < calls; index++) await call();
  };
  const taken = await compare(
    {
      warm: repeat(() => warm.pool.call('get-info')),
      fresh: repeat(() => fresh.call('get-info')),
      none: repeat(async () => {
        const pool = new Pool(code, { max: 1 });
        await pool.call('get-info');
        await pool.close();
      }),
    },
    options.quick ? 3 : 7,
  );
  const ours = { name: 'warm instance (reuse: true)', millis: taken.warm / calls };
  row('short call of the extractor', ours, {
    name: 'fresh instance a call (reuse: false)',
    millis: taken.fresh / calls,
  });
  row('short call of the extractor', ours, { name: 'new Pool a call', millis: taken.none / calls });
  await fresh.close();
  await warm.close();
}

async function cacheAgainstNone() {
  note('cache against none');
  const directory = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-bench-'));
  const start = (cache) => {
    const output = execFileSync(process.execPath, [path.join(here, 'cold-start.mjs'), cache], { encoding: 'utf8' });
    return Number(output.trim());
  };
  try {
    start(directory); // fills the cache
    const cached = [];
    const compiled = [];
    for (let round = 0; round < (options.quick ? 3 : 7); round++) {
      cached.push(start(directory));
      compiled.push(start('none'));
    }
    row(
      'cold start of the extractor',
      { name: 'AOT cache', millis: median(cached) },
      { name: 'no cache', millis: median(compiled) },
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From asking for the extractor's file to its first instance, in processes of their own. */
async function loads() {
  note('loads from disk and memory against compiling');
  const file = fileURLToPath(new URL('../crates/extractor/dist/extractor.simd.wasm', import.meta.url));
  const ours = [];
  try {
    for (const [trust, under] of [
      ['key', 4],
      ['owner', 1],
    ]) {
      const directory = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-bench-'));
      const start = () =>
        JSON.parse(
          execFileSync(process.execPath, [path.join(here, 'loads.mjs'), file, directory, trust], { encoding: 'utf8' }),
        );
      const name = `from disk (\`${trust}\`)`;
      ours.push({ name, directory, start: () => start().disk });
      const compiled = start().disk; // fills the cache
      const rounds = Array.from({ length: options.quick ? 3 : 9 }, start);
      const middle = (name) => median(rounds.map((round) => round[name]));
      const without = { name: 'compiled', millis: compiled };
      row('first instance of the extractor', { name, millis: middle('disk') }, without, { under });
      if (trust === 'key') {
        const memory = { name: 'from memory', millis: middle('memory') };
        row('first instance of the extractor', memory, without, { under: 0.05 });
      }
    }
    await againstPeers(file, ours);
  } finally {
    for (const { directory } of ours) rmSync(directory, { recursive: true, force: true });
  }
}

/** The same by other ways than ours, in turns with ours, so that what else the machine does falls on all of them. */
async function againstPeers(file, ours) {
  note("first instance against Wasmtime's own cache, V8 and jco");
  const { found, missing } = await findPeers(file, note);
  leftOut.push(...missing);
  const taken = new Map([...ours, ...found].map((contender) => [contender, []]));
  for (let round = 0; round < (options.quick ? 3 : 11); round++) {
    for (const [contender, millis] of taken) millis.push(contender.start());
  }
  const timed = (contender) => ({ name: contender.name, millis: median(taken.get(contender)) });
  for (const own of ours) {
    for (const peer of found) row('first instance of the extractor', timed(own), timed(peer), { atLeast: 1 });
  }
}

/** A page by the command line, from a warm cache, against a process of Node that does nothing. */
async function wholeProcess() {
  note('a process that extracts against an empty one');
  const cache = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-bench-'));
  const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const env = { ...process.env, RIPTIDE_WASM_CACHE_DIR: cache };
  const run = (args, input) => () => {
    execFileSync(process.execPath, args, { env, input, stdio: ['pipe', 'ignore', 'inherit'] });
  };
  try {
    const page = '<title>Tides</title><p>Spring tides follow the full moon.</p>';
    const contenders = { extract: run([cli, 'extract', '-'], page), empty: run(['-e', '0'], '') };
    const taken = await compare(contenders, options.quick ? 5 : 15);
    const empty = { name: '`node -e 0`', millis: taken.empty };
    row('a process', { name: '`riptide-wasm extract -`', millis: taken.extract }, empty, { apart: 60 });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Prometheus's page of an engine with 16 pools, against what prom-client tells of Node by itself. */
async function scrapes() {
  note('a scrape of 16 pools');
  const engine = new Engine({ cache: false });
  const code = await engine.load(wat2wasm(ADD));
  const pools = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`pool ${index}`, new Pool(code)]));
  const [ours, nodes] = [new Registry(), new Registry()];
  registerMetrics(ours, { engine, pools });
  collectDefaultMetrics({ register: nodes });
  const contenders = { ours: () => ours.metrics(), nodes: () => nodes.metrics() };
  const taken = await compare(contenders, options.quick ? 21 : 101);
  const theirs = { name: "prom-client's default metrics", millis: taken.nodes };
  row('a scrape', { name: 'an engine and 16 pools', millis: taken.ours }, theirs, { under: 2 });
  for (const pool of Object.values(pools)) await pool.destroy();
}

const ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))';

async function promiseCalls() {
  note('promise calls against piscina');
  const engine = new Engine({ cache: false });
  const code = await engine.load(wat2wasm(ADD));
  const threads = availableParallelism();
  const pool = new Pool(code, { min: threads, max: threads, reuse: true });
  await pool.ready();
  const piscina = new Piscina({
    filename: pathToFileURL(path.join(here, 'piscina-worker.mjs')).href,
    minThreads: threads,
    maxThreads: threads,
  });
  const { add } = pool.exports();
  for (const [width, total, target] of [
    [1, options.quick ? 500 : 2_000, { atLeast: 3 }],
    [64, options.quick ? 5_000 : 20_000, { atLeast: 15 }],
  ]) {
    const taken = await compare(
      {
        ours: () => inFlight(width, total, () => add(1, 2)),
        piscina: () => inFlight(width, total, () => piscina.run([1, 2])),
      },
      options.quick ? 3 : 9,
    );
    row(
      width === 1 ? 'trivial call, one at a time' : `trivial call, ${width} in flight`,
      { name: 'pool.exports().add', millis: taken.ours / total },
      { name: 'piscina.run', millis: taken.piscina / total },
      target,
    );
  }
  await piscina.destroy();
  await pool.close();
  await recording(rows.slice(-2));
}

/**
 * What recording a call's durations takes, measured in Rust: beside a call it drowns in the machine's noise. One file, by
 * `rustc`: `cargo bench` of one package asks for other features of shared dependencies, and compiles Wasmtime again.
 */
async function recording(calls) {
  note('recording, compiled by rustc');
  const source = path.join(root, 'crates', 'runtime', 'benches', 'recording.rs');
  const program = path.join(root, 'target', 'recording');
  try {
    execFileSync('rustc', ['--edition', '2024', '-C', 'opt-level=3', source, '-o', program], { cwd: root });
    const { nanos } = JSON.parse(execFileSync(program, { encoding: 'utf8' }));
    for (const { what, ours } of calls) {
      row(`durations of a ${what}`, { name: 'recording them', millis: nanos / 1e6 }, ours, { atLeast: 100 });
    }
  } catch (error) {
    leftOut.push(`recording: ${error.message}`);
  }
}

async function syncCalls() {
  note('sync calls against V8');
  const bytes = wat2wasm(ADD);
  const instance = Instance.createSync(await new Engine({ cache: false }).load(bytes));
  const ours = instance.exports.add;
  const { add: theirs } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const calls = options.quick ? 100_000 : 1_000_000;
  const repeat = (add) => () => {
    for (let index = 0; index < calls; index++) add(index, 2);
  };
  const taken = await compare({ ours: repeat(ours), theirs: repeat(theirs) }, options.quick ? 3 : 9);
  row(
    'trivial call on the calling thread',
    { name: 'instance.exports.add', millis: taken.ours / calls },
    { name: 'WebAssembly.Instance', millis: taken.theirs / calls },
    { under: 0.0005 },
  );
  await instance.close();
}

async function anotherBuild(folder) {
  note(`short calls against ${folder}`);
  for (const { name, ours, theirs } of await compareCalls(folder, options.quick ? 5 : 51)) {
    row(name, { name: 'this build', millis: ours }, { name: folder, millis: theirs });
  }
}

async function freshInstances() {
  note('fresh instances against warm ones');
  const engine = new Engine({ cache: false });
  const small = await engine.load(wat2wasm(ADD));
  const extractor = await createExtractor({ env: false, min: 1, max: 1, cache: false });
  for (const [what, code, name, args, apart] of [
    ['small guest', small, 'add', [1, 2], 0.01],
    ['extractor', extractor.pool.code, 'get-info', [], 0.04],
  ]) {
    const pools = [false, true].map((reuse) => new Pool(code, { min: 1, max: 1, reuse, wasi: what === 'extractor' }));
    for (const pool of pools) await pool.ready();
    const calls = options.quick ? 500 : 5_000;
    const width = 64;
    const [fresh, warm] = pools.map((pool) => () => inFlight(width, calls, () => pool.call(name, args)));
    const taken = await compare({ fresh, warm }, options.quick ? 3 : 9);
    row(
      `call of the ${what}`,
      { name: 'fresh instance (reuse: false)', millis: taken.fresh / calls },
      { name: 'warm instance (reuse: true)', millis: taken.warm / calls },
      { apart },
    );
    for (const pool of pools) await pool.close();
  }
  await extractor.close();
}

async function isolation() {
  note('neighbours that loop, sleep and trap');
  for (const { what, name, alone, beside } of await neighbours(options.quick)) {
    row(
      `p99 of a ${what}`,
      { name: `beside a pool that ${name}`, millis: beside },
      { name: 'alone', millis: alone },
      { atLeast: 0.5 },
    );
  }
  note('the event loop beside guests that compute');
  const { idle, busy } = await eventLoop(options.quick);
  row(
    "p99 of the event loop's delay",
    { name: 'all cores in guests', millis: busy },
    { name: 'idle', millis: idle },
    { apart: 3 },
  );
}

async function ending() {
  note('how late calls end');
  for (const { doing, byTime, bySignal } of await lateness(options.quick)) {
    row(
      `p95 of how late a call ends that ${doing}`,
      { name: 'timeoutMillis', millis: byTime },
      { name: 'AbortSignal', millis: bySignal },
      { bothUnder: 10 },
    );
  }
}

function shown(millis) {
  if (millis >= 1) return `${millis.toFixed(2)} ms`;
  return `${(millis * 1000).toFixed(2)} µs`;
}

function wanted({ atLeast, under, bothUnder, apart }) {
  if (atLeast !== undefined) return `${atLeast} or more`;
  if (under !== undefined) return `under ${shown(under)}`;
  if (bothUnder !== undefined) return `both under ${shown(bothUnder)}`;
  if (apart !== undefined) return `at most ${shown(apart)} apart`;
  return '';
}

if (options.against === undefined) {
  await simdAgainstScalar();
  await poolAgainstNone();
  await cacheAgainstNone();
  await loads();
  await wholeProcess();
  await promiseCalls();
  await syncCalls();
  await freshInstances();
  await isolation();
  await ending();
  await scrapes();
} else {
  await anotherBuild(options.against);
}

const { version, wasmtime, target } = buildInfo();
const machine = { version, wasmtime, target, node: process.version, cores: availableParallelism() };
if (options.json) {
  console.log(JSON.stringify({ ...machine, rows, leftOut }, null, 2));
} else {
  console.log(`riptide-wasm ${version}, Wasmtime ${wasmtime}, Node ${process.version}, ${machine.cores} cores\n`);
  console.log('| | riptide-wasm | beside it | ratio |');
  console.log('|---|---|---|---|');
  for (const { what, ours, theirs, ratio, target } of rows) {
    const goal = wanted(target);
    console.log(
      `| ${what} | ${ours.name}: ${shown(ours.millis)} | ${theirs.name}: ${shown(theirs.millis)} | ${ratio.toFixed(2)}${goal && ` (target: ${goal})`} |`,
    );
  }
  for (const reason of leftOut) console.log(`\nLeft out: ${reason}`);
}
const missed = rows.filter(({ met }) => !met);
for (const { what, ratio, target } of missed) console.error(`${what}: ${ratio.toFixed(2)}, target: ${wanted(target)}`);
if (options.check && missed.length > 0) process.exitCode = 1;
