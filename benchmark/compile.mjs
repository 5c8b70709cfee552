// How long compiling takes beside PyPI's `wasmtime`, both with epochs, on all cores; by turns.
//
//   node benchmark/compile.mjs [--rounds 5] FILE…
//
// Files are modules or components; without any, the extractor.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Engine } from '../dist/index.js';
import { main, root } from '../scripts/lib.mjs';
import { compare } from './measure.mjs';
import { wasmtimePython } from './peers.mjs';

const { values: options, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
});

await main(async () => {
  const own = path.join(root, 'crates', 'extractor', 'dist', 'extractor.simd.wasm');
  const files = positionals.length > 0 ? positionals.map((file) => path.resolve(file)) : [own];
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'peer-compile.py');
  const peer = spawn(wasmtimePython(console.error), [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const engine = new Engine({ cache: false });
  console.log('| | riptide-wasm | wasmtime of PyPI | of its time |\n|---|---|---|---|');
  for (const file of files) {
    const code = readFileSync(file);
    const taken = await compare(
      {
        ours: () => engine.load(code),
        theirs: async () => {
          peer.stdin.write(`${file}\n`);
          const { done } = await answers.next();
          if (done) throw new Error(`wasmtime could not compile ${file}`);
        },
      },
      Number(options.rounds),
    );
    const [ours, theirs] = [taken.ours, taken.theirs].map((millis) => `${millis.toFixed(0)} ms`);
    console.log(`| ${path.basename(file)} | ${ours} | ${theirs} | ${(taken.ours / taken.theirs).toFixed(2)} |`);
  }
  peer.stdin.end();
  await once(peer, 'exit');
});
