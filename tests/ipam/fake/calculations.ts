import { Address } from '../../../src/core/ip/address.ts';
import type { Prefix } from '../../../src/core/ip/prefix.ts';
import { sizeOf } from '../../../src/ipam/reserved.ts';
import type { FakeDatabase, FakeSubnet } from './database.ts';

/** First and last address that phpIPAM itself gives from a subnet: in IPv6 the anycast address too. */
export function boundaries({ prefix, isPool }: FakeSubnet): { readonly first: bigint; readonly last: bigint } | undefined {
  if (!prefix) return undefined;
  const whole = isPool || prefix.family === 6 || prefix.length >= 31;
  return { first: prefix.bits + (whole ? 0n : 1n), last: prefix.last.bits - (whole ? 0n : 1n) };
}

export function firstFree(database: FakeDatabase, subnet: FakeSubnet): Address | undefined {
  const limits = boundaries(subnet);
  if (!limits || !subnet.prefix || database.hasSlaves(subnet.id)) return undefined;
  const taken = new Set(database.inSubnet(subnet.id).map(({ ip }) => ip.bits));
  for (let bits = limits.first; bits <= limits.last; bits++) if (!taken.has(bits)) return new Address(subnet.prefix.family, bits);
  return undefined;
}

/** `calculation` of a subnet. */
export function calculation(prefix: Prefix): object {
  const { family, length } = prefix;
  if (family === 6) {
    return {
      Type: 'IPv6',
      'Host address': '/',
      'Host address (uncompressed)': '/',
      'Subnet prefix': prefix.text,
      'Prefix length': String(length),
      'Subnet Reverse DNS': reverse(prefix),
      'Min host IP': prefix.first.text,
      'Max host IP': prefix.last.text,
      'Number of hosts': String(sizeOf(prefix)),
      'Address type': 'NET_IPV6',
    };
  }
  const mask = 0xffffffffn ^ (sizeOf(prefix) - 1n);
  const inner = length >= 31 ? 0n : 1n;
  return {
    Type: 'IPv4',
    'IP address': '/',
    Network: prefix.first.text,
    Broadcast: prefix.last.text,
    'Subnet bitmask': String(length),
    'Subnet netmask': new Address(4, mask).text,
    'Subnet wildcard': new Address(4, sizeOf(prefix) - 1n).text,
    'Min host IP': new Address(4, prefix.bits + inner).text,
    'Max host IP': new Address(4, prefix.last.bits - inner).text,
    'Number of hosts': String(sizeOf(prefix) - 2n * inner),
    'Subnet Class': prefix.first.text.startsWith('10.') ? 'private A' : 'private C',
  };
}

export function usage(database: FakeDatabase, subnet: FakeSubnet): object {
  const { first, last } = boundaries(subnet) ?? { first: 1n, last: 0n };
  const hosts = Number(last - first + 1n);
  const rows = database.inSubnet(subnet.id);
  const used = rows.length;
  const percent = (count: number): number => Math.round((count / hosts) * 10000) / 100;
  return {
    Used: rows.filter(({ state }) => state === 2).length,
    Reserved: rows.filter(({ state }) => state === 3).length,
    Used_percent: percent(rows.filter(({ state }) => state === 2).length),
    used: String(used),
    Reserved_percent: percent(rows.filter(({ state }) => state === 3).length),
    freehosts: String(hosts - used),
    freehosts_percent: percent(hosts - used),
    maxhosts: String(hosts),
  };
}

function reverse(prefix: Prefix): string {
  const nibbles = prefix.bits
    .toString(16)
    .padStart(32, '0')
    .slice(0, prefix.length / 4);
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}
