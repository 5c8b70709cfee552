// `npm run bench`: this package beside what one would do without it, in one run on one machine.
//
//   --quick   fewer rounds: the direction, not the number
//   --json    JSON instead of the table
//   --check   exit code 1 where a row misses its target
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Piscina } from 'piscina';
import { buildInfo, createExtractor, Engine, Pool, wat2wasm } from '../dist/index.js';
import { compare, inFlight, median } from './measure.mjs';
import { pages } from './pages.mjs';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, check: { type: 'boolean' } },
});
const here = path.dirname(fileURLToPath(import.meta.url));
const rows = [];

function note(text) {
  if (!options.json) console.error(text);
}

/** Adds a row; times are milliseconds for one unit of work. */
function row(what, ours, theirs, target) {
  rows.push({ what, ours, theirs, ratio: theirs.millis / ours.millis, ...(target && { target }) });
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

async function promiseCalls() {
  note('promise calls against piscina');
  const engine = new Engine({ cache: false });
  const code = await engine.load(
    wat2wasm('(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'),
  );
  const threads = availableParallelism();
  const pool = new Pool(code, { min: threads, max: threads, reuse: true });
  await pool.ready();
  const piscina = new Piscina({
    filename: pathToFileURL(path.join(here, 'piscina-worker.mjs')).href,
    minThreads: threads,
    maxThreads: threads,
  });
  for (const [width, total] of [
    [1, options.quick ? 500 : 2_000],
    [64, options.quick ? 5_000 : 20_000],
  ]) {
    const taken = await compare(
      {
        ours: () => inFlight(width, total, () => pool.call('add', [1, 2])),
        piscina: () => inFlight(width, total, () => piscina.run([1, 2])),
      },
      options.quick ? 3 : 9,
    );
    row(
      width === 1 ? 'trivial call, one at a time' : `trivial call, ${width} in flight`,
      { name: 'pool.call', millis: taken.ours / total },
      { name: 'piscina.run', millis: taken.piscina / total },
      width === 64 ? 6 : undefined,
    );
  }
  await piscina.destroy();
  await pool.close();
}

function shown(millis) {
  if (millis >= 1) return `${millis.toFixed(2)} ms`;
  return `${(millis * 1000).toFixed(2)} µs`;
}

await simdAgainstScalar();
await poolAgainstNone();
await cacheAgainstNone();
await promiseCalls();

const { version, wasmtime, target } = buildInfo();
const machine = { version, wasmtime, target, node: process.version, cores: availableParallelism() };
if (options.json) {
  console.log(JSON.stringify({ ...machine, rows }, null, 2));
} else {
  console.log(`riptide-wasm ${version}, Wasmtime ${wasmtime}, Node ${process.version}, ${machine.cores} cores\n`);
  console.log('| | riptide-wasm | beside it | ratio |');
  console.log('|---|---|---|---|');
  for (const { what, ours, theirs, ratio, target: wanted } of rows) {
    const goal = wanted ? ` (target ${wanted})` : '';
    console.log(
      `| ${what} | ${ours.name}: ${shown(ours.millis)} | ${theirs.name}: ${shown(theirs.millis)} | ${ratio.toFixed(2)}${goal} |`,
    );
  }
}
const missed = rows.filter(({ ratio, target: wanted }) => wanted !== undefined && ratio < wanted);
for (const { what, ratio, target: wanted } of missed) console.error(`${what}: ${ratio.toFixed(2)}, target ${wanted}`);
if (options.check && missed.length > 0) process.exitCode = 1;
