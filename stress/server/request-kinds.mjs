// The requests of a siege, and how each may end. A fifth of them is hostile.
import { CLOSED, chunk, delay, HUNG_UP, head } from './client.mjs';
import { HARD, requestOf, wrongIn } from './pages.mjs';

/** The server's default of `maxBodyBytes`. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, 'tide ');
const HTML = { 'content-type': 'text/html' };
const JSON_TYPE = { 'content-type': 'application/json' };
const RAW_HTML = 'Content-Type: text/html';
const BUSY = '503';
const SMALL = Buffer.from(
  `<html><body><article><p>${'Tides come in twice a day. '.repeat(10)}</p></article></body></html>`,
);

/** A kind with the ends it may have. A server that is busy may always say so. */
function kind(part, name, weight, allowed, run) {
  return { part, name, weight, allowed: new Set([...allowed, BUSY]), run };
}

/** One whole request that is refused with this status. */
function refused(part, name, status, request) {
  return kind(part, name, 2, [status], ({ client }) => client.whole({ headers: HTML, body: SMALL, ...request }));
}

/** Bytes that are sent over a connection of their own. */
function bytes(part, name, allowed, ...pieces) {
  return kind(part, name, 2, allowed, ({ client }) =>
    client.raw(async (write) => {
      for (const piece of pieces) await write(piece);
    }),
  );
}

async function page(context, page) {
  const { format, ...request } = requestOf(page, context.n);
  const answer = await context.client.whole(request);
  return { ...answer, wrong: answer.status > 0 ? wrongIn(answer, page, format) : undefined };
}

/** A page of the many that are right. */
export const good = {
  part: 'good',
  name: 'page',
  allowed: new Set(['200', BUSY]),
  run: (context) => page(context, context.pages[context.random.between(0, context.pages.length - 1)]),
};

/**
 * One that takes the server long is sent the less often: together they make about the work that as many good ones would.
 * Otherwise the load would be more than the server can take, whatever its rate.
 */
function hardPages(hard, millis) {
  return Object.entries(hard).flatMap(([part, byName]) =>
    Object.entries(byName).map(([name, it]) =>
      kind(part, name, 4 * Math.min(1, millis / it.millis), [String(it.status)], (context) => page(context, it)),
    ),
  );
}

async function pour(write, pieces, wrap = (piece) => piece) {
  for (let n = 0; n < pieces; n++) if (!(await write(wrap(PIECE)))) return;
}

const giants = [
  kind('giant', 'declared, not sent', 4, ['413'], ({ client }) =>
    client.raw(async (write) => {
      await write(head([RAW_HTML, `Content-Length: ${MAX_BODY_BYTES + 1}`]));
    }),
  ),
  // A client that goes on sending may find the connection closed before it reads the answer.
  kind('giant', 'declared, sent', 1, ['413', CLOSED], ({ client }) =>
    client.raw(async (write) => {
      await write(head([RAW_HTML, `Content-Length: ${MAX_BODY_BYTES * 2}`]));
      await pour(write, (2 * MAX_BODY_BYTES) / PIECE.length);
    }),
  ),
  kind('giant', 'chunked', 1, ['413', CLOSED], ({ client }) =>
    client.raw(async (write) => {
      await write(head([RAW_HTML, 'Transfer-Encoding: chunked']));
      await pour(write, MAX_BODY_BYTES / PIECE.length + 8, chunk);
    }),
  ),
];

const chunked = head([RAW_HTML, 'Transfer-Encoding: chunked']);
const malformed = [
  refused('malformed', 'JSON, cut', '400', { headers: JSON_TYPE, body: Buffer.from('{"html": "<p>') }),
  refused('malformed', 'JSON, of another shape', '400', { headers: JSON_TYPE, body: Buffer.from('{"html": [1]}') }),
  refused('malformed', 'JSON, __proto__', '400', {
    headers: JSON_TYPE,
    body: Buffer.from('{"__proto__": {"html": 1}}'),
  }),
  refused('malformed', 'JSON, binary', '400', { headers: JSON_TYPE, body: Buffer.from([0, 1, 254, 255]) }),
  refused('malformed', 'JSON, deep', '400', { headers: JSON_TYPE, body: Buffer.from('['.repeat(100_000)) }),
  refused('malformed', 'media type', '415', { headers: { 'content-type': 'image/png' } }),
  refused('malformed', 'encoding', '415', { headers: { ...HTML, 'content-encoding': 'gzip' } }),
  refused('malformed', 'mode', '400', { path: '/extract?mode=everything' }),
  refused('malformed', 'selector', '400', { path: '/extract?mode=custom&selector=p%5B%5B' }),
  refused('malformed', 'accept', '406', { headers: { ...HTML, accept: 'image/png' } }),
  refused('malformed', 'host', '421', { headers: { ...HTML, host: 'evil.example' } }),
  refused('malformed', 'method', '405', { method: 'PUT' }),
  refused('malformed', 'path', '404', { path: '/extract/../../etc/passwd' }),
  bytes('malformed', 'no HTTP', ['400', CLOSED], 'tide\r\n\r\n'),
  bytes('malformed', 'TLS', ['400', CLOSED], Buffer.from('160301020001000001fc0303', 'hex')),
  bytes('malformed', 'header', ['400', CLOSED], head([RAW_HTML, 'No colon here', 'Content-Length: 0'])),
  bytes('malformed', 'header, NUL', ['400', CLOSED], head([RAW_HTML, 'X: a\0b', 'Content-Length: 0'])),
  bytes('malformed', 'head of 64 KiB', ['431', CLOSED], head([`X: ${'x'.repeat(65_536)}`, 'Content-Length: 0'])),
  bytes(
    'malformed',
    'two lengths',
    ['400', CLOSED],
    head([RAW_HTML, 'Content-Length: 3', 'Content-Length: 4']),
    'tide',
  ),
  bytes(
    'malformed',
    'length and chunks',
    ['400', CLOSED],
    head([RAW_HTML, 'Content-Length: 3', 'Transfer-Encoding: chunked']),
  ),
  bytes('malformed', 'chunk without a size', ['400', CLOSED], chunked, chunk(SMALL), 'zz\r\ntide\r\n0\r\n\r\n'),
];

/** `n` bytes of a page, one at a time. */
async function trickle(write, body, millis) {
  for (const byte of body) {
    if (!(await write(Buffer.from([byte])))) return;
    await delay(millis);
  }
}

/** Sends part of a request and waits for the server to end it, or hangs up after `stamina`. */
function unfinished(name, ...pieces) {
  return kind('slow', name, 2, ['408', HUNG_UP], ({ client, stamina }) =>
    client.raw(async (write) => {
      for (const piece of pieces) await write(piece);
      if (stamina === undefined) return undefined;
      await delay(stamina);
      return HUNG_UP;
    }, UNFINISHED_MILLIS),
  );
}

/** Node looks every 30 s for heads that took longer than 30 s. */
const UNFINISHED_MILLIS = 75_000;

const slow = [
  kind('slow', 'byte by byte', 3, ['200'], ({ client }) =>
    client.raw(async (write) => {
      await write(head([RAW_HTML, `Content-Length: ${SMALL.length}`]));
      await trickle(write, SMALL, 5);
    }),
  ),
  kind('slow', 'chunk by chunk', 3, ['200'], ({ client }) =>
    client.raw(async (write) => {
      await write(chunked);
      for (let n = 0; n < SMALL.length; n += 16) {
        await write(chunk(SMALL.subarray(n, n + 16)));
        await delay(20);
      }
      await write('0\r\n\r\n');
    }),
  ),
  unfinished('body never finished', head([RAW_HTML, 'Content-Length: 1000']), '<p>'),
  unfinished('chunks never finished', chunked, chunk(Buffer.from('<p>'))),
  unfinished('head never finished', 'POST /extract HTTP/1.1\r\nHost: local'),
];

const hungUp = [
  kind('hung up', 'in its body', 6, [HUNG_UP], ({ client, random }) =>
    client.raw(async (write) => {
      await write(head([RAW_HTML, 'Content-Length: 1000000']));
      await write(PIECE.subarray(0, random.between(1, PIECE.length)));
      await delay(random.between(0, 20));
      return HUNG_UP;
    }),
  ),
  // Some are answered before.
  kind('hung up', 'queued or running', 12, [HUNG_UP, '200', '422'], ({ client, random, pages }) =>
    client.whole({ headers: HTML, body: random.pick(pages).body, hangUpAfter: random.between(0, 30) }),
  ),
];

/** All that are hostile. `hard`: the pages of that name, with their answers. `millis`: what a good page takes. */
export const hostile = (hard, millis) => [...giants, ...hardPages(hard, millis), ...malformed, ...slow, ...hungUp];

export { HARD };
