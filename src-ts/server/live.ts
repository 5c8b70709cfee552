import { readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Extractor } from '../extractor.js';
import { shippedFile } from '../location.js';
import { badOption } from '../options.js';
import { Refusal, SOON_SECONDS } from './failures.js';
import { LiveFeed } from './live-feed.js';
import { FleetReader } from './live-fleet.js';
import { liveGreeting, liveSample } from './live-sample.js';
import type { Settings } from './options.js';

/** The stream of events. */
export const EVENTS = '/live/events';

const FILES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/': { name: 'live.html', type: 'text/html' },
  '/live/live.js': { name: 'live.js', type: 'text/javascript' },
  '/live/live.css': { name: 'live.css', type: 'text/css' },
  '/live/live.svg': { name: 'live.svg', type: 'image/svg+xml' },
};

/** The paths of the live page. */
export const LIVE_PATHS: readonly string[] = [...Object.keys(FILES), EVENTS];

/**
 * What the page may do: load its own script, style and icon, and ask this server. No script or style within it runs, no text
 * becomes markup (Trusted Types), nothing frames it.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const EVENT_HEADERS = {
  ...HEADERS,
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // nginx would gather events.
  'x-accel-buffering': 'no',
};

/** The files by their paths; `undefined` in a bundle that they are not beside. */
export function liveFiles(): ReadonlyMap<string, Buffer> | undefined {
  const found = new Map<string, Buffer>();
  for (const [path, { name }] of Object.entries(FILES)) {
    const file = shippedFile(`dist/live/${name}`);
    if (file === undefined) return undefined;
    found.set(path, readFileSync(file));
  }
  return found;
}

/**
 * The page at `/`, with its stream of events.
 *
 * @returns whether there is one
 * @throws OptionError `ERR_BAD_OPTION` where it is asked for, and its files are not there
 */
export function addLivePage(
  app: FastifyInstance,
  settings: Settings,
  extractor: Extractor,
  draining: () => boolean,
): boolean {
  if (settings.livePage === false) return false;
  const files = liveFiles();
  if (files === undefined) {
    if (settings.livePage === undefined) return false;
    throw badOption('livePage', true, 'false where the files of dist/live are neither installed nor beside the bundle');
  }
  for (const [path, bytes] of files) {
    const type = `${FILES[path]?.type}; charset=utf-8`;
    const headers = { ...HEADERS, 'cache-control': 'no-cache' };
    app.get(path, async (_request, reply) => reply.headers(headers).type(type).send(bytes));
  }
  const fleet =
    settings.fleet && new FleetReader(settings.fleet, (error) => app.log.warn(error, 'the fleet could not be read'));
  const feed: LiveFeed = new LiveFeed(
    () => liveGreeting(settings),
    () => {
      fleet?.tell(feed);
      return liveSample(extractor, draining());
    },
  );
  app.get(EVENTS, { logLevel: 'warn' }, async (request, reply) => {
    checkSite(request);
    if (draining()) throw new Refusal(503, 'ERR_CLOSED', 'the server is shutting down', SOON_SECONDS);
    feed.checkRoom();
    if (request.method === 'HEAD') return reply.headers(EVENT_HEADERS).send();
    reply.hijack();
    reply.raw.writeHead(200, EVENT_HEADERS);
    feed.add(reply.raw);
    return reply;
  });
  // Before connections are closed: a stream has no end of its own.
  app.addHook('preClose', async () => feed.close());
  return true;
}

/** Other sites cannot read the stream, but could take up its places. */
function checkSite({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw new Refusal(403, 'ERR_CROSS_SITE', 'the events are for the page of this server');
}
