// What a fresh instance of the extractor costs over a warm one, for a short call and for real pages, here and in other builds.
//
//   node benchmark/fresh.mjs [--against BUILD]… [--callers 1,2,8] [--rounds 12]
//
// A build is the folder of a clone with its addon and `dist`. Variables for its processes may stand before it: `NAME=VALUE,FOLDER`. All
// builds take turns, each in a process of its own; the ratio is to the last one.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from '../scripts/lib.mjs';
import { inFlight, median } from './measure.mjs';
import { pages } from './pages.mjs';

const { values: options } = parseArgs({
  options: {
    against: { type: 'string', multiple: true, default: [] },
    callers: { type: 'string', default: '1,2,8' },
    rounds: { type: 'string', default: '12' },
    measure: { type: 'string' },
  },
});

// Calls of a turn: each some 50 ms, long enough that a lost core does not decide it.
const CALLS = { 'get-info': 1_000, page: 24 };

/** In a process of its own: runs what it is asked for on a warm pool and on one of fresh instances. */
async function measure(folder, callers) {
  const { createExtractor, Pool } = await import(pathToFileURL(path.join(folder, 'dist', 'index.js')).href);
  const { pool } = await createExtractor({ env: false, min: 1, max: 1, cache: false });
  const pools = [true, false].map((reuse) => new Pool(pool.code, { max: callers, reuse }));
  const corpus = pages(12);
  let page = 0;
  const calls = {
    'get-info': (pool) => pool.call('get-info'),
    page: (pool) => pool.call('extract', [corpus[page++ % corpus.length], 'https://example.com/', { tag: 'article' }]),
  };
  const turn = async (kind, pool) => {
    const latencies = [];
    const before = process.cpuUsage();
    const began = performance.now();
    await inFlight(callers, CALLS[kind], async () => {
      const asked = performance.now();
      await calls[kind](pool);
      latencies.push((performance.now() - asked) * 1e3);
    });
    const took = (performance.now() - began) * 1e3;
    const { user, system } = process.cpuUsage(before);
    return { latencies, each: took / CALLS[kind], cpu: (user + system) / CALLS[kind] };
  };
  process.on('message', async (kind) => {
    const warm = await turn(kind, pools[0]);
    const fresh = await turn(kind, pools[1]);
    globalThis.gc();
    process.send({ warm, fresh, resident: process.memoryUsage.rss() });
  });
  process.send('ready');
}

async function start(build, callers) {
  const variables = build.split(',');
  const folder = path.resolve(variables.pop());
  const child = fork(fileURLToPath(import.meta.url), ['--measure', folder, '--callers', `${callers}`], {
    env: { ...process.env, ...Object.fromEntries(variables.map((variable) => variable.split('='))) },
    execArgv: ['--expose-gc'],
  });
  child.once('exit', () => process.exit(1)); // it has said why
  await once(child, 'message');
  const ask = async (kind) => {
    child.send(kind);
    return (await once(child, 'message'))[0];
  };
  for (const kind of Object.keys(CALLS)) await ask(kind); // warm-up
  const end = () => child.removeAllListeners('exit').kill();
  return { build, ask, end, answers: { 'get-info': [], page: [] } };
}

function quantile(answers, pool, share) {
  const sorted = answers.flatMap((answer) => answer[pool].latencies).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)];
}

/** A row for each kind of call and each build. */
async function compare(builds, callers) {
  const runs = [];
  for (const build of builds) runs.push(await start(build, callers));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const kind of Object.keys(CALLS)) {
      for (let turn = 0; turn < runs.length; turn++) {
        const { ask, answers } = runs[(round + turn) % runs.length];
        answers[kind].push(await ask(kind));
      }
    }
  }
  for (const { end } of runs) end();
  return Object.keys(CALLS).flatMap((kind) => {
    const extra = ({ answers }, what) => median(answers[kind].map(({ warm, fresh }) => fresh[what] - warm[what]));
    const ratio = (run, what) => Number((extra(run, what) / extra(runs.at(-1), what)).toFixed(2));
    return runs.map((run) => {
      const answers = run.answers[kind];
      const micros = (pool, share) => Number(quantile(answers, pool, share).toFixed(1));
      return {
        call: kind,
        callers,
        build: run.build,
        'warm p50': micros('warm', 0.5),
        'fresh p50': micros('fresh', 0.5),
        'warm p99': micros('warm', 0.99),
        'fresh p99': micros('fresh', 0.99),
        extra: Number(extra(run, 'each').toFixed(1)),
        ratio: ratio(run, 'each'),
        'extra CPU': Number(extra(run, 'cpu').toFixed(1)),
        'ratio CPU': ratio(run, 'cpu'),
        'resident MB': Math.round(median(answers.map((answer) => answer.resident)) / 1e6),
      };
    });
  });
}

if (options.measure) {
  await measure(options.measure, Number(options.callers));
} else {
  const rows = [];
  for (const callers of options.callers.split(',')) rows.push(...(await compare([root, ...options.against], callers)));
  console.log(
    'µs; an extra is what a fresh instance adds to the time, or the CPU time, of all calls over their number; medians of rounds',
  );
  console.table(rows);
}
