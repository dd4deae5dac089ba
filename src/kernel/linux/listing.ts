import type { Link, Rule } from '../../core/facts.ts';
import { FAMILIES, type Family } from '../../core/ip/address.ts';
import type { Route } from '../../core/route.ts';
import { type AddressMark, type DecodedAddress, decodeAddress } from './netlink/addresses.ts';
import { AF_INET, RTM_GETADDR, RTM_GETLINK, RTM_GETNETCONF, RTM_GETNEXTHOP, RTM_GETROUTE, RTM_GETRULE } from './netlink/constants.ts';
import type { Dumper } from './netlink/dump.ts';
import { decodeLink, encodeLinkFilter } from './netlink/links.ts';
import { type DecodedRpFilter, decodeRpFilter } from './netlink/netconf.ts';
import { type DecodedNextHop, decodeNextHop, type NextHopContext } from './netlink/nexthops.ts';
import { FAMILY_NUMBER, type MessageReader } from './netlink/reader.ts';
import type { RouteDecoder } from './netlink/route-decoder.ts';
import { decodeRule } from './netlink/rules.ts';
import type { MessageWriter } from './netlink/writer.ts';

/** Complete lists of what the kernel holds. All throw KernelUnavailable. */

export function listLinks(dumper: Dumper): readonly Link[] {
  return list(dumper, RTM_GETLINK, encodeLinkFilter, decodeLink);
}

/** Both families. struct ifaddrmsg, all zero. */
export function listAddresses(dumper: Dumper, mark: AddressMark): readonly DecodedAddress[] {
  return list(
    dumper,
    RTM_GETADDR,
    (writer) => zeros(writer, 0, 8),
    (message) => decodeAddress(message, mark),
  );
}

/** In the order in which the kernel evaluates them, per family. struct fib_rule_hdr. */
export function listRules(dumper: Dumper): readonly Rule[] {
  return FAMILIES.flatMap((family) => list(dumper, RTM_GETRULE, (writer) => zeros(writer, FAMILY_NUMBER[family], 12), decodeRule));
}

/** Of every device, and of `all` and `default`. struct netconfmsg. */
export function listRpFilters(dumper: Dumper): readonly DecodedRpFilter[] {
  return list(dumper, RTM_GETNETCONF, (writer) => zeros(writer, AF_INET, 4), decodeRpFilter);
}

/** struct nhmsg. */
export function listNextHops(dumper: Dumper, context: NextHopContext): readonly DecodedNextHop[] {
  return list(
    dumper,
    RTM_GETNEXTHOP,
    (writer) => zeros(writer, 0, 8),
    (message) => decodeNextHop(message, context),
  );
}

/** Routes of every table, one by one: there may be a million. `begin` is called again when the answer is begun again. */
export function eachRoute(dumper: Dumper, decoder: RouteDecoder, family: Family, begin: () => void, each: (route: Route) => void): void {
  dumper.dump({
    type: RTM_GETROUTE,
    header: (writer) => zeros(writer, FAMILY_NUMBER[family], 12),
    begin,
    each: (message) => {
      const route = decoder.decode(message);
      if (route) each(route);
    },
  });
}

function list<T>(
  dumper: Dumper,
  type: number,
  header: (writer: MessageWriter) => void,
  decode: (message: MessageReader) => T | undefined,
): readonly T[] {
  let found: T[] = [];
  dumper.dump({
    type,
    header,
    begin: () => {
      found = [];
    },
    each: (message) => {
      const value = decode(message);
      if (value !== undefined) found.push(value);
    },
  });
  return found;
}

/** A header structure of `size` bytes that is zero but for the family in its first byte. */
function zeros(writer: MessageWriter, family: number, size: number): void {
  writer.u32(family);
  for (let i = 4; i < size; i += 4) writer.u32(0);
}
