import { type IncomingMessage, STATUS_CODES } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { Histogram } from 'prom-client';
import { createExtractor, Extractor } from '../extractor.js';
import { badOption } from '../options.js';
import { registerMetrics } from '../prometheus.js';
import { publishStatus, type StatusPublisher } from '../status/publish.js';
import { Connections } from './connections.js';
import { Exchange, exchangeOf, Limits } from './exchange.js';
import { type ExtractRoute, extractHandler } from './extract.js';
import { type Answer, answerOf, HUNG_UP, Refusal } from './failures.js';
import { checkHost } from './hosts.js';
import { checkStructure } from './json.js';
import { addLivePage, EVENTS, LIVE_PATHS } from './live.js';
import { acceptedFormat } from './negotiation.js';
import { openApi } from './openapi.js';
import { type ServerOptions, type Settings, settingsOf } from './options.js';
import { JSON_BODY, QUERY } from './schemas.js';
import { healthReport, readyReport, unreadiness } from './status.js';

/** A server with what its shutting down needs. @internal */
export interface Built {
  readonly app: FastifyInstance;
  /** From now on it is not ready, and each connection ends with its next answer. */
  drain(): void;
}

/**
 * A Fastify server that extracts pages: `POST /extract`, with `GET /metrics`, `/health`, `/ready` and `/openapi.json`, and
 * a live page at `/` outside production. It does not listen yet: call its `listen`; `close` finishes what runs. Routes and
 * hooks of your own may be added.
 *
 * ```js
 * const server = await createServer();
 * await server.listen({ port: 8080 });
 * ```
 *
 * @throws OptionError `ERR_BAD_OPTION` for an option that cannot be used
 */
export async function createServer(options: ServerOptions = {}): Promise<FastifyInstance> {
  return (await build(options)).app;
}

/** @internal */
export async function build(options: ServerOptions): Promise<Built> {
  const settings = settingsOf(options);
  const own = !(settings.extractor instanceof Extractor);
  const extractor =
    settings.extractor instanceof Extractor ? settings.extractor : await createExtractor(settings.extractor);
  try {
    return await assemble(settings, extractor, own);
  } catch (error) {
    if (own) await extractor.close();
    throw error;
  }
}

async function assemble(settings: Settings, extractor: Extractor, own: boolean): Promise<Built> {
  const connections = new Connections();
  const app = fastify(settings, connections);
  let draining = false;
  let methods = METHODS;
  const drain = () => {
    draining = true;
  };
  // The first hooks: they see what later ones refuse.
  const forget = addMetrics(app, settings, extractor);
  app.addHook('preClose', async () => drain());
  app.addHook('onRequest', async (request, reply) => {
    checkHost(request.raw, request.originalUrl, settings.allowedHosts);
    checkExpectations(request);
    // Before a body is read.
    if (request.is404) throw notFound(request, reply, methods);
  });
  app.addHook('preParsing', async (request, reply) => {
    // A body is asked for when nothing speaks against it; HTTP/1.0 does not know of that.
    if (request.headers.expect?.trim() && request.raw.httpVersion !== '1.0') reply.raw.writeContinue();
  });
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    // With others behind it on its connection, it is not the last answer there.
    if (draining && connections.answering(request.raw.socket) <= 1) reply.header('connection', 'close');
    if (!request.raw.complete && !request.raw.readableEnded) readOn(request.raw, settings);
  });
  app.setErrorHandler((error, request, reply) => {
    const answer = answerOf(error);
    if (answer.statusCode === 500) request.log.error(error);
    codes.set(request, answer.code);
    return refuse(reply, answer);
  });
  // In a context of its own: routes that are added beside it keep Fastify's ways with bodies.
  await app.register(async (context) => addExtract(context, settings, extractor));
  addReports(app, extractor, () => draining);
  const status = publish(settings, extractor);
  if (addLivePage(app, settings, extractor, () => draining)) {
    methods = { ...METHODS, ...Object.fromEntries(LIVE_PATHS.map((path) => [path, 'GET, HEAD'])) };
  }
  app.addHook('onClose', async () => {
    await status?.close();
    forget();
    if (own) await extractor.close();
  });
  return { app, drain };
}

function publish({ statusStore, statusKey }: Settings, extractor: Extractor): StatusPublisher | undefined {
  if (statusStore === undefined) return undefined;
  // By the names that its metrics have.
  const shown = { engines: { default: extractor.engine }, pools: { extractor: extractor.pool } };
  return publishStatus(statusStore, { key: statusKey, ...shown });
}

function fastify({ logger, maxBodyBytes, timeoutMillis }: Settings, connections: Connections): FastifyInstance {
  try {
    return Fastify({
      logger,
      bodyLimit: maxBodyBytes,
      // One line for each request, below.
      logController: new LogController({ disableRequestLogging: true }),
      serverFactory: (handler) => connections.serve(handler, timeoutMillis),
      clientErrorHandler: (error, socket) => connections.endMalformed(socket, malformed(error)),
      frameworkErrors: (error, _request, reply) => {
        const { statusCode = 500, code } = error;
        return refuse(reply, { statusCode, code, message: 'the address is malformed' });
      },
      // Requests that arrive while it closes are still served: their connections were accepted.
      return503OnClosing: false,
      ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
    });
  } catch (error) {
    throw badOption('logger', logger, `options that pino takes: ${(error as Error).message}`);
  }
}

/** The answer to a malformed request. */
function malformed({ code: cause }: NodeJS.ErrnoException): string {
  const statusCode = cause === 'HPE_HEADER_OVERFLOW' ? 431 : cause === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const code = statusCode === 408 ? 'ERR_TIMEOUT' : 'ERR_BAD_REQUEST';
  const message = 'the request is malformed, too large or too slow';
  const body = JSON.stringify(bodyOf({ statusCode, code, message }));
  const head = `content-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`;
  return `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\n${head}\r\n\r\n${body}`;
}

/**
 * Reads the rest of a refused request's body up to a limit: a client that is cut off while it sends may never see its
 * answer, and one that is not may send for ever.
 */
function readOn(request: IncomingMessage, { maxBodyBytes }: Settings): void {
  let bytes = 0;
  const timer = setTimeout(() => request.destroy(), READ_ON_MILLIS).unref();
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > maxBodyBytes) request.destroy();
  });
  request.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer));
}

/** The error codes of refused requests, for their line in the log. */
const codes = new WeakMap<FastifyRequest, string>();

/** How long what is left of a body may come after its request is refused, in milliseconds. */
const READ_ON_MILLIS = 5_000;

/** The methods of each path. */
const METHODS: Readonly<Record<string, string>> = {
  '/extract': 'POST',
  '/health': 'GET, HEAD',
  '/ready': 'GET, HEAD',
  '/metrics': 'GET, HEAD',
  '/openapi.json': 'GET, HEAD',
};

/** @throws Refusal 417 */
function checkExpectations({ headers: { expect = '' } }: FastifyRequest): void {
  const unmet = expect.split(',').find((each) => !['', '100-continue'].includes(each.trim().toLowerCase()));
  if (unmet !== undefined) throw new Refusal(417, 'ERR_BAD_EXPECT', 'only 100-continue may be expected');
}

function notFound(request: FastifyRequest, reply: FastifyReply, methods: typeof METHODS): Refusal {
  const [path = ''] = request.url.split('?');
  const allowed = methods[path];
  if (allowed === undefined) {
    const named = Object.keys(methods).filter((each) => !each.startsWith('/live/')); // the page asks for those
    return new Refusal(404, 'ERR_NOT_FOUND', `there are ${named.join(', ')}`);
  }
  reply.header('allow', allowed);
  return new Refusal(405, 'ERR_BAD_METHOD', `allowed: ${allowed}`);
}

/** The body of every failure. */
function bodyOf({ statusCode, code, message }: Answer): object {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Client Closed Request', message };
}

function refuse(reply: FastifyReply, answer: Answer): FastifyReply {
  const { statusCode, code, retryAfter } = answer;
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  const ends = statusCode === 408 || statusCode === 413 || (statusCode === 400 && code === 'ERR_BAD_HOST');
  if (ends) reply.header('connection', 'close');
  return reply.code(statusCode).type('application/json; charset=utf-8').send(bodyOf(answer));
}

function addExtract(app: FastifyInstance, settings: Settings, extractor: Extractor): void {
  const limits = new Limits(settings.maxBodyBytes, settings.timeoutMillis);
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['text/html', 'application/xhtml+xml'],
    (request: FastifyRequest, payload: IncomingMessage) => exchangeOf(request.raw).receive(payload),
  );
  app.addContentTypeParser(
    'application/json',
    (request: FastifyRequest, payload: IncomingMessage, done: (error: Error | null, body?: unknown) => void) => {
      const checked = async () => {
        const bytes = await exchangeOf(request.raw).receive(payload);
        await checkStructure(bytes);
        return bytes.toString();
      };
      checked().then((text) => parseJson(request, text, done), done);
    },
  );
  app.post<ExtractRoute>('/extract', {
    schema: { querystring: QUERY, body: { content: { 'application/json': { schema: JSON_BODY } } } },
    onRequest: async (request, reply) => {
      const [reason] = unreadiness(extractor);
      if (reason !== undefined) throw new Refusal(503, reason.code, reason.message, reason.retryAfter);
      acceptedFormat(request.headers.accept); // refused before a body is read
      new Exchange(limits, request.raw, reply.raw).checkHead(request.raw);
    },
    handler: extractHandler(extractor, settings.fetch ? settings.maxBodyBytes : 0),
  });
}

function addReports(app: FastifyInstance, extractor: Extractor, draining: () => boolean): void {
  // Probes come every few seconds, and say nothing that metrics don't.
  const quiet = { logLevel: 'warn' as const };
  app.get('/health', quiet, async () => healthReport(extractor));
  app.get('/ready', quiet, async (_request, reply) => {
    const reasons = unreadiness(extractor, draining());
    const [first] = reasons;
    if (first !== undefined) reply.code(503).header('retry-after', first.retryAfter);
    return readyReport(extractor, reasons);
  });
  const description = openApi();
  app.get('/openapi.json', quiet, async () => description);
}

/** @returns takes the server's metrics from the registry */
function addMetrics(app: FastifyInstance, { registry }: Settings, extractor: Extractor): () => void {
  const name = 'riptide_wasm_http_request_duration_seconds';
  if (registry.getSingleMetric(name) !== undefined) {
    throw badOption('registry', registry, 'one that shows no other server');
  }
  const forget = registerMetrics(registry, { engine: extractor.engine, pools: { extractor: extractor.pool } });
  const durations = new Histogram({
    name,
    help: 'Requests, from their head to the end of their answer.',
    labelNames: ['route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  app.addHook('onRequest', async (request, reply) => {
    request.log.debug({ req: request }, 'incoming request');
    let status = HUNG_UP;
    reply.raw.once('finish', () => {
      status = reply.statusCode;
    });
    reply.raw.once('close', () => {
      // A stream of events lasts as long as somebody looks.
      if (request.routeOptions.url === EVENTS && reply.statusCode < 400) return;
      const { elapsedTime: responseTime } = reply;
      durations.observe({ route: request.routeOptions.url ?? 'none', status }, responseTime / 1_000);
      const outcome = { res: { statusCode: status }, responseTime, code: codes.get(request) };
      request.log.info({ req: request, ...outcome }, 'request completed');
    });
  });
  app.get('/metrics', { logLevel: 'warn' }, async (_request, reply) => {
    const page = await registry.metrics();
    return reply.type(registry.contentType).send(page);
  });
  return () => {
    forget();
    registry.removeSingleMetric(name);
  };
}
