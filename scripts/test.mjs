// `npm test`: sets up what is missing, then runs every check, the quick ones first. The first failure ends it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildAddon } from './build-addon.mjs';
import { cargo, Failure, main, root, run, seconds, step, tool } from './lib.mjs';
import { buildTypeScript, checkBuildTools, checkNode, installPackages, packagesAreCurrent } from './setup.mjs';

// The guest stands alone in each cargo command: beside the others it would switch on features of shared dependencies, and
// Wasmtime would be compiled again for them.
const guest = ['-p', 'riptide-extractor'];
// The ledger under the model checker, in a folder of its own: its flags would have everything else compiled again.
const ledger = ['-p', 'riptide-wasm-accounting', '--test', 'loom', '--target-dir', path.join('target', 'loom')];
const strict = ['--', '-D', 'warnings'];

const steps = [
  ['npm ci', installPackages, () => !packagesAreCurrent()],
  ['cargo fmt --check', () => cargo(['fmt', '--all', '--check'])],
  ['biome check', () => tool('@biomejs/biome', 'biome', ['check', '--error-on-warnings', '.'])],
  ['guest builds are current', () => run(process.execPath, [path.join(root, 'scripts', 'check-guest.mjs')])],
  ['addon', () => buildAddon()],
  ['TypeScript, package', buildTypeScript],
  [
    'TypeScript, tests',
    () => tool('typescript', 'tsc', ['-p', 'tsconfig.test.json']),
    () => existsSync(path.join(root, 'tsconfig.test.json')),
  ],
  ['clippy', () => cargo(['clippy', '--release', '--locked', '--all-targets', ...strict])],
  ['clippy, guest', () => cargo(['clippy', '--release', '--locked', '--all-targets', ...guest, ...strict])],
  ['Rust tests', () => cargo(['test', '--release', '--locked'])],
  ['loom', () => cargo(['test', '--release', '--locked', ...ledger], { env: { RUSTFLAGS: '--cfg loom' } })],
  ['Rust tests, guest', () => cargo(['test', '--release', '--locked', ...guest])],
  ['vitest', () => tool('vitest', 'vitest', ['run'])],
];

await main(async () => {
  checkNode();
  checkBuildTools(['fmt', 'clippy']);
  const started = Date.now();
  const done = [];
  for (const [name, work, wanted = () => true] of steps) {
    if (!wanted()) continue;
    try {
      done.push([name, await step(name, work)]);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(`${name} failed after ${seconds(Date.now() - started)} in all: ${error.message}`);
    }
  }
  console.log();
  for (const [name, took] of done) console.log(`  ${name.padEnd(26)} ${seconds(took).padStart(12)}`);
  console.log(`  ${'in all'.padEnd(26)} ${seconds(Date.now() - started).padStart(12)}`);
  console.log(`\nchecks: ${done.length} passed, 0 failed`);
});
