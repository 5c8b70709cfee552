import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExtractor, type Extractor } from '../dist/index.js';
import { PAGE_URL, type PageParts, page } from './extraction-support.js';

let extractor: Extractor;
beforeAll(async () => {
  extractor = await createExtractor({ env: false });
});
afterAll(() => extractor.destroy());

/** What a page says about itself; the same in every mode. */
async function metadata(parts: PageParts, inner = '', url = PAGE_URL) {
  const heading = inner === '' ? {} : { heading: `<h1>${parts.title ?? 'Ice'}</h1>${inner}` };
  const html = page('', { ...heading, ...parts });
  const inMode = async (mode: 'metadata' | 'article' | 'full') => {
    const answer = await extractor.extract(html, url, mode);
    const { title, byline, publishedIso, siteName, description, language, categories } = answer;
    return { title, byline, publishedIso, siteName, description, language, categories };
  };
  const answer = await inMode('metadata');
  expect(await inMode('article')).toEqual(answer);
  expect(await inMode('full')).toEqual(answer);
  return answer;
}

const jsonLd = (value: unknown) => `<script type="application/ld+json">${JSON.stringify(value)}</script>`;
const meta = (name: string, content: string) => `<meta name="${name}" content="${content}">`;
const property = (name: string, content: string) => `<meta property="${name}" content="${content}">`;
const ARTICLE = { '@context': 'https://schema.org', '@type': 'NewsArticle', headline: 'Ice' };

describe('JSON-LD', () => {
  test('with a graph is followed from item to item', async () => {
    const graph = [
      { '@type': 'WebPage', '@id': '#page' },
      {
        '@type': 'Article',
        headline: 'Ice',
        datePublished: '2026-02-20T07:30:00+01:00',
        author: { '@id': '#p1' },
        publisher: { '@id': '#org' },
      },
      { '@type': 'Organization', '@id': '#org', name: 'The Lindholm Post' },
      { '@type': 'Person', '@id': '#p1', name: 'Mara Tveit' },
    ];
    expect(await metadata({ head: jsonLd({ '@context': 'https://schema.org', '@graph': graph }) })).toMatchObject({
      title: 'Ice',
      byline: 'Mara Tveit',
      publishedIso: '2026-02-20T07:30:00+01:00',
      siteName: 'The Lindholm Post',
    });
  });

  test('with a list of items and authors is read item by item', async () => {
    const items = [
      { '@type': 'BreadcrumbList', name: 'Breadcrumbs' },
      {
        ...ARTICLE,
        author: [
          { '@type': 'Person', name: 'Mara Tveit' },
          { '@type': 'Person', name: 'Jon Aas' },
        ],
        datePublished: '2026-02-20',
        articleSection: 'Weather',
        keywords: 'ice, harbour',
        inLanguage: 'en-GB',
        description: 'On the ice.',
        publisher: { name: 'The Post' },
      },
    ];
    expect(await metadata({ head: jsonLd(items), html: '' })).toMatchObject({
      byline: 'Mara Tveit, Jon Aas',
      publishedIso: '2026-02-20',
      siteName: 'The Post',
      description: 'On the ice.',
      language: 'en-GB',
      categories: ['Weather', 'ice', 'harbour'],
    });
  });

  test('with a list of types, authors and keywords as texts is read', async () => {
    const item = {
      ...ARTICLE,
      '@type': ['Article', 'BlogPosting'],
      author: ['Mara Tveit', 'Jon Aas'],
      keywords: ['ice'],
    };
    expect(await metadata({ head: jsonLd(item) })).toMatchObject({
      byline: 'Mara Tveit, Jon Aas',
      categories: ['ice'],
    });
  });

  test('may name its author as text', async () => {
    expect(await metadata({ head: jsonLd({ ...ARTICLE, author: 'Mara Tveit' }) })).toMatchObject({
      byline: 'Mara Tveit',
    });
  });

  test('may have values that begin with an at sign', async () => {
    const item = { ...ARTICLE, headline: '@home', author: { name: '@mara' }, description: 'Seen by @mara and "@jon".' };
    expect(await metadata({ head: jsonLd(item), title: '@home', heading: '' })).toMatchObject({
      title: '@home',
      byline: '@mara',
      description: 'Seen by @mara and "@jon".',
    });
  });

  test('may have character references', async () => {
    const item = { ...ARTICLE, author: { name: 'Mara &amp; Jon' }, description: 'Ice &amp; snow' };
    expect(await metadata({ head: jsonLd(item) })).toMatchObject({ byline: 'Mara & Jon', description: 'Ice & snow' });
  });

  test('that is broken or marked as CDATA is read as far as it goes', async () => {
    const script = (text: string) => `<script type="application/ld+json">${text}</script>`;
    const trailing = script('{"@type": "Article", "author": {"name": "Mara Tveit"},}');
    expect(await metadata({ head: trailing })).toMatchObject({ byline: 'Mara Tveit' });
    const cdata = script(`//<![CDATA[\n${JSON.stringify({ ...ARTICLE, author: 'Mara Tveit' })}\n//]]>`);
    expect(await metadata({ head: cdata })).toMatchObject({ byline: 'Mara Tveit' });
    const broken = script('{"@type": "Article", "author": ');
    expect(await metadata({ head: broken + meta('author', 'Jon Aas') })).toMatchObject({ byline: 'Jon Aas' });
  });
});

describe('markup', () => {
  test('of microdata is read', async () => {
    const inner = `<div itemscope itemtype="https://schema.org/Article"><span itemprop="author" itemscope itemtype="https://schema.org/Person">
      <span itemprop="name">Mara Tveit</span></span> <time itemprop="datePublished" datetime="2026-02-20T07:30+01:00">20 February</time>
      <meta itemprop="articleSection" content="Weather"></div>`;
    expect(await metadata({}, inner)).toMatchObject({
      byline: 'Mara Tveit',
      publishedIso: '2026-02-20T07:30:00+01:00',
      categories: ['Weather'],
    });
  });

  test('of RDFa is read', async () => {
    const inner = `<div vocab="https://schema.org/" typeof="Article"><span property="author" typeof="Person"><span property="name">Mara Tveit</span></span>
      <time property="datePublished" datetime="2026-02-20">20 February</time></div>`;
    expect(await metadata({}, inner)).toMatchObject({ byline: 'Mara Tveit', publishedIso: '2026-02-20' });
    const prefixed = property('schema:author', 'Mara Tveit') + property('schema:datePublished', '2026-02-20');
    expect(await metadata({ head: prefixed })).toMatchObject({ byline: 'Mara Tveit', publishedIso: '2026-02-20' });
  });
});

describe('meta elements', () => {
  test.each<[string, string, object]>([
    [
      'of Open Graph',
      property('og:title', 'Ice') +
        property('og:site_name', 'The Lindholm Post') +
        property('og:description', 'On the ice.') +
        property('og:locale', 'en_GB') +
        property('article:published_time', '2026-02-20T07:30:00+01:00') +
        property('article:section', 'Weather') +
        property('article:tag', 'ice') +
        property('article:tag', 'harbour') +
        property('article:author', 'Mara Tveit'),
      {
        title: 'Ice',
        siteName: 'The Lindholm Post',
        description: 'On the ice.',
        language: 'en-GB',
        publishedIso: '2026-02-20T07:30:00+01:00',
        categories: ['Weather', 'ice', 'harbour'],
        byline: 'Mara Tveit',
      },
    ],
    [
      'of Dublin Core',
      meta('DC.title', 'Ice') +
        meta('DC.creator', 'Mara Tveit') +
        meta('dc.date', '2026-02-20') +
        meta('DC.description', 'On the ice.') +
        meta('DC.publisher', 'The Lindholm Post') +
        meta('DC.language', 'en'),
      {
        title: 'Ice',
        byline: 'Mara Tveit',
        publishedIso: '2026-02-20',
        description: 'On the ice.',
        siteName: 'The Lindholm Post',
        language: 'en',
      },
    ],
    [
      'of Dublin Core terms',
      meta('dcterms.creator', 'Mara Tveit') + meta('DCTERMS.issued', '2026-02-20'),
      { byline: 'Mara Tveit', publishedIso: '2026-02-20' },
    ],
    [
      'of Parse.ly',
      meta('parsely-title', 'Ice') +
        meta('parsely-author', 'Mara Tveit') +
        meta('parsely-pub-date', '2026-02-20T06:30:00Z') +
        meta('parsely-section', 'Weather') +
        meta('parsely-tags', 'ice,harbour'),
      {
        byline: 'Mara Tveit',
        publishedIso: '2026-02-20T06:30:00Z',
        categories: ['Weather', 'ice', 'harbour'],
      },
    ],
    [
      'of Sailthru',
      meta('sailthru.author', 'Mara Tveit') +
        meta('sailthru.date', '2026-02-20') +
        meta('sailthru.tags', 'ice, harbour') +
        meta('sailthru.description', 'On the ice.'),
      {
        byline: 'Mara Tveit',
        publishedIso: '2026-02-20',
        categories: ['ice', 'harbour'],
        description: 'On the ice.',
      },
    ],
    [
      'of citations, family names first',
      meta('citation_title', 'Ice') +
        meta('citation_author', 'Tveit, Mara') +
        meta('citation_author', 'Jon Aas') +
        meta('citation_publication_date', '2026/02/20'),
      { title: 'Ice', byline: 'Mara Tveit, Jon Aas', publishedIso: '2026-02-20' },
    ],
    [
      'of two authors beside the address of a profile',
      property('article:author', 'https://social.example/mara') +
        meta('author', 'Mara Tveit') +
        meta('author', 'Jon Aas'),
      { byline: 'Mara Tveit, Jon Aas' },
    ],
    [
      'without content',
      meta('author', '') + meta('author', ' ') + meta('description', '') + property('og:site_name', ''),
      { byline: undefined, description: undefined, siteName: undefined },
    ],
    ['with white space', meta('description', '  On\n the  ice. '), { description: 'On the ice.' }],
    ['of keywords, each once', meta('keywords', 'ice, harbour, ice'), { categories: ['ice', 'harbour'] }],
  ])('%s', async (_, head, expected) => {
    // Where a page declares no language, it is guessed from the text, which mode metadata has none of.
    const html = 'language' in expected ? '' : ' lang="en"';
    expect(await metadata({ head, html })).toMatchObject(expected);
  });
});

describe('a date', () => {
  const published = async (content: string) =>
    (await metadata({ head: property('article:published_time', content) })).publishedIso;

  test.each([
    ['2026-02-20', '2026-02-20'],
    ['2026-02-20T23:30:00-08:00', '2026-02-20T23:30:00-08:00'],
    ['2026-02-20T23:30:00+0100', '2026-02-20T23:30:00+01:00'],
    ['2026-02-20T23:30:00Z', '2026-02-20T23:30:00Z'],
    ['2026-02-20T23:30:00', '2026-02-20T23:30:00'],
    ['Fri, 20 Feb 2026 07:30:00 GMT', '2026-02-20T07:30:00Z'],
  ])('%s has its zone as given', async (content, iso) => {
    expect(await published(content)).toBe(iso);
  });

  test.each(['2026-13-45', 'soon', '0', '99999999999999999999'])('that is none (%s) is left out', async (content) => {
    expect(await published(content)).toBeUndefined();
  });

  test.each([
    [
      'in abbr',
      '<p>Posted at <abbr class="published" title="2026-02-20T00:23:00-04:00">12:23:00 AM</abbr></p>',
      '2026-02-20T00:23:00-04:00',
    ],
    ['in time', '<p><time datetime="2026-02-20T07:30:00+01:00">Friday</time></p>', '2026-02-20T07:30:00+01:00'],
    ['in the text of time', '<p><time>February 20, 2026</time></p>', '2026-02-20'],
    ['beside the author', '<div class="byline">By Mara Tveit | 20 February 2026</div>', '2026-02-20'],
  ])('%s is found', async (_, inner, iso) => {
    expect((await metadata({}, inner)).publishedIso).toBe(iso);
  });

  test('in the address of the page is found', async () => {
    const { publishedIso } = await metadata({}, '', 'https://paper.example/2026/02/20/ice.html');
    expect(publishedIso).toBe('2026-02-20');
  });
});

describe('an author', () => {
  test.each([
    ['By Mara Tveit', '<div class="byline">By Mara Tveit | 20 February 2026</div>', 'en'],
    [
      'a link of the author',
      '<p>By <a rel="author" href="/mara">Mara Tveit</a> on <time>February 20, 2026</time></p>',
      'en',
    ],
    ['Von Mara Tveit', '<div class="autor">Von Mara Tveit, 20. Februar 2026</div>', 'de'],
  ])('of %s', async (_, inner, lang) => {
    expect(await metadata({ html: ` lang="${lang}"` }, inner)).toMatchObject({
      byline: 'Mara Tveit',
      publishedIso: '2026-02-20',
      language: lang,
    });
  });
});

describe('a title', () => {
  test.each([
    [
      'keeps what is behind its colon',
      'Superlong ice: What it is and how you cross it',
      'Superlong ice: What it is and how you cross it',
    ],
    ['loses the name of the site', 'Ice in the harbour – The Lindholm Post', 'Ice in the harbour'],
    ['loses the section and the site', 'Ice in the harbour | Weather | The Lindholm Post', 'Ice in the harbour'],
    ['keeps its hyphens', 'Well-known ice - how to cross it - The Lindholm Post', 'Well-known ice - how to cross it'],
  ])('%s', async (_, title, expected) => {
    const head = property('og:site_name', 'The Lindholm Post');
    const answer = await metadata({ title, head, heading: '<h2>Something else entirely</h2>' });
    expect(answer).toMatchObject({ title: expected, siteName: 'The Lindholm Post' });
  });

  test('is the only h1 where there is one', async () => {
    const answer = await metadata({ title: 'The Lindholm Post', heading: '<h1>Ice in <em>the</em> harbour</h1>' });
    expect(answer.title).toBe('Ice in the harbour');
  });

  test('with references and line ends is one line', async () => {
    const answer = await metadata({ title: 'Ice &amp;\n  snow', heading: '' });
    expect(answer.title).toBe('Ice & snow');
  });
});

describe('a language', () => {
  test.each([
    [' lang="en-GB"', '', 'en-GB'],
    [' xml:lang="de-AT"', '', 'de-AT'],
    ['', '<meta http-equiv="content-language" content="nb-NO">', 'nb-NO'],
    ['', '', 'en'],
  ])('of html%s and %j is found, or guessed', async (html, head, language) => {
    expect((await extractor.extract(page('', { html, head }), PAGE_URL)).language).toBe(language);
  });
});

test('the canonical address is given where the interface has it', async () => {
  const head = '<link rel="canonical" href="/2026/02/ice">';
  const answer = await extractor.extract(page('', { head }), PAGE_URL, 'metadata');
  const { canonical = 'https://paper.example/2026/02/ice' } = answer as { canonical?: string };
  expect(canonical).toBe('https://paper.example/2026/02/ice');
});
