// The extractor's text and metadata against labelled pages, with floors just under what was reached.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createExtractor } from '../dist/index.js';
import { PAGES, score } from '../scripts/score-extractor.mjs';

const FLOORS = {
  wcxb: {
    f1: {
      article: 0.92,
      collection: 0.49,
      documentation: 0.91,
      forum: 0.47,
      listing: 0.53,
      product: 0.49,
      service: 0.73,
      all: 0.77,
    },
    metadata: { title: 0.49, author: 0.55, date: 0.57 },
  },
  articles: { f1: 0.96 },
  readability: { f1: 0.9 },
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
