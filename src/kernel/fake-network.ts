import type { SysctlName } from '../core/change.ts';
import type { InterfaceAddress, Link, Rule } from '../core/facts.ts';
import { Address, WIDTH } from '../core/ip/address.ts';
import { lastBits, Prefix } from '../core/ip/prefix.ts';
import {
  type DeviceRef,
  type NextHop,
  PROTOCOL_KERNEL,
  type Route,
  RouteIndex,
  type RouteSpec,
  TABLE_LOCAL,
  TABLE_MAIN,
} from '../core/route.ts';
import { FakeLinks, type LinkOptions, LOOPBACK } from './fake-links.ts';

/** What the kernel answers to a message that it refuses. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** Where a link has the value of a sysctl. */
export const SYSCTL_FIELD = { rp_filter: 'rpFilter', arp_ignore: 'arpIgnore', arp_announce: 'arpAnnounce' } as const;

const TABLE_DEFAULT = 253;
const LINK_LOCAL = Prefix.parse('fe80::/10');
/** IPv6 stores 0 as this. */
const DEFAULT_METRIC_V6 = 1024;

/** The kernel's own tables and checks, as far as routing goes: the same answers to the same questions. One route per identity. */
export class FakeNetwork {
  readonly routes = new RouteIndex();
  readonly links = new FakeLinks();
  addresses: readonly InterfaceAddress[] = [];
  rules: readonly Rule[] = [
    ...[rule(4, 0, TABLE_LOCAL), rule(4, 32766, TABLE_MAIN), rule(4, 32767, TABLE_DEFAULT)],
    ...[rule(6, 0, TABLE_LOCAL), rule(6, 32766, TABLE_MAIN)],
  ];
  rpFilterAll = 0;

  constructor() {
    this.addAddress('lo', Address.parse('127.0.0.1'), 8);
    this.addAddress('lo', Address.parse('::1'), 128);
  }

  add(wanted: Route): Refusal | undefined {
    const route = this.#resolved(wanted);
    if (this.routes.like(route)) return { code: 'EEXIST', message: 'a route with this prefix, table and metric exists already' };
    const refusal = this.#invalid(route);
    if (!refusal) this.routes.set(route);
    return refusal;
  }

  /** In place. */
  replace(wanted: Route): Refusal | undefined {
    const route = this.#resolved(wanted);
    if (!this.routes.like(route)) return { code: 'ENOENT', message: 'there is no route of ours to replace' };
    const refusal = this.#invalid(route);
    if (!refusal) this.routes.set(route);
    return refusal;
  }

  /** Only a route that agrees in protocol and next hop. */
  remove(wanted: Route): Refusal | undefined {
    const route = this.#resolved(wanted);
    const known = this.routes.like(route);
    const same = known && known.spec.protocol === route.spec.protocol && sameWay(known.spec.hops, route.spec.hops);
    if (!same) return { code: 'ESRCH', message: 'there is no such route of ours' };
    this.routes.delete(known);
    return undefined;
  }

  addLink(name: string, options: LinkOptions = {}): Link {
    return this.links.add(name, options);
  }

  /** Whatever uses it knows it by index; the name that they show follows. */
  renameLink(name: string, to: string): void {
    const { index } = this.link(name);
    const renamed = (device: DeviceRef): DeviceRef => (device.index === index ? { ...device, name: to } : device);
    this.links.set(index, { name: to });
    this.addresses = this.addresses.map((held) => ({ ...held, device: renamed(held.device) }));
    for (const { prefix, spec } of [...this.routes.values()].filter((route) => uses(route, name))) {
      const hops = spec.hops.map((hop) => (hop.device ? { ...hop, device: renamed(hop.device) } : hop));
      this.routes.set({ prefix, spec: { ...spec, hops } });
    }
  }

  /** @returns the routes that went with it. */
  setLinkUp(name: string, up: boolean): readonly Route[] {
    this.links.setUp(this.link(name).index, up);
    if (!up) {
      // The kernel forgets IPv6 addresses of a link that goes down, and keeps IPv4 ones with their local routes.
      this.addresses = this.addresses.filter(({ device, address }) => device.name !== name || address.family === 4);
      return this.#drop((route) => uses(route, name) && !(route.prefix.family === 4 && route.spec.type === 'local'));
    }
    for (const { device, address, prefixLength } of this.addresses) if (device.name === name) this.#connect(name, address, prefixLength);
    return [];
  }

  /** With everything that is on it. @returns the routes that went with it. */
  removeLink(name: string): readonly Route[] {
    return this.links.remove(this.link(name).index).flatMap((gone) => {
      this.addresses = this.addresses.filter(({ device }) => device.index !== gone.index);
      return this.#drop((route) => uses(route, gone.name));
    });
  }

  addAddress(name: string, address: Address, prefixLength: number, mark: Partial<Pick<InterfaceAddress, 'ours' | 'state'>> = {}): void {
    const { index } = this.link(name);
    this.addresses = [...this.addresses, { device: { index, name }, address, prefixLength, ours: false, state: 'valid', ...mark }];
    this.#connect(name, address, prefixLength);
  }

  /** The address that a device has: IPv6 once, IPv4 once for each prefix length. */
  addressOf(index: number, address: Address, prefixLength: number): InterfaceAddress | undefined {
    return this.addresses.find(
      (held) => held.device.index === index && held.address.equals(address) && (address.family === 6 || held.prefixLength === prefixLength),
    );
  }

  setAddressState(name: string, address: Address, state: InterfaceAddress['state']): void {
    this.addresses = this.addresses.map((held) => (held.device.name === name && held.address.equals(address) ? { ...held, state } : held));
  }

  markAddress(index: number, address: Address, ours: boolean): void {
    this.addresses = this.addresses.map((held) => (held.device.index === index && held.address.equals(address) ? { ...held, ours } : held));
  }

  removeAddress(name: string, address: Address): readonly Route[] {
    this.addresses = this.addresses.filter((held) => held.device.name !== name || !held.address.equals(address));
    const bare = !this.addresses.some((held) => held.device.name === name && held.address.family === address.family);
    return this.#drop(
      (route) =>
        route.spec.source?.equals(address) ||
        (route.spec.type === 'local' && route.prefix.first.equals(address)) ||
        (bare && address.family === 4 && route.prefix.family === 4 && uses(route, name)) ||
        (uses(route, name) && route.spec.protocol === PROTOCOL_KERNEL && address.family === 6 && route.prefix.has(address)),
    );
  }

  setSysctl(index: number, name: SysctlName, value: number): void {
    this.links.set(index, { [SYSCTL_FIELD[name]]: value });
  }

  /** @throws Error when a test names a link that it did not make. */
  link(name: string): Link {
    const link = this.links.named(name);
    if (!link) throw new Error(`the fake kernel has no link ${name}`);
    return link;
  }

  /** The kernel names the device of a gateway itself, and never stores IPv6 metric 0. */
  #resolved(route: Route): Route {
    const { prefix, spec } = route;
    const hops = spec.hops.some((hop) => !hop.device) ? spec.hops.map((hop) => this.#withDevice(hop)) : spec.hops;
    const metric = prefix.family === 6 && spec.metric === 0 ? DEFAULT_METRIC_V6 : spec.metric;
    return hops === spec.hops && metric === spec.metric ? route : { prefix, spec: { ...spec, hops, metric } };
  }

  #withDevice(hop: NextHop): NextHop {
    const device = hop.device ?? (hop.gateway && this.#onLink(hop.gateway)?.spec.hops[0]?.device);
    return device ? { ...hop, device } : hop;
  }

  #invalid({ prefix, spec }: Route): Refusal | undefined {
    const v4 = prefix.family === 4;
    if (spec.source && !this.addresses.some(({ address }) => address.equals(spec.source))) {
      return { code: 'EINVAL', message: v4 ? 'Invalid prefsrc address' : 'Invalid source address' };
    }
    for (const hop of spec.hops) {
      const refusal = this.#invalidHop(hop, v4);
      if (refusal) return refusal;
    }
    return undefined;
  }

  #invalidHop({ gateway, device, onLink }: NextHop, v4: boolean): Refusal | undefined {
    const unreachable: Refusal = v4
      ? { code: 'ENETUNREACH', message: 'Nexthop has invalid gateway' }
      : { code: 'EHOSTUNREACH', message: 'the gateway is not reachable on the device' };
    if (!device) return unreachable;
    const link = this.links.get(device.index);
    if (!link) return { code: 'ENODEV', message: 'the device does not exist' };
    if (!link.up && (!gateway || onLink || !v4)) {
      return { code: 'ENETDOWN', message: v4 && !gateway ? 'Device for nexthop is not up' : 'Nexthop device is not up' };
    }
    return gateway && !onLink && !LINK_LOCAL.has(gateway) && !this.#onLink(gateway, device.index) ? unreachable : undefined;
  }

  /** The directly connected route to an address. */
  #onLink(address: Address, index?: number): Route | undefined {
    for (const route of this.routes.values()) {
      const [hop] = route.spec.hops;
      const direct = route.spec.type === 'unicast' && hop && !hop.gateway && (index === undefined || hop.device?.index === index);
      if (direct && route.prefix.has(address)) return route;
    }
    return undefined;
  }

  /** What the kernel adds with an address: the address itself, its network and, in IPv4, the broadcast address. */
  #connect(name: string, address: Address, prefixLength: number): void {
    const { index, up } = this.link(name);
    const v4 = address.family === 4;
    const device = { index, name };
    const base: RouteSpec = {
      table: TABLE_LOCAL,
      metric: 0,
      protocol: PROTOCOL_KERNEL,
      type: 'local',
      hops: [{ device, onLink: false }],
      ...(v4 && { source: address }),
    };
    if (v4 || up) this.#put(Prefix.of(address), base);
    if (!up || prefixLength === WIDTH[address.family] || name === LOOPBACK.name) return;
    const network = Prefix.of(address, prefixLength);
    this.#put(network, { ...base, table: TABLE_MAIN, type: 'unicast', metric: v4 ? 0 : 256 });
    if (v4) this.#put(Prefix.of(new Address(4, lastBits(network))), { ...base, type: 'broadcast' });
  }

  #put(prefix: Prefix, spec: RouteSpec): void {
    if (!this.routes.like({ prefix, spec })) this.routes.set({ prefix, spec });
  }

  #drop(gone: (route: Route) => boolean | undefined): readonly Route[] {
    const dropped = [...this.routes.values()].filter((route) => gone(route));
    for (const route of dropped) this.routes.delete(route);
    return dropped;
  }
}

function rule(family: 4 | 6, priority: number, table: number): Rule {
  return { family, priority, protocol: PROTOCOL_KERNEL, action: 'lookup', table, opaque: false };
}

function uses(route: Route, name: string): boolean {
  return route.spec.hops.some((hop) => hop.device?.name === name);
}

/** A delete that names no device or gateway leaves it open. */
function sameWay(known: readonly NextHop[], wanted: readonly NextHop[]): boolean {
  return wanted.every((hop, i) => {
    const held = known[i];
    const sameGateway = hop.gateway === undefined || hop.gateway.equals(held?.gateway);
    return held !== undefined && sameGateway && (hop.device === undefined || hop.device.index === held.device?.index);
  });
}
