import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createExtractor, type Extracted, type Extractor, type PageInput } from '../dist/index.js';
import { eventually, failure } from './support.js';

const MAX = 3;
let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false, min: 1, max: MAX });
});
afterAll(() => extractor.destroy());

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(async () => {
  await sleep(5);
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

const page = (number: number) => `<title>${number}</title><p>The tide.`;
/** Takes seconds, unless it is aborted. */
const slow = () => `<title>slow</title>${'<p>Some text that goes on and on. '.repeat(600_000)}`;

/** Pages by number, with what was read of them. */
function source(count: number, of: (number: number) => PageInput = page) {
  const seen = { read: 0, ended: false };
  async function* pages() {
    try {
      while (seen.read < count) {
        seen.read += 1;
        yield of(seen.read - 1);
      }
    } finally {
      seen.ended = true;
    }
  }
  return { pages: pages(), seen };
}

const titleOf = (result: PromiseSettledResult<Extracted>) =>
  result.status === 'fulfilled' ? result.value.title : (result.reason as { code: string }).code;

async function titles(results: AsyncIterable<PromiseSettledResult<Extracted>>): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  for await (const result of results) all.push(titleOf(result));
  return all;
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number));
const nothingRuns = () => eventually(() => extractor.pool.stats.active === 0 && extractor.pool.stats.waiting === 0);

describe('extractMany', () => {
  test('gives the results in the order of the pages', async () => {
    const uneven = source(40, (number) => page(number) + '<p>tide '.repeat(number % 3 === 0 ? 20_000 : 1));
    expect(await titles(extractor.extractMany(uneven.pages))).toEqual(numbers(40));
    expect(await titles(extractor.extractMany(numbers(20).map((_, number) => page(number))))).toEqual(numbers(20));
    expect(await titles(extractor.extractMany([]))).toEqual([]);
    expect(await titles(extractor.extractMany(new Set([page(0), page(1)]).values()))).toEqual(['0', '1']);
  });

  test('takes pages as HTML alone, or with address, mode and header', async () => {
    const kanji = Buffer.concat([Buffer.from('<title>'), Buffer.from([0x92, 0xaa])]);
    const pages: PageInput[] = [
      page(0),
      Buffer.from(page(1)),
      new Response(page(2)).body as ReadableStream<Uint8Array>,
      { html: kanji, contentType: 'text/html; charset=sjis', url: 'https://example.com/3' },
      {
        html: '<title>4</title><nav><a href=/menu>Menu</a></nav><article><p>x',
        url: 'https://example.com/4',
        mode: 'full',
      },
      { html: '<title>5</title><p>x', mode: undefined, url: undefined },
    ];
    const results: Extracted[] = [];
    for await (const result of extractor.extractMany(pages, { mode: 'metadata' }))
      if (result.status === 'fulfilled') results.push(result.value);
    expect(results.map(({ title }) => title)).toEqual(['0', '1', '2', '潮', '4', '5']);
    expect(results.map(({ url }) => url)).toEqual(['', '', '', 'https://example.com/3', 'https://example.com/4', '']);
    expect(results.map(({ text }) => text !== '')).toEqual([false, false, false, false, true, false]);
  });

  test('a page that fails is a result', async () => {
    const own = new AbortController();
    own.abort(Object.assign(new Error('mine'), { code: 'MINE' }));
    const thrower = {
      get html(): string {
        throw Object.assign(new Error('no'), { code: 'GETTER' });
      },
    };
    const broken = new ReadableStream({
      pull: (controller) => controller.error(Object.assign(new Error('dead'), { code: 'DEAD' })),
    });
    const pages = [
      page(0),
      '',
      5,
      null,
      { html: page(4), mode: 'everything' },
      { html: page(5), charset: 'x' },
      thrower,
      { html: broken },
      { html: page(8), signal: own.signal },
      { html: slow(), timeoutMillis: 1 },
      page(10),
    ] as PageInput[];
    expect(await titles(extractor.extractMany(pages))).toEqual([
      '0',
      'ERR_GUEST',
      'ERR_BAD_ARGUMENT',
      'ERR_BAD_ARGUMENT',
      'ERR_BAD_ARGUMENT',
      'ERR_BAD_OPTION',
      'GETTER',
      'DEAD',
      'MINE',
      'ERR_TIMEOUT',
      '10',
    ]);
  });

  test.each([
    [undefined, MAX],
    [1, 1],
    [7, 7],
  ])('with concurrency %s reads no more than %i pages ahead', async (concurrency, most) => {
    const { pages, seen } = source(30);
    const results = extractor.extractMany(pages, { concurrency });
    await sleep(5);
    expect(seen.read).toBe(0);
    let taken = 0;
    for await (const result of results) {
      expect(titleOf(result)).toBe(String(taken));
      await sleep(2);
      // The one in hand is one of them.
      expect(seen.read).toBeLessThanOrEqual(taken + most);
      if (taken === 10) expect(seen.read).toBe(10 + most);
      taken += 1;
    }
    expect(taken).toBe(30);
  });

  test('runs as many at once as it may, and no more', async () => {
    let most = 0;
    const streams = source(12, () => ({
      html: (async function* () {
        running += 1;
        most = Math.max(most, running);
        await sleep(10);
        running -= 1;
        yield page(0);
      })(),
    }));
    let running = 0;
    await titles(extractor.extractMany(streams.pages, { concurrency: 4 }));
    expect(most).toBe(4);
  });

  test('gives a result while the next page is not there yet', async () => {
    const never = new Promise<void>(() => {});
    async function* pages() {
      yield page(0);
      await never;
    }
    const results = extractor.extractMany(pages());
    expect(titleOf((await results.next()).value)).toBe('0');
    const next = results.next();
    expect(await results.return()).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('answers calls of next() that do not wait, in order', async () => {
    const results = extractor.extractMany(source(5).pages);
    const all = await Promise.all(Array.from({ length: 6 }, () => results.next()));
    expect(all.map(({ done, value }) => (done ? 'done' : titleOf(value)))).toEqual([...numbers(5), 'done']);
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });
});

describe('extractMany ends', () => {
  test('at a break, and aborts what is in flight', async () => {
    const { pages, seen } = source(1_000, (number) => (number === 0 ? page(0) : slow()));
    const began = performance.now();
    for await (const result of extractor.extractMany(pages)) {
      expect(titleOf(result)).toBe('0');
      break;
    }
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(seen).toEqual({ read: MAX, ended: true });
    await nothingRuns();
  });

  test('at return() and at disposal, also while a result is awaited', async () => {
    for (const end of ['return', Symbol.asyncDispose] as const) {
      const { pages, seen } = source(1_000, slow);
      const results = extractor.extractMany(pages);
      const next = results.next();
      await sleep(20);
      await results[end]();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(await results.next()).toEqual({ done: true, value: undefined });
      expect(seen).toEqual({ read: MAX, ended: true });
      await nothingRuns();
    }
    const { pages, seen } = source(5);
    await extractor.extractMany(pages).return();
    expect(seen.read).toBe(0);
  });

  test('at a signal, with its reason', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const { pages, seen } = source(1_000, slow);
    const results = extractor.extractMany(pages, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    expect(await failure(results.next())).toBe(reason);
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(seen).toEqual({ read: MAX, ended: true });
    await nothingRuns();
    const unread = source(5);
    expect(await failure(extractor.extractMany(unread.pages, { signal: controller.signal }).next())).toBe(reason);
    expect(unread.seen.read).toBe(0);
  });

  test('at a signal between two results, and although nobody asks for the next', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const { pages, seen } = source(1_000, (number) => (number === 0 ? page(0) : slow()));
    const results = extractor.extractMany(pages, { signal: controller.signal });
    await results.next();
    controller.abort(reason);
    await nothingRuns();
    await eventually(() => seen.ended);
    expect(await failure(results.next())).toBe(reason);
  });

  test('at a signal while the source is stuck', async () => {
    const reason = new Error('enough');
    const stuck = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 5);
    expect(await failure(extractor.extractMany(stuck, { signal: controller.signal }).next())).toBe(reason);
  });

  test('leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await titles(extractor.extractMany(source(5).pages, { signal }));
    for await (const _ of extractor.extractMany(source(5).pages, { signal })) break;
    expect(listeners).toBe(0);
  });

  test.each([
    [
      'an async source',
      async function* () {
        yield page(0);
        yield page(1);
        throw new Error('the source is dead');
      },
    ],
    [
      'a sync source',
      function* () {
        yield page(0);
        yield page(1);
        throw new Error('the source is dead');
      },
    ],
  ])('with the error of %s, after the results before it', async (_, pages) => {
    const seen: (string | undefined)[] = [];
    const all = (async () => {
      for await (const result of extractor.extractMany(pages())) seen.push(titleOf(result));
    })();
    expect((await failure(all)).message).toBe('the source is dead');
    expect(seen).toEqual(['0', '1']);
  });

  test('with the error of a source that cannot be ended', async () => {
    const pages = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: page(0) }),
        return: async () => {
          throw new Error('not now');
        },
      }),
    };
    const all = (async () => {
      for await (const _ of extractor.extractMany(pages)) break;
    })();
    expect((await failure(all)).message).toBe('not now');
  });

  test('at its first result for what cannot be used', async () => {
    for (const pages of [5, null, 'pages', new Uint8Array(3), {}])
      expect((await failure(extractor.extractMany(pages as never).next())).code).toBe('ERR_BAD_ARGUMENT');
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { signal: {} }, { limit: 3 }, 5])
      expect((await failure(extractor.extractMany([], options as never).next())).code).toBe('ERR_BAD_OPTION');
  });

  test('with rejected results once the extractor is closed', async () => {
    const other = await createExtractor({ env: false, min: 1, max: 1 });
    await other.close();
    expect(await titles(other.extractMany([page(0), page(1)]))).toEqual(['ERR_CLOSED', 'ERR_CLOSED']);
  });
});
