import { isIP } from 'node:net';

/**
 * Whether a request's `Host` is one of the server's own: an IP address, `localhost`, or an allowed name, with any port.
 * Under a name of its own, a page in somebody's browser could otherwise call a server on that machine (DNS rebinding); an
 * address is nobody's name.
 *
 * @param allowed in lower case
 */
export function isOwnHost(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? '') ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  if (plain === undefined) return false;
  const name = plain.toLowerCase();
  return isIP(name) === 4 || name === 'localhost' || allowed.has(name);
}
