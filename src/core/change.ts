import type { Address } from './ip/address.ts';
import type { PlannedAddress, PlannedLink } from './plan.ts';
import type { DeviceRef, Route } from './route.ts';

/**
 * One step of making the kernel match the plan.
 * `add-route` fails when any route of that identity exists; `replace-route` and `remove-route` act on routes of ours only.
 */
export type Change =
  | { readonly op: 'add-route'; readonly route: Route }
  | { readonly op: 'replace-route'; readonly route: Route; readonly previous: Route }
  | RemoveRoute
  | SetSysctl
  | LinkChange
  | AddressChange;

export type RouteChange = Extract<Change, { readonly route: Route }>;

/**
 * `add-link` makes it with everything that a `PlannedLink` is, at once: whatever becomes of this process, it is never left without its mark.
 * It fails with EEXIST when any device has that name. `set-link` and `remove-link` act on devices of ours only. `announceTo`: as in
 * `PlannedAddress`, where the link-layer address is put right. `replaced`: the same device follows at once, made anew. `revoked`: its addresses go whatever else is unknown (`NodePlan`).
 */
export type LinkChange =
  | { readonly op: 'add-link'; readonly link: PlannedLink }
  | { readonly op: 'set-link'; readonly link: PlannedLink; readonly device: DeviceRef; readonly announceTo?: readonly Address[] }
  | { readonly op: 'remove-link'; readonly device: DeviceRef; readonly pool: string; readonly replaced?: true; readonly revoked?: true };

/**
 * `add-address` fails with EEXIST when the device has the address. `marks`: a device of ours has it without our mark, which is put on it in
 * place. `remove-address` acts on addresses of ours only. `add-network`: an address of ours is there, and the route that the kernel made for
 * its network is not. It is made again as the kernel makes it, and goes with the address; that somebody was faster is no failure.
 */
export type AddressChange =
  | { readonly op: 'add-address'; readonly address: PlannedAddress; readonly marks?: true }
  | { readonly op: 'add-network'; readonly address: PlannedAddress; readonly network: Route }
  | { readonly op: 'remove-address'; readonly address: Omit<PlannedAddress, 'label'>; readonly revoked?: true };

/** `harmful`: the route cuts something off, so taking it away does not wait for a complete source. */
export interface RemoveRoute {
  readonly op: 'remove-route';
  readonly route: Route;
  readonly harmful?: true;
}

/**
 * A sysctl per device. These carry no mark, so the value before ours is remembered on disk before the change.
 * `restores`: the value goes back to what it was, and can be forgotten.
 */
export interface SetSysctl {
  readonly op: 'set-sysctl';
  readonly device: DeviceRef;
  readonly name: SysctlName;
  readonly value: number;
  readonly previous: number;
  readonly restores: boolean;
}

export type SysctlName = 'rp_filter' | 'arp_ignore' | 'arp_announce';

export function isSysctlName(name: unknown): name is SysctlName {
  return name === 'rp_filter' || name === 'arp_ignore' || name === 'arp_announce';
}

/** A change that the kernel refused. */
export interface Failure {
  readonly change: Change;
  /** Symbolic errno, for example `EEXIST`. */
  readonly code: string;
  /** The kernel's words: its extended-ack text when it gave one, else the meaning of the errno. */
  readonly message: string;
}

/**
 * A sysctl that we changed, and what it was before. The value belongs to the device with that index, also after it got another name;
 * with the device it goes for ever.
 */
export interface RememberedSysctl {
  readonly device: DeviceRef;
  readonly name: SysctlName;
  readonly previous: number;
  readonly value: number;
}

/** Something of ours that was changed from outside. `at` is in microseconds of the kernel adapter's monotonic clock. */
export interface Drift {
  readonly event: DriftEvent;
  readonly route?: Route;
  readonly sysctl?: { readonly device: DeviceRef; readonly name: SysctlName };
  /** A device of ours, by name. */
  readonly link?: string;
  /** An address of ours. */
  readonly address?: Omit<PlannedAddress, 'label'>;
  /** Who did it, as `ip (1234)`, where that can be known. Ask soon: processes end. */
  readonly process?: string | undefined;
  readonly at: number;
}

/**
 * RouteDeleted: taken away; with an address: the route to its network. RouteReplaced: a foreign route took its place. RouteChanged: still ours, other attributes.
 * LinkDown: the kernel dropped it with its link. RouteVanished: found missing without a notification. SysctlChanged.
 * LinkDeleted and LinkChanged (it was set down, or another MTU, alias, link-layer address or ARP setting): a device of ours.
 * AddressDeleted and AddressChanged (it has lost our mark): an address of ours.
 */
export type DriftEvent =
  | 'RouteDeleted'
  | 'RouteReplaced'
  | 'RouteChanged'
  | 'LinkDown'
  | 'RouteVanished'
  | 'SysctlChanged'
  | 'LinkDeleted'
  | 'LinkChanged'
  | 'AddressDeleted'
  | 'AddressChanged';

export function isRouteChange(change: Change): change is RouteChange {
  return 'route' in change;
}
