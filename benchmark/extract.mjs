// `npm run bench:extract`: the extractor beside the one of version 0.1, beside itself without SIMD, and beside what one would
// do without it, in one run on one machine.
//
//   --quick          fewer pages and rounds: the direction, not the number
//   --json           JSON instead of the tables
//   --pages FOLDER   of HTML, may be gzipped; npm's manual without it
//   --no-peers       no other libraries, which are installed into `target/peers` when they are measured first
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { createExtractor, Engine, Pool } from '../dist/index.js';
import { extractors } from './extractors.mjs';
import { growth } from './growth.mjs';
import { compare } from './measure.mjs';
import { pages as manual } from './pages.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    pages: { type: 'string' },
    'no-peers': { type: 'boolean' },
  },
});
const here = path.dirname(fileURLToPath(import.meta.url));
const MEGABYTE = 1_000_000;
/** Pages from which on the rate is shown apart. */
const LARGE_BYTES = 500_000;
/** Other libraries take up to a second for a page. */
const PEER_PAGES = options.quick ? 5 : 25;
const ROUNDS = options.quick ? 3 : 7;
const OURS = ['simd', 'scalar', '0.1'];

const note = (text) => {
  if (!options.json) console.error(text);
};

/** The pages of a folder, as bytes. */
function read(folder) {
  return readdirSync(folder)
    .filter((name) => /\.html?(\.gz)?$/.test(name))
    .map((name) => {
      const bytes = readFileSync(path.join(folder, name));
      return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    });
}

const bytesOf = (pages) => pages.reduce((sum, page) => sum + page.length, 0);

/** Runs that take all pages, one after the other. */
function contenders(made, pages) {
  const run = (extract) => async () => {
    for (const page of pages) await extract(page);
  };
  return Object.fromEntries(Object.entries(made).map(([name, extract]) => [name, run(extract)]));
}

/** Our builds and version 0.1, one instance each. */
async function ownExtractors() {
  const simd = await createExtractor({ env: false, min: 1, max: 1, cache: false, timeoutMillis: 600_000 });
  const scalar = await createExtractor({
    env: false,
    simd: false,
    min: 1,
    max: 1,
    cache: false,
    timeoutMillis: 600_000,
  });
  const engine = new Engine({ cache: false });
  const before = new Pool(await engine.loadComponent(path.join(here, 'guests', 'extractor-0.1.wasm')), { max: 1 });
  const article = { tag: 'article' };
  return {
    made: {
      simd: (page) => simd.extract(page),
      scalar: (page) => scalar.extract(page),
      0.1: (page) => before.call('extract', [page, '', article]),
    },
    close: () => Promise.all([simd.close(), scalar.close(), before.close()]),
  };
}

/** CPU seconds of the process over some rounds, for two contenders in turn. */
async function processorTime(one, other, rounds) {
  const spent = [0, 0];
  for (let round = 0; round < rounds; round++) {
    for (const turn of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const before = process.cpuUsage();
      await [one, other][turn]();
      const { user, system } = process.cpuUsage(before);
      spent[turn] += user + system;
    }
  }
  return spent[0] / spent[1];
}

const pages = options.pages ? read(options.pages) : manual(options.quick ? 10 : 60);
const large = pages.filter((page) => page.length >= LARGE_BYTES);
note(`${pages.length} pages of ${(bytesOf(pages) / pages.length / 1_000).toFixed(0)} kB, ${large.length} over 500 kB`);
const own = await ownExtractors();
const result = { pages: pages.length, bytes: bytesOf(pages), rows: [] };

note('every page by ours');
const all = contenders(own.made, pages);
const taken = await compare(all, ROUNDS);
for (const name of OURS) result.rows.push({ set: 'all', name, millis: taken[name] / pages.length });
result.against = taken.simd / taken['0.1'];
result.simdProcessorShare = await processorTime(all.simd, all.scalar, ROUNDS);
if (large.length > 0) {
  note('large pages');
  const runs = contenders({ simd: own.made.simd }, large);
  result.largeMegabytesASecond = bytesOf(large) / MEGABYTE / ((await compare(runs, ROUNDS)).simd / 1_000);
}
if (!options['no-peers']) {
  const few = pages.slice(0, PEER_PAGES);
  const { made, missing } = await extractors(note);
  result.missing = missing;
  note(`${few.length} pages by each library`);
  const beside = await compare(contenders({ simd: own.made.simd, ...made }, few), Math.min(ROUNDS, 3));
  for (const [name, millis] of Object.entries(beside))
    result.rows.push({ set: 'peers', name, millis: millis / few.length });
}
await own.close();
note('growth with size, depth and attributes');
result.growth = await growth({ quick: options.quick ?? false });

if (options.json) {
  console.log(JSON.stringify(result, undefined, 2));
} else {
  const fixed = (number, digits = 2) => number.toFixed(digits).padStart(10);
  for (const { set, name, millis } of result.rows)
    console.log(`${`${set}: ${name}`.padEnd(36)}${fixed(millis)} ms a page`);
  console.log(`time of version 0.1's: ${result.against.toFixed(3)}`);
  console.log(`processor time of the build without SIMD: ${result.simdProcessorShare.toFixed(3)}`);
  if (result.largeMegabytesASecond) console.log(`large pages: ${result.largeMegabytesASecond.toFixed(0)} MB a second`);
  for (const { what, of, millis, pages: memory, bytes, refusal } of result.growth) {
    const most = ((memory * 65_536 - 2 * 2 ** 20) / bytes).toFixed(1);
    const told = refusal ?? `${fixed(millis)} ms${fixed(memory, 0)} pages of memory, ${most} times the page`;
    console.log(`${`${what} ${of}`.padEnd(36)}${told}`);
  }
  for (const reason of result.missing ?? []) console.log(`left out: ${reason}`);
}
