// `npm run score:extractor`: the extractor's text and metadata against labelled pages, as tables.
//
//   --pages FOLDER  with the sets `wcxb`, `articles` and `readability`; ../shared/pages without it
//   --json          JSON instead of the tables
//
// `wcxb` is the development split of WCXB (CC-BY-4.0), `articles` that of the article extraction benchmark of Zyte,
// `readability` the test pages of Mozilla's Readability.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { createExtractor } from '../dist/index.js';
import { isMain, main, root } from './lib.mjs';

/** Where the sets are on a machine that has them. */
export const PAGES = path.join(root, '..', 'shared', 'pages');

const unzipped = (file) => gunzipSync(readFileSync(file));
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const words = (text) => (text ?? '').toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

function counted(list) {
  const counts = new Map();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function inBoth(one, other) {
  let both = 0;
  for (const [item, times] of one) both += Math.min(times, other.get(item) ?? 0);
  return both;
}

/** F1 over bags of words. A page without main text is right if nothing is given. */
function wordF1(given, wanted) {
  const [ours, truth] = [words(given), words(wanted)];
  if (ours.length === 0 || truth.length === 0) return Number(ours.length === truth.length);
  return (2 * inBoth(counted(ours), counted(truth))) / (ours.length + truth.length);
}

/** Runs of four words, in the case they are written in. */
function shingles(text) {
  const list = (text ?? '').match(/[\p{L}\p{N}_]+/gu) ?? [];
  const runs = Array.from({ length: Math.max(1, list.length - 3) }, (_, at) => list.slice(at, at + 4).join(' '));
  return counted(runs.filter((run) => run !== ''));
}

/** Extracts all of these, a few at a time. */
async function extracted(extractor, pages) {
  const results = new Array(pages.length);
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < pages.length; at = next++) {
      const { file, url } = pages[at];
      // A page that is refused has no text.
      results[at] = await extractor.extract(unzipped(file), url).catch((error) => {
        if (error.code !== 'ERR_GUEST') throw error;
        return { text: '' };
      });
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return results;
}

/** Mean F1 by kind of page and over all; of titles, authors and dates the share that is right. */
async function wcxb(extractor, folder) {
  const truths = readdirSync(path.join(folder, 'truth'))
    .sort()
    .map((name) => ({ id: path.basename(name, '.json'), ...json(path.join(folder, 'truth', name)) }));
  const files = truths.map(({ id, url }) => ({ file: path.join(folder, 'html', `${id}.html.gz`), url: url ?? '' }));
  const results = await extracted(extractor, files);
  const rows = results.map(({ text, title, byline, publishedIso }, at) => {
    const { ground_truth: truth, _internal: about } = truths[at];
    const kind = about?.page_type?.primary ?? 'article';
    const same = (given, wanted) => (wanted ? Number(words(given).join(' ') === words(wanted).join(' ')) : undefined);
    const day = truth.publish_date ? String(truth.publish_date).slice(0, 10) : undefined;
    return {
      kind: kind === 'category' ? 'collection' : kind,
      f1: wordF1(text, truth.main_content),
      title: same(title, truth.title),
      author: same(byline, truth.author),
      date: day === undefined ? undefined : Number((publishedIso ?? '').startsWith(day)),
    };
  });
  const kinds = Object.fromEntries(
    [...new Set(rows.map(({ kind }) => kind))]
      .sort()
      .map((kind) => [kind, mean(rows.filter((row) => row.kind === kind).map(({ f1 }) => f1))]),
  );
  const share = (field) => mean(rows.map((row) => row[field]).filter((value) => value !== undefined));
  return {
    pages: rows.length,
    f1: { ...kinds, all: mean(rows.map(({ f1 }) => f1)) },
    metadata: { title: share('title'), author: share('author'), date: share('date') },
  };
}

/** F1 of the mean precision and the mean recall over runs of four words. */
async function articles(extractor, folder) {
  const truths = Object.entries(json(path.join(folder, '..', 'articles.json')));
  const files = truths.map(([id, { url }]) => ({ file: path.join(folder, `${id}.html.gz`), url }));
  const results = await extracted(extractor, files);
  const [precisions, recalls] = [[], []];
  results.forEach(({ text }, at) => {
    const [ours, truth] = [shingles(text), shingles(truths[at][1].articleBody)];
    const total = (counts) => [...counts.values()].reduce((sum, times) => sum + times, 0);
    const both = inBoth(ours, truth);
    if (total(ours) > 0) precisions.push(both / total(ours));
    if (total(truth) > 0) recalls.push(both / total(truth));
  });
  const [precision, recall] = [mean(precisions), mean(recalls)];
  return { pages: results.length, precision, recall, f1: (2 * precision * recall) / (precision + recall) };
}

/** Mean F1 over bags of words against what Readability's tests expect, and the share of titles that are the same. */
async function readability(extractor, folder) {
  const names = readdirSync(folder).sort();
  const files = names.map((name) => ({
    file: path.join(folder, name, 'source.html.gz'),
    url: 'http://fakehost/test/page.html',
  }));
  const results = await extracted(extractor, files);
  const rows = await Promise.all(
    names.map(async (name, at) => {
      const expected = unzipped(path.join(folder, name, 'expected.html.gz'));
      const { text } = await extractor.extract(expected, '', 'full').catch(() => ({ text: '' }));
      return wordF1(results[at].text, text);
    }),
  );
  return { pages: rows.length, f1: mean(rows) };
}

const SETS = { wcxb, articles, readability };

/** The scores of the sets that are in `folder`. */
export async function score(extractor, folder) {
  /** @type {Record<string, any>} */
  const scores = {};
  for (const [name, run] of Object.entries(SETS)) {
    const set = path.join(folder, name);
    if (existsSync(set)) scores[name] = await run(extractor, set);
  }
  return scores;
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { values } = parseArgs({ options: { pages: { type: 'string' }, json: { type: 'boolean' } } });
    const extractor = await createExtractor({ env: false });
    const scores = await score(extractor, values.pages ?? PAGES);
    await extractor.close();
    if (values.json) {
      console.log(JSON.stringify(scores, undefined, 2));
      return;
    }
    const shown = (numbers) =>
      Object.entries(numbers)
        .map(([name, number]) => `${name} ${number.toFixed(3)}`)
        .join('  ');
    for (const [name, { pages, metadata, ...rest }] of Object.entries(scores)) {
      const { f1, ...others } = rest;
      console.log(`${name}, ${pages} pages: F1 ${typeof f1 === 'number' ? shown({ all: f1, ...others }) : shown(f1)}`);
      if (metadata !== undefined) console.log(`  right: ${shown(metadata)}`);
    }
  });
}
