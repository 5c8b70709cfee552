import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor } from '../dist/index.js';
import { between, PAGE_URL, page } from './extraction-support.js';

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false });
});
afterAll(() => extractor.destroy());

type Both = 'article' | 'full';

/** What a mode makes of a piece of a page, by itself. */
async function shown(inner: string, mode: Both) {
  const { markdown, text } = await extractor.extract(page(inner), PAGE_URL, mode);
  return { markdown: between(markdown), text: between(text) };
}

const PAID = 'The council will say by the end of the month who pays for the icebreaker, and for how long.';
const FISH = 'Everybody with a drill and a chair fishes, and most of them are older than sixty, says the warden.';
const THAW = 'The thaw came late, and all at once, on a Tuesday morning, with a wind from the south-west.';

interface Case {
  readonly name: string;
  readonly html: string;
  readonly markdown: string;
  readonly text: string;
}

const CASES: readonly Case[] = [
  {
    name: 'a definition list keeps its terms and what they mean',
    html: `<h2>Words of the ice</h2><dl><dt>Frazil</dt><dd>Needles of ice that float in the water, before it is solid.</dd>
      <dt>Nilas</dt><dd>A thin crust that bends on waves, without breaking.</dd></dl>`,
    markdown:
      '## Words of the ice\n\n**Frazil**\n\nNeedles of ice that float in the water, before it is solid.\n\n**Nilas**\n\nA thin crust that bends on waves, without breaking.',
    text: 'Words of the ice\n\nFrazil\nNeedles of ice that float in the water, before it is solid.\nNilas\nA thin crust that bends on waves, without breaking.',
  },
  {
    name: 'buttons and anchor widgets in a heading are no part of it',
    html: `<h2>Who pays<div class="anchor-widget"><div class="inner"><div role="button" href="/i/1"><svg></svg></div></div></div></h2><p>${PAID}</p>
      <h3>Who fishes<div><button>Link</button></div></h3><p>${FISH}</p>`,
    markdown: `## Who pays\n\n${PAID}\n\n### Who fishes\n\n${FISH}`,
    text: `Who pays\n\n${PAID}\n\nWho fishes\n\n${FISH}`,
  },
  {
    name: 'edit and permanent links in a heading are no part of it',
    html: `<h2>The thaw <span class="mw-editsection">[<a href="/w?action=edit&amp;section=2">edit</a>]</span></h2><p>${THAW}</p>
      <h2>Fish<a class="headerlink" href="#fish" title="Permanent link">¶</a></h2><p>${FISH}</p>`,
    markdown: `## The thaw\n\n${THAW}\n\n## Fish\n\n${FISH}`,
    text: `The thaw\n\n${THAW}\n\nFish\n\n${FISH}`,
  },
  {
    name: 'headings keep their levels',
    html: [2, 3, 4, 5, 6].map((n) => `<h${n}>Level ${n} of the ice</h${n}><p>${n}. ${PAID}</p>`).join(''),
    markdown: [2, 3, 4, 5, 6].map((n) => `${'#'.repeat(n)} Level ${n} of the ice\n\n${n}\\. ${PAID}`).join('\n\n'),
    text: [2, 3, 4, 5, 6].map((n) => `Level ${n} of the ice\n\n${n}. ${PAID}`).join('\n\n'),
  },
  {
    name: 'sections may each have an h1',
    html: `<h1>The fishermen</h1><p>${FISH}</p><h2>Who pays</h2><p>${PAID}</p><h1>The thaw</h1><p>${THAW}</p>`,
    markdown: `# The fishermen\n\n${FISH}\n\n## Who pays\n\n${PAID}\n\n# The thaw\n\n${THAW}`,
    text: `The fishermen\n\n${FISH}\n\nWho pays\n\n${PAID}\n\nThe thaw\n\n${THAW}`,
  },
  {
    name: 'tables that only lay out a newsletter are no tables',
    html: `<table width="600"><tr><td><table><tr><td><h2>This week</h2></td></tr><tr><td>${PAID}</td></tr>
      <tr><td><h2>Next week</h2></td></tr><tr><td>${FISH}</td></tr></table></td></tr></table>`,
    markdown: `## This week\n\n${PAID}\n\n## Next week\n\n${FISH}`,
    text: `This week\n\n${PAID}\n\nNext week\n\n${FISH}`,
  },
  {
    name: 'a table of role presentation is no table',
    html: `<table role="presentation"><tr><td><h2>Left</h2><p>${PAID}</p></td><td><p>${FISH}</p></td></tr></table>`,
    markdown: `## Left\n\n${PAID}\n\n${FISH}`,
    text: `Left\n\n${PAID}\n\n${FISH}`,
  },
  {
    name: 'a cell that spans rows takes its column',
    html: `<table><tr><th>Port</th><th>Day</th><th>Ice, cm</th></tr><tr><td rowspan="2">Lindholm</td><td>Monday</td><td>12</td></tr>
      <tr><td>Tuesday</td><td>14</td></tr></table>`,
    markdown: '| Port | Day | Ice, cm |\n| --- | --- | --- |\n| Lindholm | Monday | 12 |\n| | Tuesday | 14 |',
    text: 'Port\tDay\tIce, cm\nLindholm\tMonday\t12\nTuesday\t14',
  },
  {
    name: 'ordered lists keep their numbers',
    html: `<ol start="3"><li>${PAID}</li><li>${FISH}<p>${THAW}</p></li></ol>`,
    markdown: `3. ${PAID}\n4. ${FISH}\n\n   ${THAW}`,
    text: `${PAID}\n${FISH}\n\n${THAW}`,
  },
  {
    name: 'a quotation is one',
    html: `<blockquote><p>${THAW}</p><p>${FISH}</p></blockquote>`,
    markdown: `> ${THAW}\n>\n> ${FISH}`,
    text: `${THAW}\n\n${FISH}`,
  },
  {
    name: 'the summary of a fold stands apart from what it folds',
    html: `<details><summary>Who pays?</summary>${PAID}</details>`,
    markdown: `**Who pays?**\n\n${PAID}`,
    text: `Who pays?\n\n${PAID}`,
  },
  {
    name: 'readings stand in brackets, once',
    html: '<p>They call it <ruby>氷<rp>(</rp><rt>こおり</rt><rp>)</rp></ruby> and <ruby>雪<rt>ゆき</rt></ruby> over there, where they know a good deal about it.</p>',
    markdown: 'They call it 氷(こおり) and 雪(ゆき) over there, where they know a good deal about it.',
    text: 'They call it 氷(こおり) and 雪(ゆき) over there, where they know a good deal about it.',
  },
  {
    name: 'a reference to a note is not glued to its word',
    html: `<p>Nobody was hurt in the thaw<sup id="r1"><a href="#f1">1</a></sup>, the harbour master says in his yearly report.</p>`,
    markdown: `Nobody was hurt in the thaw[\\[1\\]](${PAGE_URL}#f1), the harbour master says in his yearly report.`,
    text: 'Nobody was hurt in the thaw[1], the harbour master says in his yearly report.',
  },
  {
    name: 'what a shadow root shows is content, and its slots are filled where they stand',
    html: `<div><template shadowrootmode="open"><p>In the shadow: ${PAID}</p><slot></slot><slot name="end"><p>${FISH}</p></slot></template>
      <p slot="end">At the end: ${THAW}</p><p>In the light: the mill closed its gates in January, says the miller.</p></div>`,
    markdown: `In the shadow: ${PAID}\n\nIn the light: the mill closed its gates in January, says the miller.\n\nAt the end: ${THAW}`,
    text: `In the shadow: ${PAID}\n\nIn the light: the mill closed its gates in January, says the miller.\n\nAt the end: ${THAW}`,
  },
  {
    name: 'emphasis, deletions and line ends are kept',
    html: `<p>It was <em>very</em> <strong>cold</strong>, <b><i>so</i></b> cold that <del>nobody</del> few dared<br>to go out, and <strong> spaced </strong>words stand apart.</p>`,
    markdown:
      'It was *very* **cold**, **_so_** cold that ~~nobody~~ few dared\\\nto go out, and **spaced** words stand apart.',
    text: 'It was very cold, so cold that nobody few dared\nto go out, and spaced words stand apart.',
  },
  {
    name: 'what a template, a style or a script holds is not shown',
    html: `<template><p>${FISH}</p></template><style>p { color: red }</style><script>go()</script><p>${PAID}</p>`,
    markdown: PAID,
    text: PAID,
  },
];

const LIST = `<ul><li>One boat sank<ul><li>It was old</li><li>It was empty<ol><li>Quite</li></ol></li></ul></li><li>Others did not</li></ul>`;
const SPAN = `<table><tr><th colspan="2">Where</th><th>Ice</th></tr><tr><td>Lindholm</td><td>Quay</td><td>12</td></tr>
  <tr><td>Aas</td><td colspan="2">unknown</td></tr></table>`;

/** Short pieces, of which mode `article` may leave some out. */
const SHORT_CASES: readonly Case[] = [
  {
    name: 'lists within lists are indented',
    html: LIST,
    markdown: '- One boat sank\n  - It was old\n  - It was empty\n    1. Quite\n- Others did not',
    text: 'One boat sank\nIt was old\nIt was empty\nQuite\nOthers did not',
  },
  {
    name: 'a list item may have its own number',
    html: '<ol><li>First</li><li value="7">Seventh</li><li>Eighth</li></ol>',
    markdown: '1. First\n7. Seventh\n8. Eighth',
    text: 'First\nSeventh\nEighth',
  },
  {
    name: 'a cell that spans columns is one cell',
    html: SPAN,
    markdown: '| Where | | Ice |\n| --- | --- | --- |\n| Lindholm | Quay | 12 |\n| Aas | unknown | |',
    text: 'Where\tIce\nLindholm\tQuay\t12\nAas\tunknown',
  },
  {
    name: 'lines and bars within a cell stay within it',
    html: '<table><tr><th>a|b</th><th>c</th></tr><tr><td><p>one</p><p>two</p></td><td><ul><li>x</li><li>y</li></ul></td></tr></table>',
    markdown: '| a\\|b | c |\n| --- | --- |\n| one two | x y |',
    text: 'a|b\tc\none two\tx y',
  },
  {
    name: 'the caption of a table stands apart from its cells',
    html: '<table><caption>Ice by day</caption><thead><tr><th>Port</th><th>Day</th></tr></thead><tbody><tr><td>Lindholm</td><td>Monday</td></tr></tbody></table>',
    markdown: 'Ice by day\n\n| Port | Day |\n| --- | --- |\n| Lindholm | Monday |',
    text: 'Ice by day\n\nPort\tDay\nLindholm\tMonday',
  },
  {
    name: 'a callout is a quotation, its title in bold',
    html: `<div class="admonition note"><p class="admonition-title">Note</p><p>${THAW}</p></div>`,
    markdown: `> **Note**\n>\n> ${THAW}`,
    text: `Note\n\n${THAW}`,
  },
  {
    name: 'terms may share what they mean',
    html: '<dl><div><dt>Frazil</dt><dt>Slush</dt><dd>Needles of ice.</dd><dd>Also: grease ice.</dd></div></dl>',
    markdown: '**Frazil**\n\n**Slush**\n\nNeedles of ice.\n\nAlso: grease ice.',
    text: 'Frazil\nSlush\nNeedles of ice.\nAlso: grease ice.',
  },
  {
    name: 'an element may be a heading by its role',
    html: `<div role="heading" aria-level="3">Who fishes</div><p>${FISH}</p>`,
    markdown: `### Who fishes\n\n${FISH}`,
    text: `Who fishes\n\n${FISH}`,
  },
  {
    name: 'notes are a list, without the way back',
    html: `<section><ol><li id="f1"><p>But for one gull, which was hurt by a journalist. <a href="#r1">↩</a></p></li></ol></section>`,
    markdown: '1. But for one gull, which was hurt by a journalist.',
    text: 'But for one gull, which was hurt by a journalist.',
  },
];

describe.each<Both>(['article', 'full'])('in mode %s', (mode) => {
  test.each(CASES)('$name', async ({ html, markdown, text }) => {
    expect(await shown(html, mode)).toEqual({ markdown, text });
  });
});

describe('of short pieces', () => {
  test.each(SHORT_CASES)('$name', async ({ html, markdown, text }) => {
    expect(await shown(html, 'full')).toEqual({ markdown, text });
  });

  test.each(SHORT_CASES)('in mode custom as in mode full: $name', async ({ html, markdown, text }) => {
    const answer = await extractor.extract(page(`<div id="it">${html}</div>`), PAGE_URL, {
      tag: 'custom',
      val: ['#it'],
    });
    expect({ markdown: answer.markdown.trim(), text: answer.text.trim() }).toEqual({ markdown, text });
  });
});

test('mode article leaves out menu and footer, which mode full has', async () => {
  const html = page(`<p>${PAID}</p>`);
  const [article, full] = [await extractor.extract(html, PAGE_URL), await extractor.extract(html, PAGE_URL, 'full')];
  for (const part of ['Home', 'Printed in the harbour']) {
    expect(article.text).not.toContain(part);
    expect(article.markdown).not.toContain(part);
    expect(full.text).toContain(part);
  }
  expect(article.markdown).toMatch(/^# Ice\n/);
  expect(article.text).toMatch(/^Ice\n/);
});

describe('text that looks like Markdown is text', () => {
  const LINES = [
    '# Not a heading, *not emphasis*, _nor this_, [not](a-link), `not code`, 1 * 2 * 3, a_b_c, ~~no~~ and ![no](picture).',
    '1. Not a list at all, only a sentence that begins with a number',
    '- Not a list either, only a dash before a sentence',
    '+ Nor this, which begins with a plus and goes on',
    '> Not a quotation, only a sign before a sentence',
    '<b>Not bold</b>, and <script>alert(1)</script> is text as well',
    '&amp; is written out here, and so is \\* with its backslash',
    '``` is no fence, and nothing after it is code',
    '[note]: https://paper.example/ is no definition of an address',
    'https://paper.example/?a_b=1&c_d=2 is an address in a sentence',
  ];
  const ESCAPED = [
    '\\# Not a heading, \\*not emphasis\\*, \\_nor this\\_, [not\\](a-link), \\`not code\\`, 1 * 2 * 3, a_b_c, \\~\\~no\\~\\~ and \\![no\\](picture).',
    '1\\. Not a list at all, only a sentence that begins with a number',
    '\\- Not a list either, only a dash before a sentence',
    '\\+ Nor this, which begins with a plus and goes on',
    '\\> Not a quotation, only a sign before a sentence',
    '\\<b>Not bold\\</b>, and \\<script>alert(1)\\</script> is text as well',
    '\\&amp; is written out here, and so is \\\\\\* with its backslash',
    '\\`\\`\\` is no fence, and nothing after it is code',
  ];

  test.each<Both>(['article', 'full'])('in mode %s', async (mode) => {
    const escaped = (line: string) => line.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    const answer = await shown(LINES.map((line) => `<p>${escaped(line)}</p>`).join(''), mode);
    expect(answer.text.split('\n\n')).toEqual(LINES);
    const paragraphs = answer.markdown.split('\n\n');
    expect(paragraphs.slice(0, ESCAPED.length)).toEqual(ESCAPED);
    expect(paragraphs[ESCAPED.length]).toMatch(/^(\\\[|\[note\\\])/);
  });

  test('in headings, links, pictures and cells too', async () => {
    const html = `<h2># *One* | two</h2><p><a href="/a">a ] *b*</a> <img src="/i.png" alt="c ] _d_ ![e]"></p>
      <table><tr><th>f | g</th><th>h</th></tr><tr><td>*i*</td><td>[j](k)</td></tr></table>`;
    const { markdown } = await shown(html, 'full');
    const [heading, links, table] = markdown.split('\n\n');
    expect(heading).toBe('## # \\*One\\* | two');
    expect(links).toBe(
      '[a \\] \\*b\\*](https://paper.example/a) ![c \\] \\_d\\_ \\!\\[e\\]](https://paper.example/i.png)',
    );
    expect(table).toBe('| f \\| g | h |\n| --- | --- |\n| \\*i\\* | [j\\](k) |');
  });
});
