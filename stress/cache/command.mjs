// The command line of the commands that stress the cache.
import { parseArgs } from 'node:util';
import { main } from '../../scripts/lib.mjs';
import { wholeNumber } from '../shared/options.mjs';

/**
 * Runs a command whose size has this name, as `--size N --seed N` or as two plain numbers. `run` gets both, and resolves
 * with an object for `print` that has a `report`. Its problems are printed last, and make the exit code 1.
 */
export async function command(name, otherwise, run, print) {
  await main(async () => {
    const options = { [name]: { type: 'string' }, seed: { type: 'string' } };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const size = wholeNumber(name, values[name] ?? positionals[0], otherwise);
    const seed = wholeNumber('seed', values.seed ?? positionals[1], (Date.now() % 1_000_000) + 1);
    console.log(`seed ${seed}\n`);
    const ran = await run({ [name]: size, seed, note: console.error });
    print(ran);
    for (const problem of ran.report.problems) console.log(`✗ ${problem}`);
    if (ran.report.problemCount > 0) process.exitCode = 1;
  });
}
