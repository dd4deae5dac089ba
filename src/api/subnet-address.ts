import type { Address, Family } from '../core/ip/address.ts';
import type { Prefix } from '../core/ip/prefix.ts';
import type { Cel } from './schema.ts';

/** Of longer prefixes than these every address is that of a host (RFC 3021, RFC 6164). */
const LONGEST_WITH_NETWORK: Readonly<Record<Family, number>> = { 4: 30, 6: 126 };

/** The lengths that most subnets have, for messages. */
export const USUAL: Readonly<Record<Family, number>> = { 4: 24, 6: 64 };

/** The same of an IP in the API server's language, as a text. */
export function usualText(ip: string): Cel['rule'] {
  return `${ip}.family() == 4 ? '${USUAL[4]}' : '${USUAL[6]}'`;
}

/** `2^(32 - L)` for the lengths L from /8 to /30. */
const SIZES = Array.from({ length: 23 }, (_, i) => 2 ** (24 - i));

/** Whether a text of the API server's language is the last address of an IPv4 subnet of that length: the next one is then a multiple of its size. */
export function isBroadcastText(address: string, length: string): Cel['rule'] {
  const next = 'int(o[1]) * 65536 + int(o[2]) * 256 + int(o[3]) + 1';
  return `(${length} >= 8 && ${length} <= 30 && [${address}.split('.')].exists(o, (${next}) % [${SIZES.join(', ')}][${length} - 8] == 0))`;
}

/** What an address is of its subnet, when it is none of its hosts: the first is the network's own (in IPv6 that of its routers, RFC 4291 section 2.6.1), the last of an IPv4 one is for broadcasts. */
export function roleIn(subnet: Prefix, address: Address): 'network' | 'broadcast' | undefined {
  if (subnet.length > LONGEST_WITH_NETWORK[subnet.family]) return undefined;
  if (address.equals(subnet.first)) return 'network';
  return subnet.family === 4 && address.equals(subnet.last) ? 'broadcast' : undefined;
}
