import type { Family } from './address.ts';
import { Prefix } from './prefix.ts';

/** The shortest prefix that may be routed, per family. Shorter ones cover much of the Internet, or all of it. */
export const SHORTEST: Readonly<Record<Family, number>> = { 4: 8, 6: 7 };

/** https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry */
export const NEVER_ROUTED: readonly (readonly [Prefix, string])[] = [
  [Prefix.parse('0.0.0.0/32'), 'the unspecified address'],
  [Prefix.parse('127.0.0.0/8'), 'loopback'],
  [Prefix.parse('169.254.0.0/16'), 'link-local'],
  [Prefix.parse('224.0.0.0/4'), 'multicast'],
  [Prefix.parse('255.255.255.255/32'), 'broadcast'],
  [Prefix.parse('::/128'), 'the unspecified address'],
  [Prefix.parse('::1/128'), 'loopback'],
  [Prefix.parse('fe80::/10'), 'link-local'],
  [Prefix.parse('ff00::/8'), 'multicast'],
];

/** First octets of those ranges: nearly every prefix is cleared by one look-up, and there may be 100,000 of them. */
const SUSPECT_OCTETS: Readonly<Record<Family, ReadonlySet<number>>> = { 4: suspectOctets(4), 6: suspectOctets(6) };

function suspectOctets(family: Family): ReadonlySet<number> {
  const ranges = NEVER_ROUTED.map(([range]) => range).filter((range) => range.family === family);
  return new Set(ranges.flatMap((range) => [...rangeOf(firstOctet(range), firstOctet(Prefix.of(range.last)))]));
}

function* rangeOf(from: number, to: number): Generator<number> {
  for (let i = from; i <= to; i++) yield i;
}

function firstOctet(prefix: Prefix): number {
  return prefix.top >>> 24;
}

/** The range of addresses that are never routed which a prefix overlaps, and what it is. */
export function neverRouted(prefix: Prefix): readonly [Prefix, string] | undefined {
  if (prefix.length >= 8 && !SUSPECT_OCTETS[prefix.family].has(firstOctet(prefix))) return undefined;
  return NEVER_ROUTED.find(([range]) => range.overlaps(prefix));
}
