import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadConfig } from '../config.js';
import { Engine } from '../engine.js';
import { extractorFile } from '../extractor.js';
import { MAX_AGE_MILLIS } from '../options.js';
import type { PrecompileProgress } from '../precompile.js';
import { cacheOf, parseArguments } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { print } from './output.js';

const NO_LIMITS = { maxBytes: Number.MAX_SAFE_INTEGER, maxEntries: 1_000_000, maxAgeMillis: MAX_AGE_MILLIS };

/** `riptide-wasm precompile`: artefacts for an image or a machine that does not compile. */
export async function precompile(argv: string[]): Promise<void> {
  const { values, positionals } = parseArguments({
    args: argv,
    allowPositionals: true,
    options: { out: { type: 'string' }, cpu: { type: 'string' }, trust: { type: 'string' } },
  });
  const { cpu = 'native', out, trust } = values;
  if (cpu !== 'native' && cpu !== 'baseline') throw usage(`--cpu is native or baseline, not ${JSON.stringify(cpu)}`);
  // Made here where it is missing, and all above it: those that the cache makes are closed to others.
  if (out !== undefined) await make(out);
  // For shipping: other users may read it and no artefact is removed. Its seal or its owner makes it trusted.
  const cache = { ...cacheOf(out, trust), ...(out !== undefined && { readable: true, ...NO_LIMITS }) };
  const engine = new Engine({ ...loadConfig().engine, cache, cpu });
  const files = positionals.length > 0 ? positionals : [extractorFile(engine.simd)];
  // The last file's line is held back until the directory is checked: a failure to write is then printed alone.
  let line = '';
  const report = (next = '') => {
    process.stderr.write(line);
    line = next;
  };
  try {
    await engine.precompile(files, { onProgress: (progress) => report(lineOf(progress)) });
    await checkKept(engine.cache);
  } catch (error) {
    report();
    throw error;
  }
  await print(`${engine.cache.snapshot().directory}\n`);
  report();
}

/** @throws Failure where the directory did not take them all */
async function checkKept(cache: Engine['cache']): Promise<void> {
  const { directory, rejected, writeFailures } = cache.snapshot();
  const kept = (await cache.entries()).filter(({ current }) => current);
  if (kept.length === 0 || writeFailures > 0 || rejected.directory > 0)
    throw new Failure(`not everything could be kept in ${directory}`);
}

async function make(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new Failure(`${directory}: ${oneLine(error)}`);
  }
}

function lineOf({ source, done, total, kind, cacheHit, millis, error }: PrecompileProgress): string {
  const outcome = error === undefined ? `${kind}, ${cacheHit ? 'there already' : 'compiled'}` : oneLine(error);
  return `${done}/${total} ${basename(String(source))}: ${outcome} (${millis.toFixed(0)} ms)\n`;
}
