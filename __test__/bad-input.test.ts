import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, Engine, ExtractionError, type Extractor, Pool, wat2wasm } from '../dist/index.js';
import { failure, GROW, LOOP, loadWat, MATH, noPagesLeft, OVERFLOW, poolOf, thrown, turnsDuring } from './support.js';

const engine = new Engine({ cache: false });

describe('code that cannot be loaded', () => {
  test.each([
    ['a file that is not WebAssembly', () => Buffer.from('<!doctype html><p>hello')],
    ['an empty file', () => new Uint8Array(0)],
    ['a truncated header', () => wat2wasm(MATH).slice(0, 6)],
    ['a truncated module', () => wat2wasm(MATH).slice(0, -10)],
    ['a module that does not validate', () => wat2wasm('(module (func (result i32) (i64.const 1)))')],
    ['a header followed by noise', () => Buffer.concat([wat2wasm('(module)'), Buffer.alloc(1000, 0xa5)])],
  ])('%s is ERR_COMPILE', async (_, bytes) => {
    const error = await failure(engine.load(bytes()));
    expect(error.code).toBe('ERR_COMPILE');
    expect(error.message).not.toMatch(/\n/);
    const pool = await poolOf(engine, MATH);
    expect(await pool.call('add', [1, 2])).toBe(3);
  });

  test('a component with an import nobody provides is ERR_LINK', async () => {
    const text = '(component (import "pkg:some/thing@1.0.0" (instance (export "f" (func)))))';
    const code = await loadWat(engine, text);
    const error = thrown(() => new Pool(code));
    expect(error.code).toBe('ERR_LINK');
    expect(String((error.details as { missing: string[] }).missing)).toContain('pkg:some/thing@1.0.0');
    expect(await (await poolOf(engine, MATH)).call('add', [1, 2])).toBe(3);
  });
});

describe('calls that cannot be made', () => {
  test('a missing export is ERR_MISSING_EXPORT with what there is', async () => {
    const pool = await poolOf(engine, MATH);
    const error = await failure(pool.call('subtract', [1, 2]));
    expect(error.code).toBe('ERR_MISSING_EXPORT');
    expect(error.details).toMatchObject({ name: 'subtract', exports: expect.arrayContaining(['add']) });
    expect(await pool.call('add', [1, 2])).toBe(3);
  });

  test.each([
    ['a wrong type', ['1', 2], 'args[0]'],
    ['too few', [1], 'args'],
    ['too many', [1, 2, 3], 'args'],
  ])('arguments: %s is ERR_BAD_ARGUMENT with its path', async (_, args, path) => {
    const pool = await poolOf(engine, MATH);
    const error = await failure(pool.call('add', args));
    expect(error.code).toBe('ERR_BAD_ARGUMENT');
    expect(error.details).toMatchObject({ path });
    expect(await pool.call('add', [1, 2])).toBe(3);
  });
});

describe('guests that misbehave', () => {
  test.each([
    ['grows past its limit', GROW, 'grow-or-trap', [1000], 'ERR_MEMORY_LIMIT'],
    ['overflows its stack', OVERFLOW, 'recurse', [0], 'ERR_STACK_OVERFLOW'],
    ['traps', MATH, 'fail', [], 'ERR_TRAP'],
    ['divides by zero', MATH, 'divide', [1, 0], 'ERR_TRAP'],
    ['loops for ever', LOOP, 'spin', [], 'ERR_TIMEOUT'],
  ])('one that %s ends with its own error, off the event loop', async (_, text, name, args, code) => {
    const pool = await poolOf(engine, text, { max: 1, maxMemoryPages: 64, timeoutMillis: 200 });
    const ended = failure(pool.call(name, args));
    const turns = await turnsDuring(ended);
    expect((await ended).code).toBe(code);
    if (code === 'ERR_TIMEOUT') expect(turns).toBeGreaterThan(10);
    expect(await pool.call(text === MATH ? 'count' : 'seven')).toBeGreaterThan(0);
    await pool.close();
    await noPagesLeft(pool.tracker, engine.tracker);
  });
});

describe('pages that cannot be extracted', () => {
  const GOOD = `<!doctype html><html lang="en"><title>Good</title><body><article><h1>Good</h1>
    ${'<p>A paragraph of some length, with words enough to be taken for the text of the page.</p>'.repeat(5)}</article>`;
  let extractor: Extractor;

  beforeAll(async () => {
    extractor = await createExtractor({ env: false, min: 1, max: 2 });
  });
  afterAll(() => extractor.destroy());

  async function nextIsGood(): Promise<void> {
    expect((await extractor.extract(GOOD)).title).toBe('Good');
  }

  test('HTML that is not UTF-8 is decoded', async () => {
    const latin1 = Buffer.from('<title>Größe</title><p>Größe', 'latin1');
    expect((await extractor.extract(latin1, 'https://example.com/')).title).toBe('Größe');
  });

  test.each([
    ['a number', 5],
    ['nothing', undefined],
    ['an object', {}],
    ['another typed array', new Uint16Array(4)],
  ])('HTML that is %s is ERR_BAD_ARGUMENT', async (_, html) => {
    const error = await failure(extractor.extract(html as never));
    expect(error.code).toBe('ERR_BAD_ARGUMENT');
    expect(error.details).toMatchObject({ path: 'html' });
    await nextIsGood();
  });

  test.each(['', '   \n\t ', Buffer.alloc(0)])('an empty page (%j) is invalid-html', async (html) => {
    const error = await failure(extractor.extract(html));
    expect(error).toBeInstanceOf(ExtractionError);
    expect(error.code).toBe('ERR_GUEST');
    expect(error.payload).toMatchObject({ tag: 'invalid-html', val: expect.any(String) });
    await nextIsGood();
  });

  test('a page of 50 MB is refused with what is allowed', async () => {
    const { maxInputBytes } = await extractor.getInfo();
    const html = Buffer.alloc(50 * 1024 * 1024, '<p>Some text that goes on and on. ');
    expect(html.length).toBeGreaterThan(maxInputBytes);
    const ended = failure(extractor.extract(html));
    // The bytes are copied into the guest beside the event loop, which goes on meanwhile.
    expect(await turnsDuring(ended)).toBeGreaterThan(0);
    const error = await ended;
    expect(error).toBeInstanceOf(ExtractionError);
    expect(error.payload).toMatchObject({ tag: 'resource-limit', val: expect.stringContaining(String(maxInputBytes)) });
    await nextIsGood();
  });

  test('a page of 4 MB leaves the event loop free', async () => {
    const html = Buffer.alloc(4 * 1024 * 1024, '<p>Some text that goes on and on. ');
    const extracted = extractor.extract(html);
    expect(await turnsDuring(extracted)).toBeGreaterThan(10);
    expect((await extracted).text).toContain('Some text that goes on and on.');
    await nextIsGood();
  });

  test('a page of elements nested a hundred thousand deep is extracted, and one of too many nodes refused with what is allowed', async () => {
    const { maxDepth, maxNodes } = await extractor.getInfo();
    expect(maxDepth).toBeLessThan(100_000);
    expect((await extractor.extract(`${'<div>'.repeat(100_000)}deep`)).text).toBe('deep');
    const error = await failure(extractor.extract('<b>'.repeat(maxNodes + 1)));
    expect(error).toBeInstanceOf(ExtractionError);
    expect(error.code).toBe('ERR_GUEST');
    expect(error.payload).toMatchObject({ tag: 'resource-limit', val: expect.stringContaining(String(maxNodes)) });
    await nextIsGood();
  });

  test('a mode that is none, a selector that is no CSS, and no selector are told apart', async () => {
    expect((await failure(extractor.extract(GOOD, '', 'everything' as never))).code).toBe('ERR_BAD_ARGUMENT');
    expect((await failure(extractor.extract(GOOD, '', { tag: 'custom' } as never))).code).toBe('ERR_BAD_ARGUMENT');
    for (const val of [[], ['p >>> ['], ['']]) {
      const error = await failure(extractor.extract(GOOD, '', { tag: 'custom', val }));
      expect(error.payload).toMatchObject({ tag: 'unsupported-mode' });
    }
    await nextIsGood();
  });
});
