import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor } from '../dist/index.js';
import { between, PAGE_URL, page } from './extraction-support.js';

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false });
});
afterAll(() => extractor.destroy());

const MODES = ['article', 'full'] as const;

async function shown(inner: string, mode: (typeof MODES)[number]) {
  const { markdown, text } = await extractor.extract(page(inner), PAGE_URL, mode);
  return { markdown: between(markdown), text: between(text) };
}

const LINES = ['def thickness(days):', '    if days < 3:', '        return 0'];
const PYTHON = LINES.join('\n');
const escaped = LINES.map((line) => line.replace('<', '&lt;'));

/** How pages set the same three lines, and the language that they name. */
const BLOCKS: readonly [name: string, html: string, language: string][] = [
  ['in pre', `<pre>${escaped.join('\n')}</pre>`, ''],
  ['after a line end', `<pre>\n${escaped.join('\n')}\n</pre>`, ''],
  ['of a class', `<pre><code class="language-python">${escaped.join('\n')}</code></pre>`, 'python'],
  ['of a class of pre', `<pre class="lang-python"><code>${escaped.join('\n')}</code></pre>`, 'python'],
  ['of a class around', `<div class="highlight-source-python"><pre>${escaped.join('\n')}</pre></div>`, 'python'],
  ['of a class by itself', `<pre><code class="hljs python">${escaped.join('\n')}</code></pre>`, 'python'],
  ['of a class in a list', `<pre class="sourceCode python"><code>${escaped.join('\n')}</code></pre>`, 'python'],
  ['of a brush', `<pre class="brush: python; toolbar: false">${escaped.join('\n')}</pre>`, 'python'],
  ['of an attribute', `<pre data-lang="python">${escaped.join('\n')}</pre>`, 'python'],
  ['of the attribute lang', `<pre lang="python"><code>${escaped.join('\n')}</code></pre>`, 'python'],
  ['in br lines', `<pre><code class="language-python">${escaped.join('<br>')}</code></pre>`, 'python'],
  ['in div lines', `<pre><code>${escaped.map((line) => `<div>${line}</div>`).join('')}</code></pre>`, ''],
  [
    'in coloured words',
    `<pre><code>${escaped.map((line) => line.replace(/(def|if|return)/, '<span class="k">$1</span>')).join('\n')}</code></pre>`,
    '',
  ],
  [
    'with numbers in spans',
    `<pre><code class="language-python">${escaped.map((line, n) => `<span class="line"><span class="lineno">${n + 1}</span>${line}</span>`).join('\n')}</code></pre>`,
    'python',
  ],
  [
    'with numbers in a cell beside',
    `<table class="highlighttable"><tbody><tr><td class="linenos"><div><pre><span>1</span>\n<span>2</span>\n<span>3</span></pre></div></td>
      <td class="code"><div><pre><code>${escaped.join('\n')}</code></pre></div></td></tr></tbody></table>`,
    '',
  ],
  [
    'under a button that copies',
    `<div class="code"><button>Copy</button><pre><code>${escaped.join('\n')}</code></pre></div>`,
    '',
  ],
];

describe.each(MODES)('code in mode %s', (mode) => {
  test.each(BLOCKS)('%s', async (name, html, language) => {
    const { markdown, text } = await shown(html, mode);
    const button = name.includes('button') && mode === 'full' ? 'Copy\n\n' : '';
    expect(markdown).toBe(`${button}\`\`\`${language}\n${PYTHON}\n\`\`\``);
    expect(text).toBe(button + PYTHON);
  });

  test('that holds a fence stands in a longer one', async () => {
    const fence = '```\nfenced, and a line of words that goes on\n```';
    const { markdown, text } = await shown(`<pre><code>${fence}</code></pre>`, mode);
    expect(markdown).toBe(`\`\`\`\`\n${fence}\n\`\`\`\``);
    expect(text).toBe(fence);
  });

  test('in a line keeps its ticks', async () => {
    const { markdown, text } = await shown(
      '<p>In a line <code>a * b</code>, <code>a ` b</code> and <code>``</code> stand as they are written.</p>',
      mode,
    );
    expect(markdown).toBe('In a line `a * b`, ``a ` b`` and ``` `` ``` stand as they are written.');
    expect(text).toBe('In a line a * b, a ` b and `` stand as they are written.');
  });
});

const AROUND = (formula: string) =>
  `<p>The ice is ${formula} thick after so many days of frost, as everybody knows who has walked on it.</p>`;
const TEX = '<annotation encoding="application/x-tex">a^2 + b</annotation>';
const MROW = '<mrow><msup><mi>a</mi><mn>2</mn></msup><mo>+</mo><mi>b</mi></mrow>';

describe.each(MODES)('a formula in mode %s', (mode) => {
  test.each([
    ['with its TeX', `<math><semantics>${MROW}${TEX}</semantics></math>`],
    ['with its TeX and no semantics', `<math>${MROW}${TEX}</math>`],
    ['of a script', '<script type="math/tex">a^2 + b</script>'],
    [
      'that KaTeX wrote twice',
      `<span class="katex"><span class="katex-mathml"><math><semantics>${MROW}${TEX}</semantics></math></span>
        <span class="katex-html" aria-hidden="true"><span class="base">a<span>2</span>+</span><span class="base">b</span></span></span>`,
    ],
    [
      'that MathJax wrote twice',
      `<mjx-container><mjx-math aria-hidden="true">a2+b</mjx-math><mjx-assistive-mml><math><semantics>${MROW}${TEX}</semantics></math></mjx-assistive-mml></mjx-container>`,
    ],
  ])('%s is its TeX, once', async (_, formula) => {
    const { markdown, text } = await shown(AROUND(formula), mode);
    const sentence = 'The ice is a^2 + b thick after so many days of frost, as everybody knows who has walked on it.';
    expect(text.replace(/\s+/g, ' ')).toBe(sentence);
    expect(markdown.replace(/[\\$]/g, '').replace(/\s+/g, ' ')).toBe(sentence);
  });

  test('without TeX is what it shows, once', async () => {
    const { markdown, text } = await shown(AROUND(`<math>${MROW}</math>`), mode);
    const sentence = /^The ice is a\s?\^?\{?2\}? ?\+ ?b thick after/;
    expect(text).toMatch(sentence);
    expect(markdown.replace(/[\\$]/g, '')).toMatch(sentence);
  });
});
