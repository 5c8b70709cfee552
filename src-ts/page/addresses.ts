import { BlockList, isIP } from 'node:net';

/** What IANA's registry of special-purpose IPv4 addresses keeps from ordinary use, multicast and class E. */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by a provider's customers
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's address for its machines, in no registry
  ['169.254.0.0', 16], // link-local, with the metadata services of clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // class E, and broadcast at its end
];

/** The only IPv6 addresses that were ever given out: leaves out mapped and compatible IPv4, NAT64 and all local ones. */
const GLOBAL_V6 = ['2000::', 3] as const;

const SPECIAL_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23], // protocol assignments: Teredo, benchmarks, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: holds an IPv4 address
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
];

const special = listOf(SPECIAL_V4, SPECIAL_V6);
const global = listOf([], [GLOBAL_V6]);

/**
 * Whether an IP address is public: not one of a private network, this machine, a link, a translator or a test. Sources:
 * IANA's IPv4 and IPv6 Special-Purpose Address Registries, and its IPv6 Global Unicast Allocations.
 *
 * IPv6 forms that hold an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) are never public, nor is an address with
 * a zone, nor what is no IP address.
 */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && global.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}

function listOf(v4: typeof SPECIAL_V4, v6: typeof SPECIAL_V6): BlockList {
  const list = new BlockList();
  for (const [network, bits] of v4) list.addSubnet(network, bits, 'ipv4');
  for (const [network, bits] of v6) list.addSubnet(network, bits, 'ipv6');
  return list;
}
