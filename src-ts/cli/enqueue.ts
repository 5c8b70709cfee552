import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { isPageUrl } from '../page/url.js';
import { checkJob, type PageJob } from '../queue/job.js';
import { JobError } from '../queue/job-error.js';
import { parseArguments, wholeNumber } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { print } from './output.js';
import { loadBullmq, QUEUE_OPTIONS, queueOf } from './queue-options.js';

/** How often progress is written where nobody watches. */
const REPORT_MILLIS = 5_000;

/** `riptide-wasm enqueue`: adds pages to a queue, as fast as they are done. */
export async function enqueue(argv: string[]): Promise<void> {
  const { sources, queue: place, mode, selectors, maxBacklog, chunk } = parse(argv);
  const bullmq = await loadBullmq(place.connection);
  const { name, ...options } = place;
  const queue = new bullmq.Queue(name, options);
  queue.on('error', () => {}); // it waits, and goes on
  const report = progressOn(process.stderr);
  try {
    const pages = pagesOf(sources, { ...(mode && { mode }), ...(selectors.length > 0 && { selectors }) });
    const added = await bullmq.enqueue(queue, pages, {
      ...(maxBacklog !== undefined && { maxBacklog }),
      ...(chunk !== undefined && { chunk }),
      onProgress: ({ added, backlog, waiting }) =>
        report(`${added} added, ${backlog} in the queue${waiting ? ', waits until they are fewer' : ''}`),
    });
    report.end();
    await print(`${added}\n`);
  } catch (error) {
    report.end();
    if ((error as { code?: unknown }).code === 'ERR_BAD_OPTION') throw usage(oneLine(error));
    throw error instanceof Failure ? error : new Failure(oneLine(error));
  } finally {
    await queue.disconnect();
  }
}

function parse(argv: string[]) {
  const { values, positionals } = parseArguments({
    args: argv,
    allowPositionals: true,
    options: {
      ...QUEUE_OPTIONS,
      mode: { type: 'string' },
      selector: { type: 'string', multiple: true },
      'max-backlog': { type: 'string' },
      chunk: { type: 'string' },
    },
  });
  const queue = queueOf(values);
  if (positionals.length === 0) throw usage('enqueue takes URLs, files that list pages, or -');
  const { mode, selector: selectors = [] } = values;
  try {
    checkJob({ html: '', mode, selectors }); // once, and not only with the first page
  } catch (error) {
    throw error instanceof JobError ? usage(error.message) : error;
  }
  const maxBacklog = wholeNumber('max-backlog', values['max-backlog']);
  return { sources: positionals, queue, mode, selectors, maxBacklog, chunk: wholeNumber('chunk', values.chunk) };
}

/** URLs as they are; files, and - for standard input, line by line. */
async function* pagesOf(sources: readonly string[], common: Partial<PageJob>): AsyncGenerator<PageJob> {
  for (const source of sources) {
    if (isPageUrl(source)) {
      yield { url: source, ...common };
      continue;
    }
    let line = 0;
    for await (const text of linesOf(source)) {
      line++;
      if (text.trim() !== '') yield pageOf(text.trim(), common, `${source}, line ${line}`);
    }
  }
}

async function* linesOf(source: string): AsyncGenerator<string> {
  const input = source === '-' ? process.stdin : createReadStream(source);
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    throw new Failure(`${source}: cannot be read: ${oneLine(error)}`);
  } finally {
    input.destroy();
  }
}

/** A line: an address, or the data of a job as JSON. */
function pageOf(text: string, common: Partial<PageJob>, place: string): PageJob {
  if (!text.startsWith('{')) {
    if (isPageUrl(text)) return { url: text, ...common };
    throw new Failure(`${place}: neither an http: or https: address nor JSON with url, key or html`);
  }
  try {
    const page = { ...common, ...(JSON.parse(text) as PageJob) };
    checkJob(page);
    return page;
  } catch (error) {
    throw new Failure(`${place}: ${oneLine(error)}`);
  }
}

/** One line that is written over on a terminal; elsewhere a line now and then. */
function progressOn(stream: NodeJS.WriteStream) {
  let next = 0;
  let drawn = false;
  const report = (text: string) => {
    if (stream.isTTY) {
      stream.write(`\r\x1b[K${text}`);
      drawn = true;
    } else if (Date.now() >= next) {
      stream.write(`riptide-wasm enqueue: ${text}\n`);
      next = Date.now() + REPORT_MILLIS;
    }
  };
  report.end = () => {
    if (drawn) stream.write('\n');
  };
  return report;
}
