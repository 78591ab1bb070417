/**
 * Which network addresses a server may call on behalf of a client: those of the public internet. Everything that IANA
 * keeps for special use is refused, also where it is written into an IPv6 address.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry
 */
import { BlockList, isIP } from 'node:net';

/** Whether an address (as DNS or a parsed URL gives it) is of the public internet. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      return !refused4.check(bare, 'ipv4');
    case 6: {
      if (refused6.check(bare, 'ipv6')) return false;
      const inner = embeddedIpv4(bare);
      return inner === undefined || !refused4.check(inner, 'ipv4');
    }
    default:
      return false;
  }
}

/** The IPv4 address inside an IPv4-mapped or NAT64 address. */
function embeddedIpv4(address: string): string | undefined {
  // The URL parser writes every form of an IPv6 address in groups of hex.
  const groups = groupsOf(new URL(`http://[${address}]/`).hostname.slice(1, -1));
  const prefix = groups.slice(0, 6).join(':');
  if (prefix !== '0:0:0:0:0:ffff' && prefix !== '64:ff9b:0:0:0:0') return undefined;
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join('.');
}

function groupsOf(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
}

function blockList(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const refused4 = blockList('ipv4', [
  '0.0.0.0/8', // this network
  '10.0.0.0/8',
  '100.64.0.0/10', // shared by carriers; also the metadata service of Alibaba Cloud
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, metadata services
  '172.16.0.0/12',
  '192.0.0.0/24', // protocols; also the metadata service of Oracle Cloud
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '168.63.129.16/32', // metadata service of Azure
]);

const refused6 = blockList('ipv6', [
  '::/128',
  '::1/128',
  '::/96', // IPv4-compatible, long out of use
  '64:ff9b:1::/48', // NAT64 of a local network
  '100::/64', // discard
  '2001::/23', // protocols, Teredo
  '2001:db8::/32',
  '2002::/16', // 6to4 carries any IPv4 address
  '3fff::/20',
  '5f00::/16',
  'fc00::/7', // unique local
  'fe80::/10', // link-local
  'fec0::/10',
  'ff00::/8', // multicast
]);
