import type { Address } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';

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

function sameHops(a: readonly NextHop[], b: readonly NextHop[]): boolean {
  return a.length === b.length && a.every((hop, i) => sameHop(hop, b[i]));
}

function sameHop(a: NextHop, b: NextHop | undefined): boolean {
  return b !== undefined && a.device?.index === b.device?.index && a.onLink === b.onLink && sameAddress(a.gateway, b.gateway);
}

function sameAddress(a: Address | undefined, b: Address | undefined): boolean {
  return a === b || a?.equals(b) === true;
}

/** Routes by identity. Made for 100k entries: one map per (table, metric), keyed by the prefix text. */
export class RouteIndex {
  readonly #slots = new Map<number, Map<string, Route>>();

  static of(routes: Iterable<Route>): RouteIndex {
    const index = new RouteIndex();
    for (const route of routes) index.set(route);
    return index;
  }

  get size(): number {
    let size = 0;
    for (const slot of this.#slots.values()) size += slot.size;
    return size;
  }

  get(prefix: Prefix, table: number, metric: number): Route | undefined {
    return this.#slots.get(slotOf(table, metric))?.get(prefix.text);
  }

  /** The route of the same identity. */
  like(route: Route): Route | undefined {
    return this.get(route.prefix, route.spec.table, route.spec.metric);
  }

  set(route: Route): void {
    const key = slotOf(route.spec.table, route.spec.metric);
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = new Map();
      this.#slots.set(key, slot);
    }
    slot.set(route.prefix.text, route);
  }

  /** Whether a route of that identity was there. */
  delete(route: Route): boolean {
    return this.#slots.get(slotOf(route.spec.table, route.spec.metric))?.delete(route.prefix.text) ?? false;
  }

  clear(): void {
    this.#slots.clear();
  }

  *values(): Generator<Route> {
    for (const slot of this.#slots.values()) yield* slot.values();
  }
}

/** Table and metric are 32-bit; the tables in use are small, so this stays exact below 2^53. */
function slotOf(table: number, metric: number): number {
  return (table % 0x200000) * 0x100000000 + metric;
}
