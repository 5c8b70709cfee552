// What does a job of any queue: from its data to a small record and a stored result.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createExtractor,
  Engine,
  ERROR_CODES,
  type ErrorCode,
  type Extractor,
  Pool,
  RiptideError,
  wat2wasm,
} from '../dist/index.js';
import { FetchError } from '../dist/page/fetch-page.js';
import {
  admission,
  createHandler,
  FolderStore,
  type HandlerOptions,
  laterMillis,
  retryPolicy,
} from '../dist/queue/index.js';
import { page as article } from './extraction-support.js';
import { local, serve, serveRaw } from './fetch-support.js';
import { occupy, SLOW_PAGE, SLOW_SELECTORS } from './server-support.js';
import { eventually, failure, GROW, LOOP, poolOf, temporaryFolder, thrown } from './support.js';

const URL_OF_PAGE = 'https://paper.example/2026/ice';
const PAGE = article('');

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false, max: 1 });
});
afterAll(() => extractor.destroy());

const handlerOf = (options: Partial<HandlerOptions> = {}) => createHandler({ extractor, ...options });
/** `allowAddress` is for tests alone, and in no typings. */
const fetching = (options: Partial<HandlerOptions> = {}) =>
  handlerOf({ fetch: true, ...options, allowAddress: local.allowAddress } as HandlerOptions);

function stores() {
  const [pages, results] = [temporaryFolder(), temporaryFolder()].map(
    (folder) => new FolderStore(folder, { sync: false }),
  );
  return { pages: pages as FolderStore, results: results as FolderStore };
}

async function stored(results: FolderStore, key: string | undefined): Promise<Record<string, unknown>> {
  return JSON.parse(Buffer.from((await results.get(key ?? '')) ?? []).toString());
}

describe('a handler', () => {
  test('stores the result, and returns its key, digest and sizes', async () => {
    const { results } = stores();
    const record = await handlerOf({ results })({ html: PAGE, url: URL_OF_PAGE });
    expect(Object.keys(record).sort()).toEqual(['bytes', 'digest', 'inputBytes', 'key', 'wordCount']);
    const bytes = Buffer.from((await results.get(record.key ?? '')) ?? []);
    expect(record).toMatchObject({
      bytes: bytes.length,
      digest: createHash('sha256').update(bytes).digest('hex'),
      inputBytes: Buffer.byteLength(PAGE),
    });
    expect(JSON.parse(bytes.toString())).toMatchObject({ title: 'Ice', url: URL_OF_PAGE });
    expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(300);
  });

  test('writes the same key for the same job, and another for another', async () => {
    const handler = handlerOf(stores());
    const job = { html: PAGE, url: URL_OF_PAGE };
    const { key, digest } = await handler(job);
    expect(await handler({ url: job.url, html: job.html, tenant: 5 })).toMatchObject({ key, digest });
    expect((await handler({ ...job, mode: 'full' })).key).not.toBe(key);
    expect((await handler({ ...job, html: `${PAGE} ` })).key).not.toBe(key);
    expect((await handler({ ...job, result: 'mine/ice.json' })).key).toBe('mine/ice.json');
  });

  test('returns the result itself where there is no store, up to a size', async () => {
    const record = await handlerOf()({ html: PAGE, mode: 'custom', selectors: ['h1'] });
    expect(record).toMatchObject({ content: { text: 'Ice' } });
    expect(record.key).toBeUndefined();
    const large = article(`<p>${'A sentence about the ice on the water of the bay. '.repeat(2_000)}</p>`);
    expect(await failure(handlerOf()({ html: large }))).toMatchObject({ code: 'ERR_JOB_RECORD' });
  });

  test('takes pages out of a store, gunzipped, in their character set', async () => {
    const { pages, results } = stores();
    const handler = handlerOf({ pages, results });
    await pages.put('plain.html', PAGE);
    await pages.put('a/packed.html.gz', gzipSync(PAGE));
    await pages.put('latin.html', Buffer.from('<p>Größe', 'latin1'));
    expect(await stored(results, (await handler({ key: 'plain.html' })).key)).toMatchObject({ title: 'Ice' });
    expect(await stored(results, (await handler({ key: 'a/packed.html.gz' })).key)).toMatchObject({ title: 'Ice' });
    const latin = { key: 'latin.html', contentType: 'text/html; charset=latin1', mode: 'full' };
    expect(await stored(results, (await handler(latin)).key)).toMatchObject({ text: 'Größe' });

    await pages.put('cut.gz', gzipSync(PAGE).subarray(0, 100));
    const bomb = gzipSync(Buffer.alloc(2_000_000, 'x'));
    await pages.put('bomb.gz', bomb);
    expect(await failure(handler({ key: 'cut.gz' }))).toMatchObject({ code: 'ERR_JOB_PAGE_DAMAGED' });
    expect(await failure(handler({ key: 'none' }))).toMatchObject({ code: 'ERR_JOB_PAGE_MISSING' });
    const small = handlerOf({ pages, maxPageBytes: 100_000 });
    expect(await failure(small({ key: 'bomb.gz' }))).toMatchObject({ code: 'ERR_JOB_PAGE_TOO_LARGE' });
    expect(await failure(handlerOf()({ key: 'plain.html' }))).toMatchObject({ code: 'ERR_JOB_NO_PAGES' });
  });

  test('fetches pages where it may, from public addresses', async () => {
    const server = await serve(({ url }, response) => {
      if (url === '/gone') return response.writeHead(410).end();
      if (url === '/busy') return response.writeHead(503).end();
      return response.writeHead(200, { 'content-type': url === '/pdf' ? 'application/pdf' : 'text/html' }).end(PAGE);
    });
    const { results } = stores();
    const handler = fetching({ results });
    const { key } = await handler({ url: `${server.url}page` });
    expect(await stored(results, key)).toMatchObject({ title: 'Ice', url: `${server.url}page` });

    const policies: [string, string, string][] = [
      ['gone', 'ERR_FETCH_STATUS', 'never'],
      ['busy', 'ERR_FETCH_STATUS', 'backoff'],
      ['pdf', 'ERR_FETCH_TYPE', 'never'],
    ];
    for (const [path, code, policy] of policies) {
      const error = await failure(handler({ url: server.url + path }));
      expect([error.code, retryPolicy(error)], path).toEqual([code, policy]);
    }
    const cutOff = await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n<p>'));
    const failed = await failure(handler({ url: cutOff.url }));
    expect([failed.code, retryPolicy(failed)]).toEqual(['ERR_FETCH_FAILED', 'backoff']);
    expect(await failure(handlerOf()({ url: server.url }))).toMatchObject({ code: 'ERR_JOB_FETCH_OFF' });
    expect(await failure(handlerOf({ fetch: true })({ url: server.url }))).toMatchObject({ code: 'ERR_FETCH_ADDRESS' });
  });

  test.each([
    [undefined, 'is an object'],
    [[], 'is an object'],
    [{}, 'neither url nor key nor html'],
    [{ url: 'file:///etc/passwd' }, 'no http: or https: address'],
    [{ url: 5 }, 'a url that is no string'],
    [{ key: '../../etc/passwd' }, 'a key that is none'],
    [{ html: '<p>', result: '../x' }, 'no key'],
    [{ html: '<p>', key: 'a' }, 'html and a key'],
    [{ html: 'ä'.repeat(131_073) }, '262146 bytes of html'],
    [{ html: '<p>', mode: 'best' }, 'mode is'],
    [{ html: '<p>', selectors: 'p' }, 'selectors'],
  ])('refuses data that is no page: %j', async (data, said) => {
    const error = await failure(handlerOf()(data));
    expect(error).toMatchObject({ name: 'JobError', code: 'ERR_JOB_DATA', message: expect.stringContaining(said) });
    expect(retryPolicy(error)).toBe('never');
  });

  test('ends the guest by its signal, or when it takes too long', async () => {
    const slow = { html: SLOW_PAGE, mode: 'custom', selectors: SLOW_SELECTORS.slice(0, 8) };
    const large = { maxHtmlBytes: 2_000_000 };
    const controller = new AbortController();
    const ending = failure(handlerOf(large)(slow, { signal: controller.signal }));
    await eventually(() => extractor.pool.stats.active === 1);
    const reason = new Error('not wanted any more');
    controller.abort(reason);
    expect(await ending).toBe(reason);
    const late = await failure(handlerOf({ ...large, timeoutMillis: 100 })(slow));
    expect([late.name, retryPolicy(late)]).toEqual(['TimeoutError', 'backoff']);
    await eventually(() => extractor.pool.stats.active === 0);
    expect((await handlerOf()({ html: PAGE, mode: 'metadata' })).content).toMatchObject({ title: 'Ice' });
  });

  test('refuses options by name', () => {
    for (const [options, option] of [
      [{}, 'extractor'],
      [{ extractor: {} }, 'extractor'],
      [{ extractor, results: {} }, 'results'],
      [{ extractor, timeout: 5 }, 'timeout'],
      [{ extractor, maxPageBytes: 2 ** 30 }, 'maxPageBytes'],
    ] as const) {
      expect(
        thrown(() => createHandler(options as never)),
        option,
      ).toMatchObject({ details: { option } });
    }
  });
});

describe('whether a job is tried again', () => {
  const engine = new Engine({ cache: false, maxMemoryPages: 16 });

  test('is said of every code, in the table of the document too', () => {
    const rows = readFileSync(new URL('../docs/queue.md', import.meta.url), 'utf8').split('\n');
    const said = new Map<string, string>();
    for (const row of rows) {
      const [, policy, codes] = /^\| (never|backoff|later) \| (.*) \|$/.exec(row) ?? [];
      for (const code of codes?.match(/ERR_\w+/g) ?? []) said.set(code, `${said.get(code) ?? ''}${policy}`);
    }
    const table = Object.fromEntries(
      Object.keys(ERROR_CODES).map((code) => [code, retryPolicy(new RiptideError(code as ErrorCode, 'x'))]),
    );
    const once = Object.fromEntries([...said].filter(([code]) => code in table && code !== 'ERR_MEMORY_LIMIT'));
    const { ERR_MEMORY_LIMIT: _, ...rest } = table;
    expect(once).toEqual(rest);
  });

  test('of a page that is none: never; of one that traps: after a pause', async () => {
    const empty = await failure(handlerOf()({ html: '   ' }));
    expect([empty.code, retryPolicy(empty)]).toEqual(['ERR_GUEST', 'never']);
    const pool = await poolOf(
      engine,
      `(module (func (export "trap") unreachable) (func $deep (export "deep") (call $deep)))`,
    );
    expect(retryPolicy(await failure(pool.call('trap')))).toBe('backoff');
    expect(retryPolicy(await failure(pool.call('deep')))).toBe('never');
  });

  test('of one that needs more memory than an instance may hold: never; than others left: later', async () => {
    const own = await poolOf(engine, GROW);
    expect(retryPolicy(await failure(own.call('grow-or-trap', [100])))).toBe('never');
    const shared = new Engine({ cache: false, memoryBudgetBytes: 8 * 65_536 });
    const pool = await poolOf(shared, GROW);
    const error = await failure(pool.call('grow-or-trap', [20]));
    expect([error.code, retryPolicy(error)]).toEqual(['ERR_MEMORY_LIMIT', 'later']);
  });

  test('by a breaker that is open: later, once it may close', async () => {
    const breaker = { volumeThreshold: 1, resetTimeoutMillis: 5_000 };
    const pool = await poolOf(engine, '(module (func (export "trap") unreachable))', { breaker });
    await failure(pool.call('trap'));
    const error = await failure(pool.call('trap'));
    expect([error.code, retryPolicy(error)]).toEqual(['ERR_BREAKER_OPEN', 'later']);
    expect(laterMillis(error)).toBeGreaterThan(4_000);
    expect(laterMillis(new Error())).toBe(1_000);
  });

  test('after a fetch: by what the server said', () => {
    const status = (answered: number) => retryPolicy(new FetchError('ERR_FETCH_STATUS', 'x', { answered }));
    expect([404, 410, 403, 429, 408, 500, 503].map(status)).toEqual([
      ...['never', 'never', 'never'],
      ...['backoff', 'backoff', 'backoff', 'backoff'],
    ]);
  });

  test('after errors of others, such as a store’s: after a pause', () => {
    for (const error of [new Error('x'), null, 'text', Object.assign(new Error('full'), { code: 'ENOSPC' })]) {
      expect(retryPolicy(error)).toBe('backoff');
    }
  });
});

describe('what a pool admits', () => {
  test('is as many jobs as it has instances, or as were asked for within its queue', async () => {
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, LOOP, { max: 3, maxQueue: 2 });
    expect(admission(pool)).toEqual({ concurrency: 3 });
    expect(admission(pool, 2)).toEqual({ concurrency: 2 });
    expect(admission(pool, 50)).toEqual({ concurrency: 5 });
    await pool.close();
    expect(admission(pool)).toMatchObject({ stopped: 'the pool is closed' });
  });

  test('is none while the breaker is open, and one while it tries', async () => {
    const engine = new Engine({ cache: false });
    const breaker = { volumeThreshold: 1, resetTimeoutMillis: 300 };
    const pool = await poolOf(engine, '(module (func (export "trap") unreachable))', { max: 3, breaker });
    await failure(pool.call('trap'));
    expect(admission(pool)).toMatchObject({ stopped: 'the breaker is open' });
    await eventually(() => admission(pool).stopped === undefined);
    expect(admission(pool)).toEqual({ concurrency: 1 });
  });

  test('is less while memory is short, and none near its limit', async () => {
    const engine = new Engine({ cache: false, memoryBudgetBytes: 100 * 65_536 });
    const code = await engine.load(wat2wasm(GROW));
    const pool = new Pool(code, { max: 8, reuse: true });
    expect(admission(pool)).toEqual({ concurrency: 8 });
    await pool.use(async (instance) => {
      await instance.call('grow', [39]); // 40 of 100 pages: one more of these, by what there is
      expect(admission(pool)).toEqual({ concurrency: 2 });
      await instance.call('grow', [55]);
      expect(admission(pool)).toMatchObject({ stopped: 'memory is near its limit' });
    });
    // The idle instance has its memory already.
    expect(admission(pool).stopped).toBeUndefined();
    await pool.destroy();
  });

  test('is one that another holds', async () => {
    const release = await occupy(extractor);
    expect(admission(extractor.pool)).toEqual({ concurrency: 1 });
    await release();
  });
});
