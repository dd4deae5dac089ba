import { AF_INET, NETCONFA_IFINDEX, NETCONFA_RP_FILTER } from './constants.ts';
import { Attributes, type MessageReader } from './reader.ts';

/** struct netconfmsg is one byte, padded. */
const NETCONFMSG = 4;
const attributes = new Attributes();

/** `index` is NETCONFA_IFINDEX_ALL (-1) for `net.ipv4.conf.all`, -2 for `default`. */
export interface DecodedRpFilter {
  readonly index: number;
  readonly rpFilter: number;
}

/** RTM_NEWNETCONF. undefined when it is about IPv6 or about another setting. */
export function decodeRpFilter(message: MessageReader): DecodedRpFilter | undefined {
  const { view, start } = message;
  if (!message.holds(NETCONFMSG) || view.getUint8(start) !== AF_INET) return undefined;
  attributes.parse(view, start + NETCONFMSG, message.end);
  const index = attributes.i32(NETCONFA_IFINDEX);
  const rpFilter = attributes.i32(NETCONFA_RP_FILTER);
  return index === undefined || rpFilter === undefined ? undefined : { index, rpFilter };
}
