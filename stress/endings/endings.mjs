// `npm run endings`: ends processes and worker threads in every way, round after round, and counts the good ends.
//
//   --rounds N    of each ending; 60 where none is given
//   --only TEXT   the endings with this in their name
//
// A good end has its own exit code, no crash, no word on stderr that is not meant, and comes by itself.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cleanEnvironment } from '../shared/environment.mjs';

const script = fileURLToPath(new URL('ending-worker.mjs', import.meta.url));

/** Far longer than any ending takes on a busy machine: a process that still runs then hangs. */
const HUNG_MILLIS = 20_000;

const CRASH = /FATAL|panicked|Segmentation|core dumped|Assertion|SIG(SEGV|ABRT|BUS|ILL)/i;

const ON_PURPOSE = /^Error: on purpose$/m;

/** Each with its way in ending-worker.mjs, and the exit code and output to expect. */
export const endings = [
  { name: 'process.exit, 400 in flight', way: 'exit', code: 3, stdout: '400\n' },
  { name: 'uncaught error, 400 in flight', way: 'throw', code: 1, stdout: '400\n', stderr: ON_PURPOSE },
  { name: 'unhandled rejection, 400 in flight', way: 'reject', code: 1, stdout: '400\n', stderr: ON_PURPOSE },
  { name: 'SIGTERM, 400 in flight', way: 'sigterm', kill: true, code: 'SIGTERM', stdout: '400\n' },
  {
    name: 'SIGTERM, pools closed by a handler, 400 in flight',
    way: 'sigterm-handled',
    kill: true,
    code: 7,
    stdout: '400\n300 aborted, 0 wrong\n',
  },
  { name: 'process.exit in a host function, 400 in flight', way: 'host-exit', code: 3, stdout: '400\n' },
  { name: 'process.exit in a sync host function, 400 in flight', way: 'host-exit-sync', code: 3, stdout: '400\n' },
  { name: 'process.exit while code compiles', way: 'compiling', code: 3, stdout: '' },
  { name: 'nothing closed, all idle', way: 'idle', code: 0, stdout: '9\n' },
  { name: 'worker terminated, 400 in flight', way: 'terminate', code: 0, stdout: '400\n0 pages, 3\n' },
  { name: 'worker terminated while code compiles', way: 'terminate-compiling', code: 0, stdout: '0 pages, 3\n' },
  { name: 'worker terminated at any moment', way: 'terminate-early', code: 0, stdout: '0 pages, 3\n' },
  { name: 'worker terminated in a sync call', way: 'terminate-sync', code: 0, stdout: '0 pages, 3\n' },
  { name: 'process.exit with a worker in a sync call', way: 'exit-sync', code: 3, stdout: '' },
  { name: 'process.exit in a worker, 400 in flight', way: 'worker-exit', code: 0, stdout: '400, exit 5\n0 pages, 3\n' },
  {
    name: 'uncaught error in a worker, 400 in flight',
    way: 'worker-throw',
    code: 0,
    stdout: '400, on purpose, exit 1\n0 pages, 3\n',
  },
  { name: 'process.exit, 400 in flight in each of 2 workers', way: 'workers', code: 3, stdout: '400, 400\n' },
  { name: '8 cluster processes over one cache', way: 'cluster', code: 0, stdout: '8 good, then 1 hit\n' },
];

/** Runs an ending once. Resolves with the faults it had, or with `undefined`. */
export async function end({ way, kill = false, code, stdout, stderr }, round) {
  const folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-ending-'));
  try {
    const seen = await run([way, String(round), folder], folder, kill);
    const wrong = [];
    if (seen.hung) wrong.push(`hung: killed after ${HUNG_MILLIS} ms`);
    else if (seen.code !== code) wrong.push(`ended with ${seen.code} instead of ${code}`);
    if (seen.stdout !== stdout) wrong.push(`said ${JSON.stringify(seen.stdout)} instead of ${JSON.stringify(stdout)}`);
    if (CRASH.test(seen.stderr) || !(stderr ?? /^$/).test(seen.stderr)) wrong.push(`stderr: ${seen.stderr}`);
    return wrong.length === 0 ? undefined : wrong.join('; ');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the worker with a home of its own; `kill` sends SIGTERM at its first output. */
function run(args, home, kill) {
  const env = cleanEnvironment({ HOME: home });
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const seen = { stdout: '', stderr: '', hung: false };
    const late = setTimeout(() => {
      seen.hung = true;
      child.kill('SIGKILL');
    }, HUNG_MILLIS);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      if (kill && seen.stdout === '') child.kill('SIGTERM');
      seen.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      seen.stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(late);
      resolve({ ...seen, code: signal ?? code });
    });
  });
}

async function main() {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '60' }, only: { type: 'string', default: '' } },
  });
  const rounds = Number(values.rounds);
  for (const ending of endings.filter(({ name }) => name.includes(values.only))) {
    let good = 0;
    for (let round = 0; round < rounds; round++) {
      const wrong = await end(ending, round);
      if (wrong === undefined) good++;
      else console.error(`  round ${round}: ${wrong}`);
    }
    console.log(`${ending.name}: ${good} of ${rounds}`);
    if (good < rounds) process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
