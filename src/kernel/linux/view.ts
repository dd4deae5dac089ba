import { type Change, isRouteChange, type RouteChange } from '../../core/change.ts';
import { marksAddresses, type NodeFacts, type Rule } from '../../core/facts.ts';
import { FAMILIES, type Family } from '../../core/ip/address.ts';
import type { PlannedAddress } from '../../core/plan.ts';
import type { DeviceRef, Route, RouteSpec } from '../../core/route.ts';
import type { DeviceView } from './device-view.ts';
import { Devices } from './devices.ts';
import type { DriftLog } from './drift-log.ts';
import { eachRoute, listRules } from './listing.ts';
import { concerns, type Loss, LostLinks } from './lost-links.ts';
import type { AddressMark } from './netlink/addresses.ts';
import {
  NLM_F_EXCL,
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
import type { Exchange } from './netlink/exchange.ts';
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
  readonly addressMark: AddressMark;
  readonly #release: string;
  readonly #routes: RouteView;
  readonly #devices: Devices;
  readonly #specs = new SpecTable();
  readonly #decoder: RouteDecoder;
  readonly #objects: NextHopObjects;
  readonly #lost = new LostLinks();
  #rules: readonly Rule[] = [];
  #rulesStale = true;
  #rulesVersion = 0;
  #version = 0;
  #facts: { readonly version: number; readonly routesVersion: number; readonly value: NodeFacts } | undefined;
  #lastSpec: RouteSpec | undefined;
  #pending: Done[] = [];
  #news = false;

  /** `release`: of the kernel, as `uname -r` has it. */
  constructor(drift: DriftLog, release: string) {
    this.#release = release;
    this.addressMark = marksAddresses(release) ? 'protocol' : 'label';
    this.#devices = new Devices(drift, this.addressMark, { lose: (loss, ours) => this.#lose(loss, ours), renamed: () => this.#renamed() });
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

  /** Links, addresses and sysctls as they are known. */
  get devices(): DeviceView {
    return this.#devices.view;
  }

  /** Whether an address is to get our mark in place, and can. */
  lacksMark(address: PlannedAddress): boolean {
    this.fold();
    return this.#devices.lacksMark(address);
  }

  get isStale(): boolean {
    this.fold();
    return this.#devices.isStale || this.#rulesStale || this.#routes.doubts.size > 0;
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
    this.#rulesStale = true;
    this.#devices.invalidate();
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
        this.#devices.linkNotice(message);
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        this.#devices.addressNotice(message);
        break;
      case RTM_NEWRULE:
      case RTM_DELRULE:
        this.#rulesNotice();
        break;
      case RTM_NEWNETCONF:
        this.#devices.netconfNotice(message);
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
  refresh(dumper: Dumper, exchange: Exchange): void {
    this.fold();
    this.#devices.refresh(dumper, exchange);
    if (this.#rulesStale) this.#readRules(dumper);
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

  /** Nothing is stale: what others did is complete. */
  settle(): void {
    this.#devices.settle();
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

  /** For what we do to devices of ours ourselves. Everything before is worked in. */
  changing(): Devices {
    this.fold();
    return this.#devices;
  }

  /** A change of ours has changed the facts since the version was this one. One that was refused has not: it is not to be tried at once. */
  changedSince(version: number): void {
    if (this.version !== version) this.#news = true;
  }

  /** Everything of ours was taken away on purpose, since `changing().leaving('everything')`: it is no drift. */
  purged(): void {
    this.#devices.forgetOurs();
    this.#routes.owned.clear();
    this.invalidate();
  }

  /** Whether changes of ours have changed the facts, which nobody announces. Once for each. */
  takeNews(): boolean {
    this.fold();
    const news = this.#news;
    this.#news = false;
    return news;
  }

  #carriedOut(change: Change): void {
    if (isRouteChange(change)) this.#routeChanged(change);
    else if (change.op === 'set-sysctl') this.#devices.sysctlSet(change);
    else if (change.op === 'add-network') this.#networkAdded(change.network);
    else if (change.op === 'add-address' || change.op === 'remove-address') {
      if (change.op === 'add-address') this.#devices[change.marks ? 'marked' : 'added'](change.address);
      else this.#devices.removed(change.address);
      this.#news = true;
    }
  }

  /** What we write ourselves nobody announces; the route of an IPv6 address is made by the kernel, which does. */
  #networkAdded(network: Route): void {
    if (network.prefix.family === 4) this.#routes.appeared(network, NLM_F_EXCL, 0);
    this.#news = true;
  }

  #routeChanged({ op, route }: RouteChange): void {
    if (op === 'remove-route') {
      this.#routes.owned.delete(route);
      // A foreign IPv6 next hop that was joined with ours now stands alone.
      if (route.prefix.family === 4 || this.#routes.foreign(6).like(route).length === 0) return;
      this.#routes.doubt(6);
      this.#news = true;
      return;
    }
    this.#routes.owned.set(route);
    // Consecutive routes mostly share their spec.
    if (route.spec === this.#lastSpec) return;
    this.#lastSpec = route.spec;
    this.#specs.intern(route.spec);
  }

  #buildFacts(routes: readonly Route[]): NodeFacts {
    const { links, addresses, rpFilterAll } = this.devices;
    return { links, addresses, routes, rules: this.#rules, rpFilterAll, kernelRelease: this.#release };
  }

  #routeNotice(message: MessageReader, written: Written | undefined): void {
    const { type, flags, sender } = message;
    const route = this.#decoder.decode(message);
    if (!route) return;
    if (this.#objects.isLacking) this.#routes.doubt(route.prefix.family);
    else if (type === RTM_NEWROUTE) this.#routes.appeared(route, flags, sender);
    else {
      this.#devices.networkLost(route, sender);
      this.#routes.disappeared(route, sender);
    }
    // It happened while we wrote the same identity: before or after, nobody can say.
    if (written?.has(route)) this.#routes.doubt(route.prefix.family);
  }

  #rulesNotice(): void {
    this.#version++;
    this.#rulesStale = true;
  }

  /** IPv6 announces each route that goes; IPv4 does not. Nothing is to be read when no route is concerned. */
  #lose(loss: Loss, ours: boolean): void {
    if (![...this.#specs.values()].some((spec) => concerns(loss, spec))) return;
    this.#routes.doubt(4);
    if (ours) this.#dropWith(loss);
    else this.#lost.add(loss);
  }

  /** Routes that went by our own doing are no drift. Those that stayed are found again. */
  #dropWith(loss: Loss): void {
    const { owned } = this.#routes;
    const families: readonly Family[] = loss.source ? [loss.source.family] : FAMILIES;
    for (const route of [...owned.values()]) if (families.includes(route.prefix.family) && concerns(loss, route.spec)) owned.delete(route);
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
    this.#rulesStale = false;
  }

  *#specsInUse(): Generator<RouteSpec> {
    for (const route of this.#routes.owned.values()) yield route.spec;
    for (const route of this.#routes.foreignRoutes()) yield route.spec;
  }
}
