// The extractor's text and metadata against labelled pages, with floors just under what was reached.
// Most of the pages are the model's own training pages; crates/page/model/README.md has the scores on pages it has not seen.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createExtractor } from '../dist/index.js';
import { PAGES, score } from '../scripts/score-extractor.mjs';

const FLOORS = {
  wcxb: {
    f1: {
      article: 0.965,
      collection: 0.83,
      documentation: 0.94,
      forum: 0.84,
      listing: 0.82,
      product: 0.77,
      service: 0.885,
      all: 0.91,
    },
    metadata: { title: 0.79, author: 0.825, date: 0.88 },
  },
  articles: { f1: 0.975 },
  readability: { f1: 0.89 },
};

const absent = existsSync(PAGES) ? undefined : `the labelled pages are not here (${PAGES})`;

describe('on labelled pages', () => {
  test('text and metadata are as right as they were', { timeout: 300_000 }, async ({ skip }) => {
    skip(absent !== undefined, absent);
    const extractor = await createExtractor({ env: false });
    const scores = await score(extractor, PAGES);
    await extractor.close();
    expect(scores.wcxb?.pages).toBe(1_497);
    const { wcxb, articles, readability } = scores;
    for (const [kind, floor] of Object.entries(FLOORS.wcxb.f1)) {
      expect(wcxb?.f1[kind], `F1 of ${kind} pages`).toBeGreaterThan(floor);
    }
    for (const [field, floor] of Object.entries(FLOORS.wcxb.metadata)) {
      expect(wcxb?.metadata[field], `share of right ${field}s`).toBeGreaterThan(floor);
    }
    expect(articles?.f1).toBeGreaterThan(FLOORS.articles.f1);
    expect(readability?.f1).toBeGreaterThan(FLOORS.readability.f1);
  });
});
