import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createExtractor, type Extractor } from '../extractor.js';
import { getWasmMemoryMetrics } from '../metrics.js';
import { Failure, oneLine, usage } from './failure.js';
import { readPage } from './input.js';
import { print } from './output.js';
import { findPages } from './pages.js';
import { type Column, table } from './table.js';

const COLUMNS: readonly Column[] = [
  { title: 'page', shrinks: true },
  { title: 'title', shrinks: true },
  { title: 'words', align: 'right' },
  { title: 'language' },
  { title: 'ms', align: 'right' },
  { title: 'peak pages', align: 'right' },
];

interface Row {
  readonly cells: readonly string[];
  readonly bytes: number;
  readonly failed: boolean;
}

/** `riptide-wasm demo`: many pages through the pool, and what that took. */
export async function demo(argv: string[]): Promise<void> {
  const given = argv[0] === '--' ? argv.slice(1) : argv;
  const option = argv[0] === '--' ? undefined : given.find((word) => word.startsWith('-') && word !== '-');
  if (option !== undefined) throw usage(`demo has no option ${option}`);
  const sources = await findPages(given);
  const extractor = await createExtractor();
  try {
    const started = performance.now();
    const rows = await extractAll(extractor, sources);
    const seconds = (performance.now() - started) / 1000;
    await print(report(extractor, rows, seconds));
    const failed = rows.filter((row) => row.failed).length;
    if (failed > 0) throw new Failure(`${failed} of ${rows.length} pages failed`);
  } finally {
    await extractor.close();
  }
}

/** As many at once as there are instances and cores: more would only wait, and count the wait as theirs. */
async function extractAll(extractor: Extractor, sources: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  let next = 0;
  const caller = async () => {
    while (next < sources.length) {
      const index = next++;
      rows[index] = await extractOne(extractor, sources[index] as string);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, caller));
  return rows;
}

async function extractOne(extractor: Extractor, source: string): Promise<Row> {
  const name = /^https?:/i.test(source) ? source : basename(source);
  try {
    const { html, url, contentType } = await readPage(source);
    const started = performance.now();
    const { content, stats } = await extractor.extractWithStats(html, url, 'article', { contentType });
    const millis = performance.now() - started;
    const { title = '', wordCount, language = '' } = content;
    const cells = [name, title, String(wordCount), language, millis.toFixed(1), String(stats.memoryPages)];
    return { cells, bytes: html.length, failed: false };
  } catch (error) {
    return { cells: [name, oneLine(error), '', '', '', ''], bytes: 0, failed: true };
  }
}

function report(extractor: Extractor, rows: readonly Row[], seconds: number): string {
  const { columns = 120 } = process.stdout;
  const good = rows.filter((row) => !row.failed);
  const megabytes = good.reduce((sum, row) => sum + row.bytes, 0) / 1e6;
  const { stats, cache } = extractor.engine;
  const { coldStart } = extractor.health();
  const lines = table(
    COLUMNS,
    rows.map((row) => row.cells),
    columns,
  );
  lines.push(
    '',
    `${good.length} pages, ${megabytes.toFixed(1)} MB, in ${seconds.toFixed(2)} s: ` +
      `${(good.length / seconds).toFixed(1)} pages a second on ${stats.workers} worker threads`,
    '',
  );
  const metrics = Object.entries(getWasmMemoryMetrics(extractor.engine));
  const widest = Math.max(0, ...metrics.map(([name]) => name.length));
  for (const [name, value] of metrics) lines.push(`${name.padEnd(widest)}  ${Number(value.toFixed(2))}`);
  if (metrics.length === 0) lines.push('metrics are off (RIPTIDE_WASM_ENABLE_METRICS)');
  const took = `cold start ${(coldStart.lastMillis ?? 0).toFixed(1)} ms, target ${coldStart.targetMillis} ms`;
  if (!cache.enabled) lines.push('', `AOT cache: off; ${took}`);
  else if (cache.hits > 0) lines.push('', `AOT cache: hit; ${took}`);
  else lines.push('', `AOT cache: miss, compiled now; ${took}. The next start will hit.`);
  return `${lines.join('\n')}\n`;
}
