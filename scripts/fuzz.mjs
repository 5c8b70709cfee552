// `npm run fuzz`: pages made by a fuzzer go through the extractor of crates/page, natively and in every mode.
//
//   --seconds N  for how long; 60 without it
//   --target T   one of crates/page/fuzz/fuzz_targets; `extract` without it
//
// Needs a nightly compiler and cargo-fuzz, and installs neither. A page that fails is left in crates/page/fuzz/artifacts.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ask, Failure, main, root, run, step } from './lib.mjs';

const folder = path.join('crates', 'page', 'fuzz');
/** Longer pages take longer and reach little more. */
const MAX_BYTES = 16_384;
/** Seconds from which a page is a fault: the slowest of this length takes a hundredth of one, and the sanitizer ten times as long. */
const MOST_SECONDS = 5;

const missing = {
  'a nightly compiler': [['+nightly', '--version'], 'rustup toolchain install nightly --profile minimal'],
  'cargo-fuzz': [['fuzz', '--version'], 'cargo install cargo-fuzz --version 0.13.1 --locked'],
};

await main(async () => {
  const options = { seconds: { type: 'string', default: '60' }, target: { type: 'string', default: 'extract' } };
  const { seconds, target } = parseArgs({ options }).values;
  if (!/^[1-9]\d*$/.test(seconds)) throw new Failure(`--seconds ${seconds}: a whole number of seconds`);
  if (!existsSync(path.join(root, folder, 'fuzz_targets', `${target}.rs`)))
    throw new Failure(`--target ${target}: no such target in ${folder}/fuzz_targets`);
  for (const [name, [args, command]] of Object.entries(missing)) {
    if (ask('cargo', args) === undefined) throw new Failure(`${name} is missing; install it with \`${command}\``);
  }
  // What was found comes first; the pages of the tests are read only.
  const corpus = path.join(folder, 'corpus', target);
  mkdirSync(path.join(root, corpus), { recursive: true });
  const seeds = path.join('crates', 'page', 'tests', 'blocks');
  const fuzzer = [
    `-max_total_time=${seconds}`,
    `-max_len=${MAX_BYTES}`,
    `-timeout=${MOST_SECONDS}`,
    `-dict=${path.join(folder, 'html.dict')}`,
    '-print_final_stats=1',
  ];
  await step(`fuzz ${target}`, () =>
    run('cargo', ['+nightly', 'fuzz', 'run', '--fuzz-dir', folder, target, corpus, seeds, '--', ...fuzzer]),
  );
});
