import { type Address, WIDTH } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { PrefixSet } from '../core/ip/prefix-set.ts';
import type { Range } from './provider.ts';

/** What decides which addresses of a range are given to nobody, whoever holds what. */
export type Bounds = Pick<Range, 'subnet' | 'gateway' | 'excluded'>;

/**
 * Why an address of the subnet is never given, as a clause: `it is the gateway`; undefined when it may be.
 * RFC 3021: both addresses of an IPv4 /31 are for hosts. RFC 4291, 2.6.1: the first address of an IPv6 subnet is that of its routers;
 * RFC 6164: but not in a /127.
 */
export function whyReserved({ subnet, gateway, excluded }: Bounds, address: Address): string | undefined {
  if (address.equals(gateway)) return 'it is the gateway';
  const hasOwn = subnet.length < WIDTH[subnet.family] - 1;
  if (hasOwn && address.equals(subnet.first)) {
    return subnet.family === 4 ? `it is the network address of ${subnet}` : `it is the subnet-router anycast address of ${subnet}`;
  }
  if (hasOwn && subnet.family === 4 && address.equals(subnet.last)) return `it is the broadcast address of ${subnet}`;
  const found = excluded.find((prefix) => prefix.has(address));
  return found && `it is excluded (${found})`;
}

/** The addresses of the subnet of which `whyReserved` says something. */
export function reservedOf({ subnet, gateway, excluded }: Bounds): PrefixSet {
  const hasOwn = subnet.length < WIDTH[subnet.family] - 1;
  const own = !hasOwn ? [] : subnet.family === 4 ? [subnet.first, subnet.last] : [subnet.first];
  const never = PrefixSet.of([...excluded, ...[gateway, ...own].map((address) => Prefix.of(address))]);
  return PrefixSet.of([subnet]).intersect(never);
}

/** How many addresses a prefix has. */
export function sizeOf({ family, length }: Prefix): bigint {
  return 1n << BigInt(WIDTH[family] - length);
}
