import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Refusal } from './failures.js';

/**
 * Refuses a request that is for another server, or does not say for which one.
 *
 * @param target as it was sent: with `http:` and an authority, it names the host once more
 * @param allowed the server's names, in lower case
 * @throws Refusal 400, 421
 */
export function checkHost(request: IncomingMessage, target: string, allowed: ReadonlySet<string>): void {
  const { headers, rawHeaders, httpVersion } = request;
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts > 1) throw new Refusal(400, 'ERR_BAD_HOST', 'a request has one Host');
  if (hosts === 0 && httpVersion !== '1.0') throw new Refusal(400, 'ERR_BAD_HOST', 'a request needs a Host');
  const [, scheme = '', authority] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(target) ?? [];
  if (authority !== undefined && canonical(authority, scheme) !== canonical(headers.host ?? '', scheme)) {
    throw new Refusal(400, 'ERR_BAD_HOST', 'the address that is asked for and Host name two hosts');
  }
  if (!isOwnHost(headers.host, allowed)) {
    throw new Refusal(421, 'ERR_BAD_HOST', 'the server has another name (allowedHosts)');
  }
}

/** In lower case, without the port that the scheme has anyway. */
function canonical(authority: string, scheme: string): string {
  const port = scheme.toLowerCase() === 'https' ? ':443' : ':80';
  const lower = authority.toLowerCase();
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/**
 * Whether a request's `Host` is one of the server's own: an IP address, `localhost`, or an allowed name, with any port.
 * Otherwise a web page could call a server on its reader's machine by a name of the page's own (DNS rebinding). An address
 * is not such a name.
 *
 * @param allowed in lower case
 */
function isOwnHost(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? '') ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  if (plain === undefined) return false;
  const name = plain.toLowerCase();
  return isIP(name) === 4 || name === 'localhost' || allowed.has(name);
}
