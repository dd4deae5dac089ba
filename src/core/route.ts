import type { Address } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';
import { PrefixMap } from './ip/prefix-map.ts';

/** Kernel values: include/uapi/linux/rtnetlink.h and if.h. */
export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;
export const PROTOCOL_KERNEL = 2;
/** Our mark: a route of any other protocol is not ours and is never touched. */
export const PROTOCOL_FAIRLEAD = 201;

/** A network device as routes refer to it: by index; the name is for people. */
export interface DeviceRef {
  readonly index: number;
  readonly name: string;
}

/** One way out. Without a gateway the destination is on the link itself. */
export interface NextHop {
  readonly gateway?: Address;
  readonly device?: DeviceRef;
  /** `onlink`: the gateway counts as reachable on the device though no connected route covers it. */
  readonly onLink: boolean;
}

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'multicast'
  | 'anycast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'other';

/**
 * Everything about a route but its destination. Routes that differ only in their prefix share one value,
 * so comparing two specs starts with `===`.
 */
export interface RouteSpec {
  readonly table: number;
  /** Priority: the lowest wins. IPv6 stores 0 as 1024. */
  readonly metric: number;
  readonly protocol: number;
  readonly type: RouteType;
  /** One for a plain route, several for ECMP, none for blackhole, unreachable, prohibit, throw. */
  readonly hops: readonly NextHop[];
  /** Preferred source address (`src`). */
  readonly source?: Address;
  readonly mtu?: number;
}

/** Identity in the kernel is (prefix, table, metric). */
export interface Route {
  readonly prefix: Prefix;
  readonly spec: RouteSpec;
}

/** Whether two specs mean the same to the kernel. Device names do not count, indexes do. */
export function sameSpec(a: RouteSpec, b: RouteSpec): boolean {
  if (a === b) return true;
  return (
    a.table === b.table &&
    a.metric === b.metric &&
    a.protocol === b.protocol &&
    a.type === b.type &&
    a.mtu === b.mtu &&
    sameAddress(a.source, b.source) &&
    sameHops(a.hops, b.hops)
  );
}

/** Whether packets take the same way: gateways and devices are equal, whatever the flags. */
export function sameWay(a: readonly NextHop[], b: readonly NextHop[]): boolean {
  return a.length === b.length && a.every((hop, i) => hop.device?.index === b[i]?.device?.index && sameAddress(hop.gateway, b[i]?.gateway));
}

/** Whether next hops are equal, flags included. */
export function sameHops(a: readonly NextHop[], b: readonly NextHop[]): boolean {
  return a.length === b.length && a.every((hop, i) => sameHop(hop, b[i]));
}

function sameHop(a: NextHop, b: NextHop | undefined): boolean {
  return b !== undefined && a.device?.index === b.device?.index && a.onLink === b.onLink && sameAddress(a.gateway, b.gateway);
}

function sameAddress(a: Address | undefined, b: Address | undefined): boolean {
  return a === b || a?.equals(b) === true;
}

/** The routes of one table and metric. */
interface Slot {
  readonly table: number;
  readonly metric: number;
  readonly routes: PrefixMap<Route>;
}

/** Routes by identity: prefix, table, metric. Made for 100,000 entries that come in runs of one table and metric. */
export class RouteIndex {
  #slots: readonly Slot[] = [];
  #last: Slot | undefined;

  static of(routes: Iterable<Route>): RouteIndex {
    const index = new RouteIndex();
    for (const route of routes) index.set(route);
    return index;
  }

  get size(): number {
    let size = 0;
    for (const slot of this.#slots) size += slot.routes.size;
    return size;
  }

  get(prefix: Prefix, table: number, metric: number): Route | undefined {
    return this.#slot(table, metric)?.routes.get(prefix);
  }

  /** The route of the same identity. */
  like({ prefix, spec }: Route): Route | undefined {
    return this.get(prefix, spec.table, spec.metric);
  }

  set(route: Route): void {
    const { table, metric } = route.spec;
    const slot = this.#slot(table, metric) ?? this.#add(table, metric);
    slot.routes.set(route.prefix, route);
  }

  /** Whether a route of that identity was there. */
  delete({ prefix, spec }: Route): boolean {
    return this.#slot(spec.table, spec.metric)?.routes.delete(prefix) ?? false;
  }

  clear(): void {
    this.#slots = [];
    this.#last = undefined;
  }

  *values(): Generator<Route> {
    for (const slot of this.#slots) yield* slot.routes.values();
  }

  #slot(table: number, metric: number): Slot | undefined {
    const last = this.#last;
    if (last !== undefined && last.metric === metric && last.table === table) return last;
    const found = this.#slots.find((slot) => slot.metric === metric && slot.table === table);
    if (found) this.#last = found;
    return found;
  }

  #add(table: number, metric: number): Slot {
    const slot: Slot = { table, metric, routes: new PrefixMap() };
    this.#slots = [...this.#slots, slot];
    return slot;
  }
}
