import type { SysctlName } from '../../../core/change.ts';
import { LINK_MARK, type Link } from '../../../core/facts.ts';
import { LINK_ARP, type PlannedLink } from '../../../core/plan.ts';
import {
  AF_INET,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET_CONF,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IFLA_MTU,
  IPV4_DEVCONF_PROMOTE_SECONDARIES,
  MACVLAN_MODE_BRIDGE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from './constants.ts';
import { DEVCONF } from './links.ts';
import type { MessageWriter } from './writer.ts';

/** The group of devices that nobody put into one. */
const DEFAULT_GROUP = 0;

type Settings = Partial<Readonly<Record<SysctlName, number>>>;

/** Makes a macvlan, down, in a group. Fails with EEXIST when any device has the name. `mac`: absent, the kernel chooses one. */
export function encodeMakeLink(writer: MessageWriter, seq: number, link: PlannedLink, group: number, mac: string | undefined): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, seq);
  encodeHeader(writer, 0, 'as it is');
  writer.attributeText(IFLA_IFNAME, link.name);
  writer.attributeU32(IFLA_LINK, link.parent.index);
  writer.attributeU32(IFLA_MTU, link.mtu);
  writer.attributeU32(IFLA_GROUP, group);
  if (mac !== undefined) writer.attributeBytes(IFLA_ADDRESS, bytesOf(mac));
  encodeBridgeMode(writer);
  writer.end();
}

/** Puts a macvlan back into bridge mode. RTM_SETLINK does not look at what a kind of device has of its own. */
export function encodeSetMode(writer: MessageWriter, seq: number, index: number): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  encodeBridgeMode(writer);
  writer.end();
}

function encodeBridgeMode(writer: MessageWriter): void {
  const info = writer.beginNested(IFLA_LINKINFO);
  writer.attributeText(IFLA_INFO_KIND, 'macvlan');
  const data = writer.beginNested(IFLA_INFO_DATA);
  writer.attributeU32(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
  for (const nest of [data, info]) writer.endNested(nest);
}

/** Our mark, on every device of a group. RTM_NEWLINK without NLM_F_CREATE, index and name means the group; an empty one is no error. */
export function encodeMarkGroup(writer: MessageWriter, seq: number, group: number, pool: string): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, 0, 'as it is');
  writer.attributeU32(IFLA_GROUP, group);
  writer.attributeText(IFLA_IFALIAS, `${LINK_MARK}${pool}`);
  writer.end();
}

/** Sets every device of a group up, with the ARP settings of ours. */
export function encodeStartGroup(writer: MessageWriter, seq: number, group: number): void {
  writer.begin(RTM_NEWLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, 0, 'up');
  writer.attributeU32(IFLA_GROUP, group);
  encodeSettings(writer, { arp_ignore: LINK_ARP.arpIgnore, arp_announce: LINK_ARP.arpAnnounce });
  writer.end();
}

/** Deletes every device of a group. */
export function encodeRemoveGroup(writer: MessageWriter, seq: number, group: number): void {
  writer.begin(RTM_DELLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, 0, 'as it is');
  writer.attributeU32(IFLA_GROUP, group);
  writer.end();
}

/** Takes a device out of its group. */
export function encodeLeaveGroup(writer: MessageWriter, seq: number, index: number): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  writer.attributeU32(IFLA_GROUP, DEFAULT_GROUP);
  writer.end();
}

/** Makes a device of ours what it should be. ARP settings that are stricter stay. */
export function encodeSetLink(writer: MessageWriter, seq: number, now: Link, { mtu, pool }: PlannedLink): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, now.index, 'up');
  if (now.mtu !== mtu) writer.attributeU32(IFLA_MTU, mtu);
  writer.attributeText(IFLA_IFALIAS, `${LINK_MARK}${pool}`);
  encodeSettings(writer, {
    arp_ignore: Math.max(now.arpIgnore, LINK_ARP.arpIgnore),
    arp_announce: Math.max(now.arpAnnounce, LINK_ARP.arpAnnounce),
  });
  writer.end();
}

/** Gives a device a link-layer address. Alone, for it fails with EADDRINUSE when another one on the parent has it. */
export function encodeSetMac(writer: MessageWriter, seq: number, index: number, mac: string): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  writer.attributeBytes(IFLA_ADDRESS, bytesOf(mac));
  writer.end();
}

export function encodeRemoveLink(writer: MessageWriter, seq: number, index: number): void {
  writer.begin(RTM_DELLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  writer.end();
}

/** A sysctl of one device. Works with CAP_NET_ADMIN also where /proc/sys is read-only. */
export function encodeSetSysctl(writer: MessageWriter, seq: number, index: number, name: SysctlName, value: number): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  encodeSettings(writer, { [name]: value });
  writer.end();
}

/** Whether the other addresses of a network stay when the first of them goes. */
export function encodeSetPromotes(writer: MessageWriter, seq: number, index: number, promotes: boolean): void {
  writer.begin(RTM_SETLINK, NLM_F_REQUEST, seq);
  encodeHeader(writer, index, 'as it is');
  const nests = [IFLA_AF_SPEC, AF_INET, IFLA_INET_CONF].map((type) => writer.beginNested(type));
  writer.attributeU32(IPV4_DEVCONF_PROMOTE_SECONDARIES, promotes ? 1 : 0);
  for (const nest of nests.reverse()) writer.endNested(nest);
  writer.end();
}

function bytesOf(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** struct ifinfomsg: family, type, index, flags, and which of the flags are meant. */
function encodeHeader(writer: MessageWriter, index: number, state: 'up' | 'as it is'): void {
  const flag = state === 'up' ? IFF_UP : 0;
  for (const word of [0, index, flag, flag]) writer.u32(word);
}

function encodeSettings(writer: MessageWriter, settings: Settings): void {
  const spec = writer.beginNested(IFLA_AF_SPEC);
  const family = writer.beginNested(AF_INET);
  const conf = writer.beginNested(IFLA_INET_CONF);
  for (const name of ['rp_filter', 'arp_ignore', 'arp_announce'] as const) {
    const value = settings[name];
    if (value !== undefined) writer.attributeU32(DEVCONF[name], value);
  }
  for (const nest of [conf, family, spec]) writer.endNested(nest);
}
