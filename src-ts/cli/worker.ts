import { createExtractor } from '../extractor.js';
import { failureMessage } from '../queue/failure-message.js';
import { parseArguments, wholeNumber } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { loadBullmq, QUEUE_OPTIONS, queueOf, storeOf } from './queue-options.js';

/** How often it says how far it is. */
const REPORT_MILLIS = 10_000;

const MIB = 1024 * 1024;

/** `riptide-wasm worker`: does the jobs of a queue, until a signal ends it. */
export async function worker(argv: string[]): Promise<void> {
  const { queue, results, pages, budget, deadlineMillis, own } = parse(argv);
  const { createWorker } = await loadBullmq(queue.connection);
  const stores = {
    results: await storeOf('results', results),
    ...(pages !== undefined && { pages: await storeOf('pages', pages) }),
  };
  const extractor = await createExtractor({
    breaker: {},
    recycleAbovePages: 1_024,
    ...(budget !== undefined && { memoryBudgetBytes: budget * MIB }),
  });
  let last: Error | undefined;
  const onError = (error: Error) => {
    const message = failureMessage(error);
    if (message !== (last && failureMessage(last))) say(message);
    last = error;
  };
  const { name, ...connection } = queue;
  const running = make(() =>
    createWorker(name, { extractor, ...stores, ...connection, ...own, onError, autorun: false }),
  );
  const counted = { completed: 0, failed: 0 };
  running.on('completed', () => void counted.completed++).on('failed', () => void counted.failed++);
  const progress = () => `${counted.completed} done, ${counted.failed} attempts failed`;
  const signal = nextSignal();
  const ended = running.run();
  say(`works on queue ${name}, up to ${running.concurrency} jobs at once`);
  const timer = reporter(() => `${progress()}${running.stopped === undefined ? '' : `; waits: ${running.stopped}`}`);
  try {
    const got = await Promise.race([signal, ended]);
    if (got !== undefined) say(`${got}: finishes what runs`);
  } finally {
    clearInterval(timer);
    const { givenBack, closed } = await running.shutdown({ deadlineMillis });
    say(`${progress()}${givenBack === 0 ? '' : `, ${givenBack} given back to the queue`}`);
    await extractor.destroy();
    // Redis is away: connections would keep the process, and the jobs stall, which starts them elsewhere.
    if (!closed) process.exit(1);
  }
}

function parse(argv: string[]) {
  const { values } = parseArguments({
    args: argv,
    options: {
      ...QUEUE_OPTIONS,
      results: { type: 'string' },
      pages: { type: 'string' },
      'allow-fetch': { type: 'boolean' },
      concurrency: { type: 'string' },
      'memory-budget-mb': { type: 'string' },
      'timeout-seconds': { type: 'string' },
      'lock-seconds': { type: 'string' },
      'stalled-seconds': { type: 'string' },
      'max-stalled': { type: 'string' },
      'deadline-seconds': { type: 'string' },
    },
  });
  const queue = queueOf(values);
  if (values.results === undefined) throw usage('--results is missing: a folder, or s3://BUCKET/PREFIX');
  const number = (option: keyof typeof values) => wholeNumber(option, values[option] as string | undefined);
  const millis = (option: keyof typeof values) => {
    const seconds = number(option);
    return seconds === undefined ? undefined : seconds * 1_000;
  };
  return {
    queue,
    results: values.results,
    pages: values.pages,
    budget: number('memory-budget-mb'),
    deadlineMillis: millis('deadline-seconds') ?? 30_000,
    own: {
      fetch: values['allow-fetch'] ?? false,
      concurrency: number('concurrency'),
      timeoutMillis: millis('timeout-seconds'),
      lockDuration: millis('lock-seconds'),
      stalledInterval: millis('stalled-seconds'),
      maxStalledCount: number('max-stalled'),
    },
  };
}

/** An option that the worker refuses is one that the command was given. */
function make<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BAD_OPTION') throw usage(oneLine(error));
    throw error instanceof Failure ? error : new Failure(oneLine(error));
  }
}

/** The first SIGTERM or SIGINT; the second ends the process at once. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT'] as const;
    const end = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, end);
      resolve(signal);
    };
    for (const each of signals) process.on(each, end);
  });
}

/** Says how far it is where that has changed. */
function reporter(progress: () => string): NodeJS.Timeout {
  let before = progress();
  return setInterval(() => {
    const now = progress();
    if (now !== before) say(now);
    before = now;
  }, REPORT_MILLIS).unref();
}

function say(text: string): void {
  process.stderr.write(`riptide-wasm worker: ${text}\n`);
}
