import type { SysctlName } from '../../../core/change.ts';
import type { Link } from '../../../core/facts.ts';
import {
  AF_INET,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET_CONF,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IFLA_MTU,
  IPV4_DEVCONF_ARP_ANNOUNCE,
  IPV4_DEVCONF_ARP_IGNORE,
  IPV4_DEVCONF_PROMOTE_SECONDARIES,
  IPV4_DEVCONF_RP_FILTER,
  MACVLAN_MODE_BRIDGE,
  RTEXT_FILTER_SKIP_STATS,
} from './constants.ts';
import { Attributes, type MessageReader } from './reader.ts';
import type { MessageWriter } from './writer.ts';

/** struct ifinfomsg. */
const IFINFOMSG = 16;
const MAC_BYTES = 6;

/** Where IFLA_INET_CONF has a setting. */
export const DEVCONF: Readonly<Record<SysctlName, number>> = {
  rp_filter: IPV4_DEVCONF_RP_FILTER,
  arp_ignore: IPV4_DEVCONF_ARP_IGNORE,
  arp_announce: IPV4_DEVCONF_ARP_ANNOUNCE,
};

const outer = new Attributes();
const families = new Attributes();
const inet = new Attributes();
const info = new Attributes();
const data = new Attributes();

/** One string for all devices of a kind: a node has hundreds of them. */
const kinds = new Map<string, string>();

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
  const conf = outer.nested(IFLA_AF_SPEC, families).nested(AF_INET, inet);
  return {
    index,
    name: outer.text(IFLA_IFNAME) ?? `if${index}`,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    mtu: outer.u32(IFLA_MTU) ?? 0,
    rpFilter: settingOf(view, conf, DEVCONF.rp_filter),
    arpIgnore: settingOf(view, conf, DEVCONF.arp_ignore),
    arpAnnounce: settingOf(view, conf, DEVCONF.arp_announce),
    ...identityOf(view),
  };
}

/** net.ipv4.conf.<name>.promote_secondaries. */
export function decodePromotes(message: MessageReader): boolean {
  outer.parse(message.view, message.start + IFINFOMSG, message.end);
  const conf = outer.nested(IFLA_AF_SPEC, families).nested(AF_INET, inet);
  return settingOf(message.view, conf, IPV4_DEVCONF_PROMOTE_SECONDARIES) !== 0;
}

/** The group of a device, which only its maker asks for. */
export function groupOf(message: MessageReader): number | undefined {
  outer.parse(message.view, message.start + IFINFOMSG, message.end);
  return outer.u32(IFLA_GROUP);
}

/** What a device is made of and whose it is. All of it is in `outer`. */
function identityOf(view: DataView): Pick<Link, 'parent' | 'kind' | 'mode' | 'alias' | 'mac'> {
  const parent = outer.has(IFLA_LINK_NETNSID) ? 0 : (outer.u32(IFLA_LINK) ?? 0);
  const kind = outer.nested(IFLA_LINKINFO, info).text(IFLA_INFO_KIND);
  const mode = kind === 'macvlan' ? info.nested(IFLA_INFO_DATA, data).u32(IFLA_MACVLAN_MODE) : undefined;
  const alias = outer.text(IFLA_IFALIAS);
  const mac = outer.length(IFLA_ADDRESS) === MAC_BYTES ? macAt(view, outer.at(IFLA_ADDRESS)) : undefined;
  return {
    ...(parent > 0 && { parent }),
    ...(kind !== undefined && { kind: shared(kind) }),
    ...(mode !== undefined && { mode: mode === MACVLAN_MODE_BRIDGE ? ('bridge' as const) : ('other' as const) }),
    ...(alias !== undefined && { alias }),
    ...(mac !== undefined && { mac }),
  };
}

/** The n-th value of IFLA_INET_CONF is IPV4_DEVCONF number n, from 1. A link too small for IPv4 has none. */
function settingOf(view: DataView, conf: Attributes, number: number): number {
  const at = (number - 1) * 4;
  return conf.length(IFLA_INET_CONF) >= at + 4 ? view.getUint32(conf.at(IFLA_INET_CONF) + at, true) : 0;
}

/** `02:11:22:33:44:55`. */
export function macAt(view: DataView, at: number): string {
  return Buffer.from(view.buffer, view.byteOffset + at, MAC_BYTES)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');
}

function shared(kind: string): string {
  const known = kinds.get(kind);
  if (known === undefined) kinds.set(kind, kind);
  return known ?? kind;
}

/** struct ifinfomsg of a dump of all links, without their counters. */
export function encodeLinkFilter(writer: MessageWriter): void {
  encodeLinkQuery(writer, 0);
}

/** Asks for the device with an index, without its counters. */
export function encodeLinkQuery(writer: MessageWriter, index: number): void {
  for (const word of [0, index, 0, 0]) writer.u32(word);
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/** Asks for the device with a name. */
export function encodeNameQuery(writer: MessageWriter, name: string): void {
  encodeLinkQuery(writer, 0);
  writer.attributeText(IFLA_IFNAME, name);
}
