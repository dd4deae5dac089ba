import type { SysctlName } from './change.ts';
import type { Address } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';
import { type DeviceRef, PROTOCOL_KERNEL, type Route, TABLE_MAIN } from './route.ts';

/** Reverse-path filter modes of `net.ipv4.conf.*.rp_filter` (Documentation/networking/ip-sysctl.rst). */
export const RP_FILTER = { off: 0, strict: 1, loose: 2 } as const;

/** What the node's kernel holds, but for routes of ours. Devices and addresses of ours carry their mark. The same value as long as nothing of it has changed. */
export interface NodeFacts {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  /** Foreign routes of every table, both families. Never ours: those are `Owned`. */
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  /** `net.ipv4.conf.all.rp_filter`; the effective mode of a link is the larger of both. */
  readonly rpFilterAll: number;
  /** `uname -r`. */
  readonly kernelRelease: string;
}

export interface Link extends DeviceRef {
  /** IFF_UP: an administrator switched it on. Routes exist only on links that are up. */
  readonly up: boolean;
  /** IFF_LOWER_UP: there is a carrier. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** `net.ipv4.conf.<name>.rp_filter`. */
  readonly rpFilter: number;
  /** `net.ipv4.conf.<name>.arp_ignore` and `arp_announce`. The kernel does not announce changes of these. */
  readonly arpIgnore: number;
  readonly arpAnnounce: number;
  /** The device below, for devices that have one in the same network namespace (IFLA_LINK). */
  readonly parent?: number;
  /** IFLA_INFO_KIND, for example `macvlan`. */
  readonly kind?: string;
  /** IFLA_MACVLAN_MODE of a macvlan: the one that we make, or any other. */
  readonly mode?: 'bridge' | 'other';
  /** IFLA_IFALIAS. One that begins with `LINK_MARK` says that a macvlan device is ours. */
  readonly alias?: string;
  /** Link-layer address as text. */
  readonly mac?: string;
  /** Of a device of ours to which somebody has given another link-layer address: the one that it had. */
  readonly formerMac?: string;
  /** It lacks our mark and yet can only be ours: a macvlan in bridge mode with the link-layer address that we give to that name on that parent. */
  readonly likeOurs?: true;
}

/** The present value of a sysctl of a device. */
export function sysctlOf(link: Link, name: SysctlName): number {
  switch (name) {
    case 'rp_filter':
      return link.rpFilter;
    case 'arp_ignore':
      return link.arpIgnore;
    case 'arp_announce':
      return link.arpAnnounce;
  }
}

/** Our mark on a device: its alias is this and the name of the pool. */
export const LINK_MARK = 'fairlead:';

/** What we make. */
const LINK_KIND = 'macvlan';

/** Whether a device carries our mark. On one that we could not have made that is somebody's mistake: only those with a pool are ours. */
export function isMarked({ alias }: Link): boolean {
  return alias?.startsWith(LINK_MARK) ?? false;
}

/** The pool that a device of ours belongs to; undefined for devices of others. */
export function poolOf({ alias, kind }: Link): string | undefined {
  return kind === LINK_KIND && alias?.startsWith(LINK_MARK) ? alias.slice(LINK_MARK.length) : undefined;
}

/** From this version on an address carries a protocol (IFA_PROTO, Linux 5.18). */
const MARKS_ADDRESSES = { major: 5, minor: 18 };
/** The end of an IPv4 label that is our mark on an address, before that version and never later: others may label as they like. */
export const LABEL_MARK = ':fl';

/** Whether an address can carry our mark whatever its family. `6.1.0-13-amd64` can; a release that is no such text counts as new. */
export function marksAddresses(release: string): boolean {
  const [major = Infinity, minor = Infinity] = (/^(\d+)\.(\d+)/.exec(release) ?? []).slice(1).map(Number);
  return major > MARKS_ADDRESSES.major || (major === MARKS_ADDRESSES.major && minor >= MARKS_ADDRESSES.minor);
}

export interface InterfaceAddress {
  readonly device: DeviceRef;
  readonly address: Address;
  readonly prefixLength: number;
  /** It carries our mark: IFA_PROTO, or a label where the kernel has none (`marksAddresses`). */
  readonly ours: boolean;
  /** IPv6 only is ever anything but `valid`: `tentative` until nobody has answered for it, `duplicate` when somebody has. */
  readonly state: 'valid' | 'tentative' | 'duplicate';
}

/** A policy routing rule (`ip rule`). A selector that is absent matches everything. */
export interface Rule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly protocol: number;
  readonly action: 'lookup' | 'unreachable' | 'blackhole' | 'prohibit' | 'goto' | 'nop' | 'other';
  readonly table: number;
  readonly goto?: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly iif?: string;
  readonly oif?: string;
  readonly mark?: { readonly value: number; readonly mask: number };
  /** `suppress_prefixlength N`: an answer whose prefix is N bits or shorter does not count. */
  readonly suppressPrefixLength?: number;
  /** Set when the rule has a selector that we do not evaluate (tos, ports, uid, l3mdev, ipproto, not): it then counts as not matching. */
  readonly opaque: boolean;
}

export function linkNamed(facts: NodeFacts, name: string): Link | undefined {
  return facts.links.find((link) => link.name === name);
}

/**
 * Whether a route is a network that the node is itself connected to. DHCP clients and systemd-networkd make the network of an address
 * themselves, under another protocol than the kernel's.
 */
export function isConnectedNetwork({ prefix, spec }: Route, { addresses }: NodeFacts): boolean {
  if (spec.table !== TABLE_MAIN || spec.type !== 'unicast') return false;
  if (spec.protocol === PROTOCOL_KERNEL) return true;
  const [hop] = spec.hops;
  if (!hop?.device || hop.gateway) return false;
  return addresses.some(
    ({ device, address, prefixLength }) => device.index === hop.device?.index && prefixLength === prefix.length && prefix.has(address),
  );
}
