import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, ExtractionError, type ExtractionMode, type Extractor } from '../dist/index.js';
import { PAGE_URL, page } from './extraction-support.js';

let simd: Extractor;
let scalar: Extractor;
beforeAll(async () => {
  simd = await createExtractor({ env: false, min: 1, max: 1 });
  scalar = await createExtractor({ env: false, min: 1, max: 1, simd: false });
});
afterAll(() => {
  simd.destroy();
  scalar.destroy();
});

const MODES: readonly ExtractionMode[] = ['article', 'full', 'metadata', { tag: 'custom', val: ['p', 'div'] }];
const GOOD = page('<p>The mill closed its gates in January, and opened them again when the water ran in April.</p>');
const TAGS = ['invalid-html', 'parse-error', 'resource-limit', 'extractor-error'];

/** An answer, or the error with its code and tag. */
async function outcome(extractor: Extractor, html: string | Uint8Array, mode: ExtractionMode) {
  try {
    return { answer: await extractor.extract(html, PAGE_URL, mode) };
  } catch (error) {
    if (!(error instanceof ExtractionError)) throw error;
    expect(error.code).toBe('ERR_GUEST');
    const { tag, val } = error.payload as { tag: string; val: string };
    expect(TAGS).toContain(tag);
    expect(val.length).toBeGreaterThan(10);
    return { tag, val };
  }
}

/** What both builds make of a page in every mode, and that the next page is extracted as ever. */
async function outcomes(html: string | Uint8Array) {
  const all = [];
  for (const mode of MODES) {
    const [one, other] = await Promise.all([outcome(simd, html, mode), outcome(scalar, html, mode)]);
    expect(other).toEqual(one);
    all.push(one);
  }
  const [one, other] = await Promise.all([simd.extract(GOOD, PAGE_URL), scalar.extract(GOOD, PAGE_URL)]);
  expect(one.text).toContain('The mill closed its gates');
  expect(other).toEqual(one);
  return all;
}

const NOISE = Uint8Array.from({ length: 20_000 }, (_, n) => (n * n * 31 + n * 7 + 13) & 0xff);
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 0, 8, 6];

describe('is refused in every mode, by both builds alike:', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['white space', ' \n\t\r '],
    ['a byte order mark', '\ufeff'],
    ['noise', NOISE],
    ['a picture', Uint8Array.from([...PNG, ...NOISE.subarray(0, 400)])],
    ['null bytes', new Uint8Array(1000)],
    ['a comment', '<!-- the ice -->'],
    ['a document type', '<!doctype html>'],
  ])('%s', async (_, html) => {
    for (const one of await outcomes(html)) expect(one).toMatchObject({ tag: 'invalid-html' });
  });
});

describe('is answered in every mode, by both builds alike:', () => {
  test('a page with null bytes', async () => {
    const [article] = await outcomes(GOOD.replace('The mill', 'The\0 mill'));
    expect(article?.answer?.text).toMatch(/The\ufffd? mill closed its gates/);
  });

  test('a page cut short anywhere', { timeout: 60_000 }, async () => {
    for (let cut = 1; cut < GOOD.length; cut += Math.ceil(GOOD.length / 30)) {
      const [, full] = await outcomes(GOOD.slice(0, cut));
      if (cut > GOOD.indexOf('froze over')) expect(full?.answer?.text).toContain('The harbour');
    }
  });

  test('a page cut within a tag, an attribute, a reference or a comment', async () => {
    for (const end of ['<p class="a', '<a href=', '<!-- ', '&am', '</', '<script>', '<![CDATA[', '<textarea>']) {
      const [, full] = await outcomes(`<p>The harbour froze over.</p>${end}`);
      expect(full?.answer?.text).toMatch(/^The harbour froze over\./);
    }
  });

  test.each([
    '<div>',
    '<b><i>',
    '<ul><li>',
    '<table><tr><td>',
    '<blockquote>',
    '<span>',
    '<svg><g>',
    '<dl><dd>',
    '<ruby><rt>',
  ])('ten thousand of %s', async (tags) => {
    const all = await outcomes(`${tags.repeat(10_000)}<p>the text below`);
    for (const one of all) expect(one.answer ?? one.tag).toBeDefined();
    if (!tags.includes('svg')) expect(all[1]?.answer?.text).toContain('the text below');
  });

  test('a hundred thousand attributes', async () => {
    const attributes = Array.from({ length: 100_000 }, (_, n) => `a${n}="${n}"`).join(' ');
    const [, full] = await outcomes(`<p ${attributes}>The harbour froze over.</p>`);
    expect(full?.answer?.text).toBe('The harbour froze over.');
  });

  test('a page of scripts alone', async () => {
    const [article, full] = await outcomes('<title>App</title><script>go("the ice")</script><div id="root"></div>');
    for (const one of [article, full]) expect(one?.answer).toMatchObject({ title: 'App', text: '', markdown: '' });
  });

  test('a page of SVG or MathML alone', async () => {
    for (const html of ['<svg><title>Ice</title><text>ice</text></svg>', '<math><mi>x</mi></math>']) {
      for (const { answer } of await outcomes(html)) expect(answer?.text).toMatch(/^x?$/);
    }
  });

  test('a text of ten million bytes, in words or in one', { timeout: 120_000 }, async () => {
    const sentence = 'The harbour froze over. ';
    const words = sentence.repeat(Math.ceil(1e7 / sentence.length));
    for (const text of [words.trim(), 'x'.repeat(1e7)]) {
      const [article, full] = await outcomes(`<p>${text}</p>`);
      for (const one of [article, full]) expect(one?.answer?.text === text).toBe(true);
    }
  });

  test.each([
    '<',
    '&',
    '&amp;',
    '*',
    '_',
    '[',
    '](',
    '`',
    '|',
    '\\',
    '#',
    '\u00a0',
    '漢',
    '😀',
    '<br>',
    '<a href=x>',
    '<td>',
    '</p>',
  ])('a hundred thousand of %s', async (piece) => {
    for (const { answer, tag } of await outcomes(`<p>${piece.repeat(100_000)}</p>`)) {
      expect(tag).toBeUndefined();
      expect(answer?.text.length).toBeLessThanOrEqual(200_000);
    }
  });
});
