import type { Link } from '../../../core/facts.ts';
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  IFLA_IFNAME,
  IFLA_INET_CONF,
  IFLA_MTU,
  IPV4_DEVCONF_RP_FILTER,
  NLM_F_REQUEST,
  RTEXT_FILTER_SKIP_STATS,
  RTM_SETLINK,
} from './constants.ts';
import { Attributes, type MessageReader } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const IFINFOMSG = 16;

const outer = new Attributes();
const families = new Attributes();
const inet = new Attributes();

/**
 * RTM_NEWLINK and RTM_DELLINK. undefined for messages about bridge ports (AF_BRIDGE), which come under the same types:
 * leaving a bridge is not the end of a link.
 */
export function decodeLink(message: MessageReader): Link | undefined {
  const { view, start } = message;
  if (!message.holds(IFINFOMSG) || view.getUint8(start) !== 0) return undefined;
  const flags = view.getUint32(start + 8, true);
  outer.parse(view, start + IFINFOMSG, message.end);
  const index = view.getInt32(start + 4, true);
  return {
    index,
    name: outer.text(IFLA_IFNAME) ?? `if${index}`,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    mtu: outer.u32(IFLA_MTU) ?? 0,
    rpFilter: rpFilterOf(view),
    arpIgnore: 0,
    arpAnnounce: 0,
  };
}

/** The n-th value of IFLA_INET_CONF is IPV4_DEVCONF number n, from 1. A link too small for IPv4 has none. */
function rpFilterOf(view: DataView): number {
  const conf = outer.nested(IFLA_AF_SPEC, families).nested(AF_INET, inet);
  const at = (IPV4_DEVCONF_RP_FILTER - 1) * 4;
  return conf.length(IFLA_INET_CONF) >= at + 4 ? view.getUint32(conf.at(IFLA_INET_CONF) + at, true) : 0;
}

/** struct ifinfomsg of a dump of all links, without their counters. */
export function encodeLinkFilter(writer: MessageWriter): void {
  for (let i = 0; i < IFINFOMSG; i += 4) writer.u32(0);
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/** Sets rp_filter of one device. Works with CAP_NET_ADMIN also where /proc/sys is read-only. */
export function encodeSetRpFilter(writer: MessageWriter, seq: number, index: number, value: number): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  for (const word of [0, index, 0, 0]) writer.u32(word);
  const spec = writer.beginNested(IFLA_AF_SPEC);
  const family = writer.beginNested(AF_INET);
  const conf = writer.beginNested(IFLA_INET_CONF);
  writer.attributeU32(IPV4_DEVCONF_RP_FILTER, value);
  for (const nest of [conf, family, spec]) writer.endNested(nest);
  writer.end();
}
