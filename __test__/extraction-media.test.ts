import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor } from '../dist/index.js';
import { between, PAGE_URL, page } from './extraction-support.js';

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false });
});
afterAll(() => extractor.destroy());

const MODES = ['article', 'full', 'custom'] as const;
const DOT = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';

async function extracted(inner: string, mode: (typeof MODES)[number], parts = {}, url = PAGE_URL) {
  const wanted = mode === 'custom' ? { tag: mode, val: ['article'] } : mode;
  return extractor.extract(page(inner, parts), url, wanted);
}

/** How pages write one picture. */
const PICTURES: readonly [name: string, html: string, url: string][] = [
  ['by src', '<img src="/quay.jpg" alt="The quay">', '/quay.jpg'],
  ['loaded late by the browser', '<img loading="lazy" src="/quay.jpg" alt="The quay">', '/quay.jpg'],
  ['by data-src', `<img class="lazy" src="${DOT}" data-src="/quay.jpg" alt="The quay">`, '/quay.jpg'],
  ['by data-original', '<img src="/spacer.gif" data-original="/quay.jpg" alt="The quay">', '/quay.jpg'],
  ['by data-srcset', '<img data-srcset="/quay-300.jpg 300w, /quay-900.jpg 900w" alt="The quay">', '/quay-900.jpg'],
  ['by srcset alone', '<img srcset="/quay-480.jpg 480w, /quay-960.jpg 960w" alt="The quay">', '/quay-960.jpg'],
  ['by srcset of densities', '<img srcset="/quay.jpg, /quay@2x.jpg 2x" alt="The quay">', '/quay@2x.jpg'],
  ['as amp-img', '<amp-img src="/quay.jpg" width="10" height="5" alt="The quay"></amp-img>', '/quay.jpg'],
  [
    'as picture',
    '<picture><source srcset="/quay.webp" type="image/webp"><img src="/quay.jpg" alt="The quay"></picture>',
    '/quay.jpg',
  ],
  [
    'as picture without a src',
    '<picture><source srcset="/quay-1.jpg 1x, /quay-2.jpg 2x"><img alt="The quay"></picture>',
    '/quay-2.jpg',
  ],
  [
    'in noscript',
    '<img class="lazy" width="687" height="60"><noscript><img src="/quay.jpg" alt="The quay"></noscript>',
    '/quay.jpg',
  ],
];

describe.each(MODES)('a picture in mode %s', (mode) => {
  test.each(PICTURES)('%s', async (_, html, url) => {
    const { markdown, media } = await extracted(`<p>${html}</p>`, mode);
    const address = new URL(url, PAGE_URL).href;
    expect(between(markdown)).toBe(`![The quay](${address})`);
    expect(media).toEqual([{ kind: 'image', url: address, alt: 'The quay' }]);
  });

  test('is shown once if a noscript repeats it', async () => {
    const html = '<p><img src="/quay.jpg" alt="The quay"><noscript><img src="/quay.jpg" alt="The quay"></noscript></p>';
    const { markdown, media } = await extracted(html, mode);
    expect(between(markdown)).toBe('![The quay](https://paper.example/quay.jpg)');
    expect(media).toHaveLength(1);
  });

  test('in a link is a link', async () => {
    const { markdown } = await extracted('<p><a href="/big.jpg"><img src="/small.jpg" alt="Small"></a></p>', mode);
    expect(between(markdown)).toBe('[![Small](https://paper.example/small.jpg)](https://paper.example/big.jpg)');
  });
});

describe.each(['full', 'custom'] as const)('a figure in mode %s', (mode) => {
  test.each([
    ['', '<img src="/quay.jpg" alt="The quay">'],
    [' loaded late', '<img class="lazy"><noscript><img src="/quay.jpg" alt="The quay"></noscript>'],
  ])('has its picture%s and its caption apart', async (_, picture) => {
    const { markdown, text } = await extracted(
      `<figure>${picture}<figcaption>The quay at noon</figcaption></figure>`,
      mode,
    );
    expect(between(markdown)).toBe('![The quay](https://paper.example/quay.jpg)\n\nThe quay at noon');
    expect(between(text)).toBe('The quay at noon');
  });
});

test('films and sounds are media', async () => {
  const html = '<video src="/thaw.mp4" controls></video><audio><source src="/thaw.mp3"></audio>';
  expect((await extracted(html, 'full')).media).toEqual([
    { kind: 'video', url: 'https://paper.example/thaw.mp4' },
    { kind: 'audio', url: 'https://paper.example/thaw.mp3' },
  ]);
});

const LINKS = `<p>Of the ice we wrote <a href="/rel">before</a>, <a href="yesterday">yesterday</a>, <a href="//cdn.example/x">elsewhere</a>,
  <a href="#part">below</a>, <a href="mailto:a@paper.example">in a letter</a> and <a href="https://paper.example/?q=1&amp;r=2" rel="nofollow ugc">at length</a>.</p>`;

describe.each(MODES)('addresses in mode %s', (mode) => {
  test('are absolute', async () => {
    const { markdown, links } = await extracted(LINKS, mode);
    const own = links.filter(({ text }) => !['Home', 'News'].includes(text));
    expect(own).toEqual([
      { url: 'https://paper.example/rel', text: 'before' },
      { url: 'https://paper.example/2026/yesterday', text: 'yesterday' },
      { url: 'https://cdn.example/x', text: 'elsewhere' },
      { url: 'https://paper.example/2026/ice#part', text: 'below' },
      { url: 'mailto:a@paper.example', text: 'in a letter' },
      { url: 'https://paper.example/?q=1&r=2', text: 'at length', rel: 'nofollow ugc' },
    ]);
    for (const { url, text } of own) expect(markdown).toContain(`[${text}](${url})`);
  });

  test('begin at the base element', async () => {
    const html =
      '<p>Of the ice we wrote <a href="before">before</a>, with <img src="quay.jpg" alt="a picture"> of the quay.</p>';
    const { markdown, links, media } = await extracted(html, mode, { head: '<base href="https://other.example/a/b">' });
    expect(between(markdown)).toBe(
      'Of the ice we wrote [before](https://other.example/a/before), with ![a picture](https://other.example/a/quay.jpg) of the quay.',
    );
    expect(links).toContainEqual({ url: 'https://other.example/a/before', text: 'before' });
    expect(media).toEqual([{ kind: 'image', url: 'https://other.example/a/quay.jpg', alt: 'a picture' }]);
  });

  test('begin at a relative base element at the address of the page', async () => {
    const html = '<p>Of the ice we wrote <a href="before">before</a>, at some length, and with some foresight.</p>';
    const { links } = await extracted(html, mode, { head: '<base href="/archive/">' });
    expect(links).toContainEqual({ url: 'https://paper.example/archive/before', text: 'before' });
  });

  test('stay as they are where the page has none', async () => {
    const { links } = await extracted(LINKS, mode, {}, '');
    expect(links).toContainEqual({ url: '/rel', text: 'before' });
  });

  test('with brackets and spaces stay one', async () => {
    const html = '<p>Of the ice we wrote <a href="/a b(c)">once</a>, at some length, and with some foresight.</p>';
    const { markdown, links } = await extracted(html, mode);
    expect(links).toContainEqual({ url: 'https://paper.example/a%20b(c)', text: 'once' });
    expect(markdown).toMatch(/\[once\]\((https:\/\/paper\.example\/a%20b(\\\(c\\\)|\(c\)|%28c%29)|<.*>)\)/);
  });

  test.each([
    'javascript:alert(1)',
    ' JaVaScript:alert(1)',
    'java&#10;script:alert(1)',
    'data:text/html,<p>x',
    'vbscript:x',
  ])('are no links where they run something: %j', async (address) => {
    const html = `<p>Of the ice we wrote <a href="${address.replace('<', '&lt;')}">before</a>, at some length, and with some foresight.</p>`;
    const { markdown, links } = await extracted(html, mode);
    expect(between(markdown)).toBe('Of the ice we wrote before, at some length, and with some foresight.');
    expect(links.map(({ text }) => text)).not.toContain('before');
  });

  test('are no pictures where they hold them', async () => {
    const { markdown, media } = await extracted(`<p><img src="${DOT}" alt="A dot"></p>`, mode);
    expect(markdown).not.toContain('data:');
    expect(media).toEqual([]);
  });
});
