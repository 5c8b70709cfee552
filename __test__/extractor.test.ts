import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  createExtractor,
  Engine,
  type Extractor,
  type ExtractorOptions,
  getWasmMemoryMetrics,
  Instance,
  MemoryLimitError,
} from '../dist/index.js';
import { failure, noPagesLeft, temporaryFolder } from './support.js';

const PARAGRAPHS = [
  'The tide comes in twice a day, and with it come the small boats that fish the bay, each with its own lamp.',
  'A harbour is a place of waiting: for water, for weather, for the price of herring to rise by a penny or two.',
  'Nobody remembers who built the first wall of stone, though everyone remembers the winter in which it fell.',
  'The children count the waves, the old count the years, and the gulls, who cannot count, eat what is left over.',
];
const PAGE = `<!doctype html><html lang="en"><head><title>Of tides and boats</title>
  <meta name="author" content="Ada Boatwright"><meta name="description" content="What the bay is like.">
  <meta property="og:site_name" content="The Bay"><meta property="article:published_time" content="2026-03-04T05:06:07Z">
  </head><body><nav><a href="/menu">Menu of the site</a></nav><article><h1>Of tides and boats</h1>
  ${PARAGRAPHS.map((text) => `<p>${text}</p>`).join('\n')}
  <p>More on <a href="boats.html" rel="nofollow">the boats</a>. <img src="/wave.png" alt="A wave"></p>
  <p class="note">A note, by itself.</p></article></body></html>`;
const URL_ = 'https://example.com/bay/tides.html';

async function make(options: ExtractorOptions = {}): Promise<Extractor> {
  const extractor = await createExtractor({ env: false, ...options });
  onTestFinished(() => extractor.destroy());
  return extractor;
}

describe('an extractor', () => {
  let extractor: Extractor;
  beforeAll(async () => {
    extractor = await createExtractor({ env: false });
  });
  afterAll(() => extractor.destroy());

  test('turns a page into its article', async () => {
    const result = await extractor.extract(PAGE, URL_, 'article');
    expect(result).toMatchObject({
      url: URL_,
      title: 'Of tides and boats',
      byline: 'Ada Boatwright',
      description: 'What the bay is like.',
      siteName: 'The Bay',
      publishedIso: expect.stringContaining('2026-03-04T05:06:07'),
      language: 'en',
      readingTime: 1,
      qualityScore: expect.any(Number),
      categories: expect.any(Array),
    });
    for (const text of PARAGRAPHS) {
      expect(result.text).toContain(text);
      expect(result.markdown).toContain(text);
    }
    expect(result.text).not.toContain('Menu of the site');
    expect(result.wordCount).toBeGreaterThan(70);
    const boats = result.links.find((link) => link.text === 'the boats');
    expect(boats).toEqual({ url: 'https://example.com/bay/boats.html', text: 'the boats', rel: 'nofollow' });
    expect(result.media).toContainEqual({ kind: 'image', url: 'https://example.com/wave.png', alt: 'A wave' });
  });

  test('gives exactly the fields its WIT declares', async () => {
    const wit = readFileSync(new URL('../crates/extractor/wit/extractor.wit', import.meta.url), 'utf8');
    const camelCase = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const fields = (record: string) => {
      const body = new RegExp(`record ${record} \\{([^}]*)\\}`).exec(wit)?.[1] ?? '';
      const all = [...body.matchAll(/^\s*([a-z-]+): (option)?/gm)];
      expect(all.length, record).toBeGreaterThan(1);
      return all.map(([, name = '', option]) => ({ name: camelCase(name), optional: option !== undefined }));
    };
    const { content, stats } = await extractor.extractWithStats(PAGE, URL_);
    const answers = {
      extracted: content,
      'extraction-stats': stats,
      'component-info': await extractor.getInfo(),
      'health-status': await extractor.healthCheck(),
    };
    for (const [record, answer] of Object.entries(answers)) {
      const declared = fields(record);
      const given = Object.keys(answer);
      expect(declared.filter(({ name, optional }) => !optional && !given.includes(name))).toEqual([]);
      expect(given.filter((name) => !declared.some((field) => field.name === name))).toEqual([]);
    }
  });

  test('takes bytes as it takes strings', async () => {
    expect(await extractor.extract(Buffer.from(PAGE), URL_)).toEqual(await extractor.extract(PAGE, URL_));
  });

  test('knows its modes', async () => {
    expect(await extractor.getModes()).toEqual(['article', 'full', 'metadata', 'custom']);
    const full = await extractor.extract(PAGE, URL_, 'full');
    expect(full.text).toContain('Menu of the site');
    expect(await extractor.extract(PAGE, URL_, { tag: 'full' })).toEqual(full);
    const metadata = await extractor.extract(PAGE, URL_, 'metadata');
    expect(metadata).toMatchObject({ title: 'Of tides and boats', text: '', markdown: '', links: [], media: [] });
    const custom = await extractor.extract(PAGE, URL_, { tag: 'custom', val: ['.note'] });
    expect(custom.text.trim()).toBe('A note, by itself.');
  });

  test('says what an extraction took', async () => {
    const { content, stats } = await extractor.extractWithStats(PAGE, URL_, 'article');
    expect(content).toEqual(await extractor.extract(PAGE, URL_, 'article'));
    expect(stats.inputBytes).toBe(Buffer.byteLength(PAGE));
    expect(stats.memoryPages).toBeGreaterThan(0);
    expect(stats.nodes).toBeGreaterThan(10);
  });

  test('tells markup from plain text', async () => {
    expect(await extractor.validateHtml(PAGE)).toBe(true);
    expect(await extractor.validateHtml('only some words')).toBe(false);
    expect((await failure(extractor.validateHtml(''))).payload).toMatchObject({ tag: 'invalid-html' });
  });

  test('ends by signal and by timeout', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await failure(extractor.extract(PAGE, URL_, 'article', { signal }))).toBe(reason);
    const big = Buffer.alloc(4 * 1024 * 1024, '<div><p>Some text that goes on and on.</p></div> ');
    const error = await failure(extractor.extract(big, '', 'article', { timeoutMillis: 10 }));
    expect(error.code).toMatch(/^ERR_(TIMEOUT|GUEST)$/);
    expect((await extractor.extract(PAGE)).title).toBe('Of tides and boats');
  });

  test('extracts many pages at once', async () => {
    const titles = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => (await extractor.extract(PAGE.replace('<h1>', `<h1>${n} `))).title),
    );
    expect(titles).toEqual(Array.from({ length: 40 }, (_, n) => `${n} Of tides and boats`));
  });

  test('tells how it is', async () => {
    expect(await extractor.healthCheck()).toMatchObject({ status: 'healthy', version: expect.any(String) });
    const health = extractor.health();
    expect(health.coldStart).toMatchObject({
      targetMillis: 15,
      lastMillis: expect.any(Number),
      slowStarts: expect.any(Number),
    });
    expect(health.memory).toEqual(extractor.engine.tracker.snapshot());
    expect(health.pool).toEqual(extractor.pool.stats);
  });
});

describe('an extractor of one instance', () => {
  test('counts extractions and resets the count', async () => {
    const extractor = await make({ min: 1, max: 1 });
    await extractor.extract(PAGE);
    await failure(extractor.extract(''));
    expect(await extractor.healthCheck()).toMatchObject({ extractions: 2, failures: 1 });
    expect(await extractor.resetState()).toBe(2);
    expect(await extractor.healthCheck()).toMatchObject({ extractions: 0, failures: 0 });
  });

  test('leaves no trace of a page where reuse is off', async () => {
    const extractor = await make({ min: 0, max: 1, reuse: false });
    await extractor.extract(PAGE);
    expect(await extractor.healthCheck()).toMatchObject({ extractions: 0 });
  });

  test('gives its memory back when it is closed', async () => {
    const extractor = await make({ max: 1, min: 1 });
    expect(extractor.pool.tracker.currentPages).toBeGreaterThan(0);
    await extractor[Symbol.asyncDispose]();
    await noPagesLeft(extractor.pool.tracker);
    expect((await failure(extractor.extract(PAGE))).code).toBe('ERR_CLOSED');
  });
});

describe('createExtractor', () => {
  test('runs the SIMD build, or the scalar one on an engine without SIMD', async () => {
    const simd = await make();
    const scalar = await make({ simd: false });
    expect((await simd.getInfo()).features).toContain('simd128');
    expect((await scalar.getInfo()).features).not.toContain('simd128');
    expect(scalar.engine.simd).toBe(false);
    expect(await scalar.extract(PAGE, URL_)).toEqual(await simd.extract(PAGE, URL_));
  });

  test('has the defaults of the specification', async () => {
    const extractor = await make();
    expect(extractor.pool.stats.size).toBe(2);
    expect(extractor.pool.tracker.maxPages).toBe(8 * 4096);
    expect(extractor.engine.simd).toBe(true);
  });

  test('takes its settings from the environment, and options over it', async () => {
    const env = {
      RIPTIDE_WASM_MAX_POOL_SIZE: '3',
      RIPTIDE_WASM_INITIAL_POOL_SIZE: '3',
      RIPTIDE_WASM_MEMORY_LIMIT_MB: '128',
      RIPTIDE_WASM_ENABLE_SIMD: 'false',
      RIPTIDE_WASM_ENABLE_AOT_CACHE: 'false',
      RIPTIDE_WASM_COLD_START_TARGET_MS: '7',
    };
    const fromEnv = await make({ env });
    expect(fromEnv.pool.stats.size).toBe(3);
    expect(fromEnv.pool.tracker.snapshot()).toMatchObject({
      maxPages: 3 * 2048,
      simdEnabled: false,
      aotCacheEnabled: false,
    });
    expect(fromEnv.health().coldStart.targetMillis).toBe(7);
    const fromOptions = await make({ env, max: 1, maxMemoryPages: 1024, simd: true });
    expect(fromOptions.pool.stats.size).toBe(1);
    expect(fromOptions.pool.tracker.snapshot()).toMatchObject({
      maxPages: 1024,
      simdEnabled: true,
      aotCacheEnabled: false,
    });
  });

  test('keeps its cache where the environment says', async () => {
    const directory = temporaryFolder();
    const extractor = await make({ env: { RIPTIDE_WASM_CACHE_DIR: directory } });
    expect(extractor.engine.cache.directory).toBe(directory);
  });

  test.each<[ExtractorOptions, number, number, number]>([
    [{ maxInstances: 4 }, 4, 4, 2],
    [{ maxInstances: 1 }, 1, 1, 1],
    [{ engine: new Engine({ cache: false, maxInstances: 3 }) }, 3, 3, 2],
    [{ env: { RIPTIDE_WASM_MAX_POOL_SIZE: '70' }, maxInstances: 5 }, 5, 5, 2],
    [{ min: 70, maxMemoryPages: 64 }, 70, 70, 70],
    [{ max: 70, min: 0 }, 70, 70, 0],
  ])('fits engine and pool to each other where one is not given: %j', async (options, slots, max, size) => {
    const extractor = await make(options);
    expect(extractor.engine.stats.slots).toBe(slots);
    expect(extractor.pool.tracker.maxPages).toBe(max * (options.maxMemoryPages ?? 4096));
    expect(extractor.pool.stats.size).toBe(size);
  });

  test('keeps what the environment says of the cache where options leave it open', async () => {
    const [directory, other] = [temporaryFolder(), temporaryFolder()];
    const keyFile = join(temporaryFolder(), 'key');
    writeFileSync(keyFile, 'a secret of its own '.repeat(4), { mode: 0o600 });
    const env = { RIPTIDE_WASM_CACHE_DIR: directory, RIPTIDE_WASM_CACHE_KEY_FILE: keyFile };
    const at = async (options: ExtractorOptions) => {
      const { engine, pool } = await make({ env, min: 0, ...options });
      return [engine.cache.directory, pool.code.cacheHit];
    };
    expect(await at({})).toEqual([directory, false]);
    expect(await at({ cache: true })).toEqual([directory, true]);
    expect(await at({ cache: { keyFile, maxEntries: 10 } })).toEqual([directory, true]);
    expect(await at({ cache: { directory: other } })).toEqual([other, false]);
    // Signed with the environment's key: no other key would be taken for it.
    expect(await at({ cache: { directory: other, keyFile, maxEntries: 11 } })).toEqual([other, true]);
    expect(await at({ cache: { trust: 'owner' } })).toEqual([directory, expect.any(Boolean)]);
    expect(await at({ cache: false })).toEqual([undefined, false]);
    const off = { ...env, RIPTIDE_WASM_ENABLE_AOT_CACHE: 'false' };
    expect(await at({ env: off, cache: { maxEntries: 12 } })).toEqual([directory, true]);
  });

  test('takes an engine, and then none of its options', async () => {
    const engine = new Engine({ cache: false, maxMemoryPages: 1000 });
    const extractor = await make({ engine, max: 1 });
    expect(extractor.engine).toBe(engine);
    expect(extractor.pool.tracker.maxPages).toBe(1000);
    const error = await failure(createExtractor({ env: false, engine, simd: true }));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option: 'simd' });
  });

  test('rejects options and variables that cannot be used', async () => {
    expect((await failure(createExtractor({ env: false, max: 0 }))).details).toMatchObject({ option: 'max' });
    expect((await failure(createExtractor({ wasi: true } as never))).details).toMatchObject({ option: 'wasi' });
    expect((await failure(createExtractor({ engine: {} as never }))).details).toMatchObject({ option: 'engine' });
    const env = { RIPTIDE_WASM_TIMEOUT_SECS: 'soon' };
    expect((await failure(createExtractor({ env }))).details).toMatchObject({ option: 'RIPTIDE_WASM_TIMEOUT_SECS' });
  });

  test.each([
    ['a variable', () => ({ env: { RIPTIDE_WASM_MEMORY_LIMIT_MB: '1' } })],
    ['an option', () => ({ env: false as const, maxMemoryPages: 16 })],
    ['a pool on an engine that allows more', () => ({ env: false as const, engine: new Engine(), maxMemoryPages: 16 })],
  ])('says which memory limit it needs, where one is too small for it (%s)', async (_, options) => {
    const error = await failure(createExtractor(options()));
    expect(error).toBeInstanceOf(MemoryLimitError);
    const { requestedBytes, ...details } = error.details as Record<string, number>;
    expect(details).toMatchObject({ heldBytes: 0, limitBytes: 2 ** 20, limitedBy: 'instance' });
    const [, least, megabytes, pages] =
      /(\d+) pages.* RIPTIDE_WASM_MEMORY_LIMIT_MB to (\d+).*maxMemoryPages: (\d+)/.exec(
        error.message,
      ) as unknown as number[];
    expect([Number(least) * 65_536, Number(pages) * 65_536]).toEqual([requestedBytes, requestedBytes]);
    // What it says is enough, and no less would be.
    expect(await failure(createExtractor({ env: false, maxMemoryPages: Number(pages) - 1 }))).toMatchObject({
      code: 'ERR_MEMORY_LIMIT',
    });
    await make({ env: false, min: 1, max: 1, maxMemoryPages: Number(pages) });
    const small = await make({ env: { RIPTIDE_WASM_MEMORY_LIMIT_MB: String(megabytes) }, min: 1, max: 1 });
    expect((await small.extract('<title>Small</title><p>text')).title).toBe('Small');
  });

  test('keeps limits but gives no metrics where they are off', async () => {
    const extractor = await make({ metrics: false, min: 1 });
    expect(extractor.metrics()).toEqual({});
    expect(getWasmMemoryMetrics(extractor)).toEqual({});
    expect(getWasmMemoryMetrics(extractor.engine)).toEqual({});
    expect(extractor.pool.tracker.currentPages).toBeGreaterThan(0);
  });

  test('runs a component that imports nothing', async () => {
    const extractor = await make({ max: 1 });
    expect(extractor.pool.code.imports).toEqual([]);
    const instance = await Instance.create(extractor.pool.code);
    expect(await instance.call('get-modes')).toHaveLength(4);
    await instance.close();
  });
});
