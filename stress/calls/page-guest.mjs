// The extractor on small pages, and the outcome that each of its calls must have.
import { ExtractionError } from '../../dist/index.js';
import { answers, fails } from './outcomes.mjs';

const page = (id) => `<!doctype html><html lang="en"><head><title>Page ${id}</title></head><body>
  <nav><a href="/menu">Menu</a></nav><article><h1>Page ${id}</h1>
  <p>Tide ${id} comes in twice a day, and with it come the small boats that fish the bay, each with its own lamp.</p>
  <p>A harbour is a place of waiting: for water, for weather, for the price of herring to rise by a penny or two.
  <a href="${id}/next">Next</a></p></article></body></html>`;

/** The calls: made by the extractor, over its pool. */
export const pages = {
  extract: (id) => ({
    submit: ({ extractor }, options) => extractor.extract(page(id), `https://example.com/${id}`, 'article', options),
    allowed: [
      answers(
        ({ url, title, text, markdown, links, wordCount }) =>
          url === `https://example.com/${id}` &&
          title === `Page ${id}` &&
          text.startsWith(`Page ${id}\n\nTide ${id} comes in`) &&
          markdown.endsWith(`[Next](https://example.com/${id}/next)`) &&
          links.some((link) => link.url === `https://example.com/${id}/next` && link.text === 'Next') &&
          wordCount === 49,
      ),
    ],
  }),

  /** Selectors that are none. */
  refuse: (id) => ({
    submit: ({ extractor }, options) => extractor.extract(page(id), '', { tag: 'custom', val: [`p[[${id}`] }, options),
    allowed: [
      fails(
        'ERR_GUEST',
        {},
        {
          class: ExtractionError,
          payload: ({ tag, val }) => tag === 'unsupported-mode' && val.startsWith(`\`p[[${id}\``),
        },
      ),
    ],
  }),
};
