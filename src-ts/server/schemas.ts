// The shapes of requests and answers, as JSON Schema: Fastify checks requests by them, the description shows both.
import { MODES } from '../modes.js';

/** An address longer than this is none that a browser would take. */
const URL = { type: 'string', maxLength: 8_192 } as const;
const SELECTOR = { type: 'string', minLength: 1, maxLength: 1_024 } as const;
const MAX_SELECTORS = 64;
const MODE = { enum: MODES, description: 'Which part of the page; custom where there are only selectors.' } as const;

export const QUERY = {
  type: 'object',
  properties: {
    url: { ...URL, description: "The page's address, http: or https:, which its links are resolved against." },
    mode: MODE,
    selector: {
      description: 'A CSS selector of mode custom; may be given several times.',
      anyOf: [SELECTOR, { type: 'array', items: SELECTOR, maxItems: MAX_SELECTORS }],
    },
  },
  additionalProperties: false,
} as const;

export const JSON_BODY = {
  type: 'object',
  properties: {
    html: { type: 'string', description: 'The page.' },
    url: {
      ...URL,
      description: 'Its address, http: or https:; without html, the page that is fetched, where the server may.',
    },
    mode: MODE,
    selectors: { type: 'array', items: SELECTOR, maxItems: MAX_SELECTORS, description: 'Of mode custom.' },
  },
  anyOf: [{ required: ['html'] }, { required: ['url'] }],
  additionalProperties: false,
} as const;

const TEXT = { type: 'string' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;

function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

export const EXTRACTED = object(
  {
    url: TEXT,
    title: TEXT,
    byline: TEXT,
    publishedIso: TEXT,
    markdown: TEXT,
    text: TEXT,
    links: { type: 'array', items: object({ url: TEXT, text: TEXT, rel: TEXT }, ['rel']) },
    media: {
      type: 'array',
      items: object({ kind: { enum: ['image', 'video', 'audio'] }, url: TEXT, alt: TEXT }, ['alt']),
    },
    language: TEXT,
    readingTime: COUNT,
    qualityScore: { type: 'integer', minimum: 0, maximum: 100 },
    wordCount: COUNT,
    categories: { type: 'array', items: TEXT },
    siteName: TEXT,
    description: TEXT,
  },
  ['title', 'byline', 'publishedIso', 'language', 'siteName', 'description'],
);

export const FAILURE = object({ statusCode: { type: 'integer' }, code: TEXT, error: TEXT, message: TEXT });

const MEMORY = object({
  currentBytes: COUNT,
  currentPages: COUNT,
  peakPages: COUNT,
  maxPages: COUNT,
  growRequests: COUNT,
  growFailures: COUNT,
  residentBytes: COUNT,
});

export const HEALTH = object({
  status: { const: 'ok' },
  uptimeSeconds: { type: 'number', minimum: 0 },
  memory: MEMORY,
});

export const READY = object({
  status: { enum: ['ready', 'unready'] },
  reasons: { type: 'array', items: object({ code: TEXT, message: TEXT }) },
  memory: MEMORY,
  pool: object({
    size: COUNT,
    idle: COUNT,
    active: COUNT,
    waiting: COUNT,
    max: COUNT,
    maxQueue: { type: ['integer', 'null'], minimum: 0 },
  }),
  breaker: {
    oneOf: [
      { type: 'null' },
      object({
        state: { enum: ['closed', 'open', 'halfOpen'] },
        resetMillis: { type: 'number', minimum: 0 },
        successes: COUNT,
        failures: COUNT,
        rejected: COUNT,
        opened: COUNT,
      }),
    ],
  },
  cache: object({ enabled: { type: 'boolean' }, hits: COUNT, misses: COUNT, entries: COUNT, bytes: COUNT }),
  coldStart: object({
    targetMillis: { type: 'number' },
    lastMillis: { type: ['number', 'null'] },
    slowStarts: COUNT,
  }),
});
