import type { SysctlName } from './change.ts';
import type { Address, Family } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';
import type { Meta } from './resources.ts';
import type { DeviceRef, NextHop, Route } from './route.ts';

/** The whole wanted state of one node: one entry per resource that selects it. */
export interface NodePlan {
  readonly resources: readonly ResourcePlan[];
  /**
   * Addresses of NodeOverlayIPs that are being deleted: they go whatever else is unknown, for another node is given them as soon as this one,
   * or its Node, is gone.
   */
  readonly revoked?: readonly Address[];
}

export interface ResourcePlan {
  readonly meta: Meta;
  readonly routes: readonly Route[];
  /** Identities that stay exactly as they are in the kernel: present or absent. */
  readonly held: readonly HeldRoute[];
  /** Routes that would do harm: not to be there, whatever else is unknown. */
  readonly harmful: readonly Route[];
  readonly sysctls: readonly PlannedSysctl[];
  readonly links: readonly PlannedLink[];
  readonly addresses: readonly PlannedAddress[];
  /** Names of devices of ours that stay as they are, with all their addresses, and addresses of ours elsewhere that do. */
  readonly heldLinks: readonly string[];
  readonly heldAddresses: readonly Address[];
  /** Addresses that are planned once nobody on the link has answered for them. */
  readonly probes: readonly Probe[];
  /** The next hop per family, for the report. */
  readonly nextHops: ReadonlyMap<Family, NextHop>;
  /** Families whose next hop is missing; after a grace period `onMissingGateway` decides. */
  readonly waiting: readonly Family[];
}

/** What a resource plans that asks for nothing. */
export const NOTHING_PLANNED: Omit<ResourcePlan, 'meta'> = {
  routes: [],
  held: [],
  harmful: [],
  sysctls: [],
  links: [],
  addresses: [],
  heldLinks: [],
  heldAddresses: [],
  probes: [],
  nextHops: new Map(),
  waiting: [],
};

export interface HeldRoute {
  readonly prefix: Prefix;
  readonly table: number;
  readonly metric: number;
}

export interface PlannedSysctl {
  readonly device: DeviceRef;
  readonly name: SysctlName;
  readonly value: number;
}

/** A macvlan device in bridge mode, up, with arp_ignore=1 and arp_announce=2 at the least, and our mark. */
export interface PlannedLink {
  readonly name: string;
  readonly parent: DeviceRef;
  readonly mtu: number;
  readonly pool: string;
  /** It is there and has lost our mark (`Link.likeOurs`), which it gets back. */
  readonly adopts?: true;
}

/** What every device of ours has at the least: each address is answered for by its own device, and by that one only (ip-sysctl.rst). */
export const LINK_ARP = { arpIgnore: 1, arpAnnounce: 2 } as const;

export interface PlannedAddress {
  readonly device: DeviceRef;
  readonly address: Address;
  readonly prefixLength: number;
  /** IPv4 label, where the kernel has no better place for our mark. */
  readonly label?: string;
  /** Asked for in the name of the address as soon as that is there, so that whoever knew it on another node learns where it is now. */
  readonly announceTo?: Address;
  /** The route to its network as the kernel makes it, where that is to be made again: somebody has taken it away. */
  readonly network?: Route;
}

/** Is there anybody on the link of this device who answers for this IPv4 address? */
export interface Probe {
  readonly device: DeviceRef;
  readonly address: Address;
}

/** Names a probe: an address and the link on which it is asked for, by the name of a device that is not ours. */
export function probeKey({ device, address }: { readonly device: Pick<DeviceRef, 'name'>; readonly address: Address }): string {
  return `${device.name} ${address}`;
}
