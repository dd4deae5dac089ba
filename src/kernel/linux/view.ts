import { release } from 'node:os';
import { type Change, isRouteChange, type SetSysctl } from '../../core/change.ts';
import type { NodeFacts, Rule } from '../../core/facts.ts';
import { FAMILIES, type Family } from '../../core/ip/address.ts';
import type { DeviceRef, Route, RouteSpec } from '../../core/route.ts';
import { DeviceView } from './device-view.ts';
import type { DriftLog } from './drift-log.ts';
import { eachRoute, listAddresses, listLinks, listRpFilters, listRules } from './listing.ts';
import { concerns, type Loss, LostLinks } from './lost-links.ts';
import { decodeAddress } from './netlink/addresses.ts';
import {
  NETCONFA_IFINDEX_ALL,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from './netlink/constants.ts';
import type { Dumper } from './netlink/dump.ts';
import { decodeLink } from './netlink/links.ts';
import { decodeRpFilter } from './netlink/netconf.ts';
import type { MessageReader } from './netlink/reader.ts';
import { RouteDecoder } from './netlink/route-decoder.ts';
import { NextHopObjects } from './nexthop-objects.ts';
import { type Reconciliation, RouteView } from './route-view.ts';
import { SpecTable } from './spec-table.ts';

/** Routes of ours that are being written at this moment. */
export interface Written {
  has(route: Route): boolean;
}

/** Changes `from` to `to` (exclusive) were sent; the kernel refused those whose place, counted from `from`, is in `refused`. */
export interface Done {
  readonly changes: readonly Change[];
  readonly from: number;
  readonly to: number;
  readonly refused?: ReadonlySet<number>;
}

/** What the kernel holds, kept current by notifications; what they leave open is read again by `refresh`. */
export class KernelView {
  readonly #routes: RouteView;
  readonly devices = new DeviceView();
  readonly #drift: DriftLog;
  readonly #specs = new SpecTable();
  readonly #decoder: RouteDecoder;
  readonly #objects: NextHopObjects;
  readonly #lost = new LostLinks();
  /** rp_filter values that we set, by device index. */
  readonly #ourRpFilters = new Map<number, number>();
  #rules: readonly Rule[] = [];
  #stale: Readonly<{ devices: boolean; rules: boolean }> = { devices: true, rules: true };
  #rulesVersion = 0;
  #version = 0;
  #facts: { readonly version: number; readonly routesVersion: number; readonly value: NodeFacts } | undefined;
  #lastSpec: RouteSpec | undefined;
  #pending: Done[] = [];
  #uncovered = false;

  constructor(drift: DriftLog) {
    this.#drift = drift;
    this.#routes = new RouteView((event, route, sender) => drift.route(event, route, sender));
    const device = (index: number): DeviceRef => this.devices.ref(index);
    this.#objects = new NextHopObjects({ device });
    this.#decoder = new RouteDecoder({
      device,
      intern: (spec) => this.#specs.intern(spec),
      objectHops: (id) => this.#objects.of(id),
    });
    this.invalidate();
  }

  get routes(): RouteView {
    this.fold();
    return this.#routes;
  }

  get isStale(): boolean {
    this.fold();
    return this.#stale.devices || this.#stale.rules || this.#routes.doubts.size > 0;
  }

  /** Grows whenever anything became different or doubtful. */
  get version(): number {
    return this.#version + this.#routes.version + this.devices.version;
  }

  /** The same object until something foreign has changed. */
  get facts(): NodeFacts {
    const { foreignVersion } = this.#routes;
    const version = foreignVersion + this.devices.version + this.#rulesVersion;
    if (!this.#facts || this.#facts.version !== version) {
      const known = this.#facts?.routesVersion === foreignVersion ? this.#facts.value.routes : undefined;
      this.#facts = { version, routesVersion: foreignVersion, value: this.#buildFacts(known ?? [...this.#routes.foreignRoutes()]) };
    }
    return this.#facts.value;
  }

  /** Everything is to be read again; what is known stays to compare with. */
  invalidate(): void {
    this.#version++;
    this.#stale = { devices: true, rules: true };
    for (const family of FAMILIES) this.#routes.doubts.add(family);
  }

  /** One notification, after `fold`. `written`: identities that we wrote since the notifications before this one were read. */
  handle(message: MessageReader, written: Written | undefined): void {
    switch (message.type) {
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        this.#routeNotice(message, written);
        break;
      case RTM_NEWLINK:
      case RTM_DELLINK:
        this.#linkNotice(message);
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        this.#addressNotice(message);
        break;
      case RTM_NEWRULE:
      case RTM_DELRULE:
        this.#rulesNotice();
        break;
      case RTM_NEWNETCONF:
        this.#netconfNotice(message);
        break;
      case RTM_NEWNEXTHOP:
        if (this.#objects.forget()) this.#doubtAll();
        break;
      case RTM_DELNEXTHOP:
        this.#lost.addNextHop();
        this.#objects.forget();
        this.#doubtAll();
    }
  }

  #doubtAll(): void {
    this.#decoder.forget();
    for (const family of FAMILIES) this.#routes.doubt(family);
  }

  /** Reads again whatever is in doubt. @throws KernelUnavailable; the doubt then stays. */
  refresh(dumper: Dumper): void {
    this.fold();
    if (this.#stale.devices) this.#readDevices(dumper);
    if (this.#stale.rules) this.#readRules(dumper);
    for (const family of [...this.#routes.doubts]) {
      this.#readRoutes(dumper, family);
      if (!this.#objects.isLacking) continue;
      this.#objects.read(dumper);
      this.#decoder.forget();
      this.#readRoutes(dumper, family);
    }
    this.#lost.clear();
    if (this.#specs.isLarge) this.#sweep();
  }

  /** Changes of ours were carried out, all but the refused. Noted now, worked in later: the kernel's time counts first. */
  done(batch: Done): void {
    this.#pending.push(batch);
  }

  /** Works in what was only noted. Nothing of it is news. */
  fold(): void {
    if (this.#pending.length === 0) return;
    const batches = this.#pending;
    this.#pending = [];
    for (const { changes, from, to, refused } of batches) {
      for (let at = from; at < to; at++) {
        const change = changes[at];
        if (change && !refused?.has(at - from)) this.#carriedOut(change);
      }
    }
  }

  /** Whether a removal of ours has changed what is foreign, which nobody announces. Once for each. */
  takeUncovered(): boolean {
    this.fold();
    const uncovered = this.#uncovered;
    this.#uncovered = false;
    return uncovered;
  }

  #carriedOut(change: Change): void {
    if (change.op === 'set-sysctl') {
      this.#sysctlSet(change);
      return;
    }
    if (!isRouteChange(change)) return;
    if (change.op === 'remove-route') {
      this.#routes.owned.delete(change.route);
      // A foreign IPv6 next hop that was joined with ours now stands alone.
      if (change.route.prefix.family === 4 || this.#routes.foreign(6).like(change.route).length === 0) return;
      this.#routes.doubt(6);
      this.#uncovered = true;
      return;
    }
    this.#routes.owned.set(change.route);
    // Consecutive routes mostly share their spec.
    if (change.route.spec === this.#lastSpec) return;
    this.#lastSpec = change.route.spec;
    this.#specs.intern(change.route.spec);
  }

  #buildFacts(routes: readonly Route[]): NodeFacts {
    const { links, addresses, rpFilterAll } = this.devices;
    return { links, addresses, routes, rules: this.#rules, rpFilterAll, kernelRelease: release() };
  }

  #routeNotice(message: MessageReader, written: Written | undefined): void {
    const { type, flags, sender } = message;
    const route = this.#decoder.decode(message);
    if (!route) return;
    if (this.#objects.isLacking) this.#routes.doubt(route.prefix.family);
    else if (type === RTM_NEWROUTE) this.#routes.appeared(route, flags, sender);
    else this.#routes.disappeared(route, sender);
    // It happened while we wrote the same identity: before or after, nobody can say.
    if (written?.has(route)) this.#routes.doubt(route.prefix.family);
  }

  #linkNotice(message: MessageReader): void {
    const link = decodeLink(message);
    if (!link) return;
    const before = this.devices.link(link.index);
    if (message.type === RTM_DELLINK) {
      this.devices.removeLink(link.index);
      this.#ourRpFilters.delete(link.index);
      this.#lose({ device: link.index });
      return;
    }
    if (this.devices.setLink(link)) this.#renamed();
    if (before?.rpFilter !== link.rpFilter) this.#rpFilterMoved(link.index, link.rpFilter);
    if (before && ((before.up && !link.up) || (before.carrier && !link.carrier))) this.#lose({ device: link.index });
  }

  #addressNotice(message: MessageReader): void {
    const address = decodeAddress(message);
    if (!address) return;
    if (message.type === RTM_NEWADDR) {
      this.devices.setAddress(address);
      return;
    }
    this.devices.removeAddress(address);
    if (address.address.family === 4) this.#lose({ device: address.index, source: address.address });
  }

  #netconfNotice(message: MessageReader): void {
    const setting = decodeRpFilter(message);
    if (!setting) return;
    if (setting.index === NETCONFA_IFINDEX_ALL) {
      this.devices.rpFilterAll = setting.rpFilter;
      return;
    }
    this.devices.setRpFilter(setting.index, setting.rpFilter);
    this.#rpFilterMoved(setting.index, setting.rpFilter);
  }

  #rulesNotice(): void {
    this.#version++;
    this.#stale = { ...this.#stale, rules: true };
  }

  /** IPv6 announces each route that goes; IPv4 does not. Nothing is to be read when no route is concerned. */
  #lose(loss: Loss): void {
    for (const spec of this.#specs.values()) {
      if (!concerns(loss, spec)) continue;
      this.#lost.add(loss);
      this.#routes.doubt(4);
      return;
    }
  }

  #rpFilterMoved(index: number, value: number): void {
    const ours = this.#ourRpFilters.get(index);
    if (ours !== undefined && ours !== value) this.#drift.sysctl(this.devices.ref(index));
  }

  #sysctlSet({ device, value, restores }: SetSysctl): void {
    if (restores) this.#ourRpFilters.delete(device.index);
    else this.#ourRpFilters.set(device.index, value);
    this.devices.setRpFilter(device.index, value);
  }

  /** Specs and addresses carry the name. */
  #renamed(): void {
    this.#specs.clear();
    this.#forgetSpecs();
    this.invalidate();
  }

  #sweep(): void {
    this.#specs.sweep(this.#specsInUse());
    this.#forgetSpecs();
  }

  /** A remembered spec may no longer be the shared one. */
  #forgetSpecs(): void {
    this.#decoder.forget();
    this.#lastSpec = undefined;
  }

  #readDevices(dumper: Dumper): void {
    const before = this.devices.links;
    if (this.devices.replaceLinks(listLinks(dumper))) this.#renamed();
    for (const { index, rpFilter } of before) {
      const now = this.devices.link(index);
      if (now && now.rpFilter !== rpFilter) this.#rpFilterMoved(index, now.rpFilter);
    }
    const all = listRpFilters(dumper).find(({ index }) => index === NETCONFA_IFINDEX_ALL);
    if (all) this.devices.rpFilterAll = all.rpFilter;
    this.devices.replaceAddresses(listAddresses(dumper));
    this.#stale = { ...this.#stale, devices: false };
  }

  #readRoutes(dumper: Dumper, family: Family): void {
    let run: Reconciliation | undefined;
    const begin = (): void => {
      run = this.#routes.reconcile(family);
    };
    eachRoute(dumper, this.#decoder, family, begin, (route) => run?.see(route));
    run?.finish((route) => this.#lost.explains(route));
  }

  #readRules(dumper: Dumper): void {
    const rules = listRules(dumper);
    if (JSON.stringify(rules) !== JSON.stringify(this.#rules)) {
      this.#rules = rules;
      this.#rulesVersion++;
    }
    this.#stale = { ...this.#stale, rules: false };
  }

  *#specsInUse(): Generator<RouteSpec> {
    for (const route of this.#routes.owned.values()) yield route.spec;
    for (const route of this.#routes.foreignRoutes()) yield route.spec;
  }
}
