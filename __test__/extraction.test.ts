// What becomes of the parts of a page, and of what it says about itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extracted, type Extractor } from '../dist/index.js';

const LEAD =
  'The lighthouse on the northern head was lit again in March, after eleven dark years, because three schoolteachers ' +
  'had kept its keys, its papers and its temper, and had written a letter to the ministry on each first of the month.';
const MIDDLE =
  'The lamp itself is small, a bulb that fits into a hand, but the lens around it weighs more than a lorry, and turns ' +
  'on a bath of mercury that nobody was allowed to touch while the insurance was in doubt.';
const END =
  'When the beam first crossed the bay, people came out in their slippers, and stood in the road, and counted the ' +
  'seconds between two flashes aloud, as their parents had taught them, until the cold sent them in.';
const ADDRESS = 'https://example.com/2026/lighthouse';

function page({ head = '', middle = '', title = 'The light is back', heading = '<h1>The light is back</h1>' } = {}) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>${head}</head>
    <body><article>${heading}<p>${LEAD}</p>${middle}<p>${MIDDLE}</p><p>${END}</p></article></body></html>`;
}

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false, min: 1, max: 1 });
});
afterAll(() => extractor.destroy());

const extract = (html: string, mode: 'article' | 'full' = 'article'): Promise<Extracted> =>
  extractor.extract(html, ADDRESS, mode);

/** The part of the Markdown between the first paragraph and the second. */
async function middle(html: string, mode: 'article' | 'full' = 'article'): Promise<string> {
  const { markdown } = await extract(html, mode);
  expect(markdown).toContain(LEAD);
  expect(markdown).toContain(END);
  return markdown.slice(markdown.indexOf(LEAD) + LEAD.length, markdown.indexOf(MIDDLE)).trim();
}

describe.each(['article', 'full'] as const)('in mode %s', (mode) => {
  test('code beside its line numbers is code without them', async () => {
    const numbers = '<td class="gutter"><pre>1\n2\n3</pre></td>';
    const code = '<td class="code"><pre><code>if dark:\n    light(&amp;lamp)\n    wait()</code></pre></td>';
    const shown = await middle(page({ middle: `<table class="highlight"><tr>${numbers}${code}</tr></table>` }), mode);
    expect(shown).toMatch(/^```\w*\nif dark:\n {4}light\(&lamp\)\n {4}wait\(\)\n```$/);
  });

  test('code keeps its lines where these are `br`, and its language', async () => {
    const code = '<pre><code class="language-js">const lamp = 1;<br>const lens = 2;</code></pre>';
    expect(await middle(page({ middle: code }), mode)).toBe('```js\nconst lamp = 1;\nconst lens = 2;\n```');
  });

  test('a late picture is that of its `noscript` or its `data-src`, once', async () => {
    const late = '<figure><img class="late" alt=""><noscript><img src="/lens.png" alt="The lens"></noscript></figure>';
    const lazy = '<p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="/bulb.jpg" alt="The bulb"></p>';
    const shown = await middle(page({ middle: late + lazy }), mode);
    expect(shown).toContain('![The lens](https://example.com/lens.png)');
    expect(shown).toContain('![The bulb](https://example.com/bulb.jpg)');
    expect(shown.match(/!\[/g)).toHaveLength(2);
  });

  test('a picture that has only a `srcset` is the largest of it', async () => {
    const picture = '<p><img srcset="/small.jpg 480w, /large.jpg 960w" alt="Night"></p>';
    expect(await middle(page({ middle: picture }), mode)).toBe('![Night](https://example.com/large.jpg)');
  });

  test('a heading with a widget inside is its words', async () => {
    const widget = '<div class="anchor"><button>Copy link</button><svg></svg></div>';
    const shown = await middle(page({ middle: `<h2>1. Who paid${widget}</h2><p>${END}</p>` }), mode);
    expect(shown.split('\n')[0]).toBe('## 1. Who paid');
  });

  test('a second heading of the first level stays, and is of its level', async () => {
    const sections = `<h1>The keepers</h1><p>${END}</p><h2>The lamp</h2><p>${LEAD.replace('northern', 'southern')}</p>`;
    const shown = await middle(page({ middle: sections }), mode);
    expect(shown).toMatch(/^# The keepers$/m);
    expect(shown).toMatch(/^## The lamp$/m);
  });

  test('a definition list keeps its terms apart from what they mean', async () => {
    const list =
      '<dl><dt>Loom</dt><dd>The glow of a light below the horizon, which is seen before the light.</dd>' +
      '<dt>Occulting</dt><dd>Said of a light that is longer lit than dark, in each of its turns.</dd></dl>';
    const { text } = await extract(page({ middle: list }), mode);
    expect(text).toMatch(/^Loom$/m);
    expect(text).toMatch(/The glow of a light .* before the light\.$/m);
    const shown = await middle(page({ middle: list }), mode);
    expect(shown).toMatch(/Loom[^\n]*\n+.*The glow/);
    expect(shown).not.toMatch(/Loom\s?The/);
  });

  test('a shadow root is part of its host, with the content in its slot', async () => {
    const shadow = `<div><template shadowrootmode="open"><p>${END.replace('beam', 'shadow')}</p><slot></slot></template><p>${MIDDLE.replace('lamp', 'slotted lamp')}</p></div>`;
    const { text } = await extract(page({ middle: shadow }), mode);
    expect(text).toContain('When the shadow first crossed');
    expect(text).toContain('The slotted lamp itself');
    expect(text.indexOf('When the shadow')).toBeLessThan(text.indexOf('The slotted lamp'));
  });

  test('cells that span rows are never glued to others', async () => {
    const rows =
      '<tr><th>Head</th><th>Day</th><th>Flashes</th></tr>' +
      '<tr><td rowspan="2">North</td><td>Monday</td><td>120</td></tr><tr><td>Tuesday</td><td>140</td></tr>';
    const shown = await middle(page({ middle: `<table>${rows}</table>` }), mode);
    const cells = shown
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    expect(cells[0]).toEqual(['Head', 'Day', 'Flashes']);
    expect(cells[2]).toEqual(['North', 'Monday', '120']);
    expect(cells[3]?.slice(1)).toEqual(['Tuesday', '140']);
  });

  test('a caption and a summary stand apart', async () => {
    const figure = '<figure><img src="/bay.png" alt="The bay"><figcaption>The bay at noon</figcaption></figure>';
    const details = '<details><summary>Who paid?</summary>The ministry did, late, and in two parts.</details>';
    const shown = await middle(page({ middle: figure + details }), mode);
    const lines = shown.split('\n').map((line) => line.replace(/[*_]/g, ''));
    expect(lines).toContain('The bay at noon');
    expect(lines).toContain('Who paid?');
    expect(lines).toContain('The ministry did, late, and in two parts.');
  });

  test('a formula is shown once', async () => {
    const math =
      '<p>So <math><semantics><msup><mi>r</mi><mn>2</mn></msup>' +
      '<annotation encoding="application/x-tex">r^2</annotation></semantics></math> of the light is left.</p>';
    const { text, markdown } = await extract(page({ middle: math }), mode);
    expect(text).toContain('So r^2 of the light is left.');
    expect(markdown).toMatch(/So \$r\^2\$ of the light is left\./);
  });

  test('addresses are absolute', async () => {
    const shown = await middle(
      page({ middle: '<p><a href="/log">The log</a> <img src="/log.jpg" alt="Log"></p>' }),
      mode,
    );
    expect(shown).toBe('[The log](https://example.com/log) ![Log](https://example.com/log.jpg)');
  });
});

describe('what a page says about itself:', () => {
  const read = (given: Parameters<typeof page>[0]) => extract(page(given));

  test('every author', async () => {
    const head =
      '<meta property="article:author" content="https://example.com/people/ida">' +
      '<meta name="author" content="Ida Holm"><meta name="author" content="Per Lund">';
    expect((await read({ head })).byline).toBe('Ida Holm, Per Lund');
  });

  test('the date of an `abbr`', async () => {
    const abbr = '<div>Posted at <abbr class="published" title="2026-03-02T00:23:00-04:00">12:23 AM</abbr></div>';
    expect((await read({ middle: abbr })).publishedIso).toBe('2026-03-02T00:23:00-04:00');
  });

  test('the date of Dublin Core', async () => {
    expect((await read({ head: '<meta name="dc.date" content="2026-03-02">' })).publishedIso).toBe('2026-03-02');
  });

  test('a title with a colon in it', async () => {
    const title = 'Leading lights: what they are, and how to follow them';
    expect((await read({ title, heading: '<h2>Another matter</h2>' })).title).toBe(title);
  });

  const linked = (value: unknown) => `<script type="application/ld+json">${JSON.stringify(value)}</script>`;

  test('JSON-LD whose parts name each other', async () => {
    const graph = [
      { '@type': 'WebPage', '@id': '#page' },
      {
        '@type': 'Article',
        headline: 'The light is back',
        datePublished: '2026-03-02T07:30:00+01:00',
        author: { '@id': '#ida' },
        publisher: { '@id': '#paper' },
      },
      { '@type': 'Organization', '@id': '#paper', name: 'The Northern Paper' },
      { '@type': 'Person', '@id': '#ida', name: 'Ida Holm' },
    ];
    const head = linked({ '@context': 'https://schema.org', '@graph': graph });
    expect(await read({ head })).toMatchObject({
      byline: 'Ida Holm',
      publishedIso: '2026-03-02T07:30:00+01:00',
      siteName: 'The Northern Paper',
    });
  });

  test('JSON-LD whose values begin with an at sign', async () => {
    const article = {
      '@context': 'https://schema.org',
      '@type': 'NewsArticle',
      headline: '@home in the lighthouse',
      author: { '@type': 'Person', name: '@ida' },
      description: 'Seen by @ida and "@per".',
    };
    const given = await read({ head: linked(article), heading: '' });
    expect(given).toMatchObject({ byline: '@ida', description: 'Seen by @ida and "@per".' });
  });

  test('JSON-LD whose author is plain text', async () => {
    const article = { '@context': 'https://schema.org', '@type': 'NewsArticle', author: 'Ida Holm' };
    expect((await read({ head: linked(article) })).byline).toBe('Ida Holm');
  });
});
