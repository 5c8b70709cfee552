import { buildInfo } from '../native.js';
import { EXTRACTED, FAILURE, HEALTH, JSON_BODY, QUERY, READY } from './schemas.js';

const RETRY_AFTER = { 'retry-after': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } };

const PAGE = '<article><h1>Tides</h1><p>The sea rises and falls twice a day.</p></article>';

const FAILURES: Readonly<Record<number, string>> = {
  400: 'The request or its body is malformed, or asks for what there is not.',
  403: 'The page may not be fetched: fetching is off, or its address is not public.',
  406: 'None of the media types that are accepted is there.',
  408: 'The body did not arrive in time.',
  413: 'The body or the fetched page is too large.',
  415: 'The body has a media type or an encoding that is not taken.',
  417: 'Something else than 100-continue is expected.',
  421: 'The server is called by a name that is not its own.',
  431: 'The address with its query, or the headers, are too large.',
  422: 'The page gives nothing, or takes too much: `code` and `message` say which.',
  500: 'A fault of the server.',
  502: 'The page could not be fetched.',
  503: 'The server takes no page now: its queue is full, too many pages failed, or memory is short.',
  504: 'The request took too long.',
};

/** Refusals that any request may get. */
const COMMON = failures(400, 417, 421, 431);

/** The server's description, in OpenAPI 3.1. */
export function openApi(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'riptide-wasm',
      version: buildInfo().version,
      description: 'HTML to article text, Markdown, links and metadata, by a WebAssembly component in Wasmtime.',
      license: { name: 'MIT OR Apache-2.0' },
    },
    paths: {
      '/extract': { post: extract() },
      '/health': {
        get: {
          operationId: 'health',
          summary: 'Whether the process answers, with its memory.',
          responses: { 200: answer('It does.', HEALTH), ...COMMON },
        },
      },
      '/ready': {
        get: {
          operationId: 'ready',
          summary: 'Whether pages are taken now, with what that depends on.',
          responses: {
            200: answer('They are.', READY),
            503: { ...answer('They are not, for the reasons given.', READY), headers: RETRY_AFTER },
            ...COMMON,
          },
        },
      },
      '/metrics': {
        get: {
          operationId: 'metrics',
          summary: "Prometheus's page.",
          responses: {
            200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } },
            ...COMMON,
          },
        },
      },
      '/openapi.json': {
        get: {
          operationId: 'openapi',
          summary: 'This description.',
          responses: { 200: answer('It.', { type: 'object' }), ...COMMON },
        },
      },
    },
    components: { schemas: { Extracted: EXTRACTED, Failure: FAILURE } },
  };
}

function extract(): object {
  return {
    operationId: 'extract',
    summary: 'Extracts a page.',
    description: 'The page is the body, or a field of it. What stands in a JSON body comes before the query.',
    parameters: Object.entries(QUERY.properties).map(([name, schema]) => ({ name, in: 'query', schema })),
    requestBody: {
      required: true,
      content: {
        // Any text is a page, so there is no schema for it.
        'text/html': { example: PAGE },
        'application/xhtml+xml': { example: PAGE },
        'application/json': { schema: JSON_BODY, example: { html: PAGE, url: 'https://example.com/tides' } },
      },
    },
    responses: {
      200: {
        description: 'What was extracted, in the media type that is accepted most.',
        headers: {
          'server-timing': {
            description: 'Milliseconds that extracting took, with its wait, and fetching: extract;dur=3.2',
            schema: { type: 'string' },
          },
        },
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/Extracted' } },
          'text/markdown': { schema: { type: 'string' } },
          'text/plain': { schema: { type: 'string' } },
        },
      },
      ...failures(...Object.keys(FAILURES).map(Number)),
    },
  };
}

function answer(description: string, schema: object): object {
  return { description, content: { 'application/json': { schema } } };
}

function failures(...statusCodes: number[]): Record<number, object> {
  return Object.fromEntries(
    statusCodes.map((statusCode) => [
      statusCode,
      {
        ...answer(FAILURES[statusCode] as string, { $ref: '#/components/schemas/Failure' }),
        ...(statusCode === 503 && { headers: RETRY_AFTER }),
      },
    ]),
  );
}
