// How an extraction's time and memory grow with its page, in fresh instances.
import { performance } from 'node:perf_hooks';
import { createExtractor } from '../dist/index.js';

const PARAGRAPH = '<p>Spring tides follow the full moon, and <a href="/neap">neap tides</a> the half of it.</p>\n';
const page = (body) => `<!doctype html><title>Tides</title><body><article><h1>Tides</h1>\n${body}</article>`;

/** Pages of growing size, depth and number of attributes. */
const KINDS = {
  size: {
    steps: [10_000, 100_000, 1_000_000, 10_000_000, 30_000_000],
    make: (of) => page(PARAGRAPH.repeat(of / PARAGRAPH.length)),
  },
  depth: { steps: [10, 100, 1_000, 10_000], make: (of) => page(`${'<div>'.repeat(of)}${PARAGRAPH}`) },
  attributes: {
    steps: [1, 1_000, 10_000, 100_000],
    make: (of) => page(`<div ${Array.from({ length: of }, (_, n) => `a${n}=b`).join(' ')}>${PARAGRAPH}</div>`),
  },
};

/** `what` grew to `of`: milliseconds, bytes of the page and pages of memory afterwards; or why the page is refused. */
export async function growth({ quick }) {
  const extractor = await createExtractor({
    env: false,
    min: 1,
    max: 1,
    cache: false,
    reuse: false,
    timeoutMillis: 600_000,
    maxMemoryPages: 16_384,
  });
  const found = [];
  for (const [what, { steps, make }] of Object.entries(KINDS)) {
    for (const of of quick ? steps.slice(0, -1) : steps) {
      const bytes = Buffer.from(make(of));
      const millis = [];
      let pages;
      let refusal;
      for (let round = 0; round < 3 && refusal === undefined; round++) {
        const began = performance.now();
        try {
          pages = (await extractor.extractWithStats(bytes)).stats.memoryPages;
          millis.push(performance.now() - began);
        } catch (error) {
          if (error.code !== 'ERR_GUEST') throw error;
          refusal = error.message;
        }
      }
      found.push({ what, of, bytes: bytes.length, pages, millis: Math.min(...millis), refusal });
    }
  }
  await extractor.close();
  return found;
}
