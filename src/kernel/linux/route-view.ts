import type { DriftEvent } from '../../core/change.ts';
import { FAMILIES, type Family } from '../../core/ip/address.ts';
import { PROTOCOL_FAIRLEAD, type Route, RouteIndex, sameHops, sameSpec } from '../../core/route.ts';
import { ForeignRoutes } from './foreign-routes.ts';
import { NLM_F_APPEND, NLM_F_REPLACE } from './netlink/constants.ts';

/** What happened to a route of ours, and who did it: a port id, 0 for the kernel itself. */
export type RouteDriftListener = (event: DriftEvent, route: Route, sender: number) => void;

/** Whether a route is one that we could have made. Several next hops under our mark are somebody else's work: left alone. */
export function isOurs({ spec }: Route): boolean {
  return spec.protocol === PROTOCOL_FAIRLEAD && spec.hops.length <= 1;
}

/**
 * The kernel's routes as far as notifications tell, ours and the others. What they leave open is a doubt: the family is
 * then to be read again.
 */
export class RouteView {
  readonly owned = new RouteIndex();
  readonly doubts = new Set<Family>();
  /** Grows with every change and every new doubt. */
  version = 0;
  /** Grows with every change of routes that are not ours. */
  foreignVersion = 0;
  readonly #foreign = new Map<Family, ForeignRoutes>(FAMILIES.map((family) => [family, new ForeignRoutes()]));
  readonly #drifted: RouteDriftListener;

  constructor(drifted: RouteDriftListener) {
    this.#drifted = drifted;
  }

  foreign(family: Family): ForeignRoutes {
    return this.#foreign.get(family) ?? new ForeignRoutes();
  }

  *foreignRoutes(): Generator<Route> {
    for (const family of FAMILIES) yield* this.foreign(family).values();
  }

  doubt(family: Family): void {
    this.doubts.add(family);
    this.version++;
  }

  foreignChanged(): void {
    this.version++;
    this.foreignVersion++;
  }

  /** RTM_NEWROUTE from somebody else. With NLM_F_REPLACE it took the place of whatever had the identity. */
  appeared(route: Route, flags: number, sender: number): void {
    const { family } = route.prefix;
    const holders = this.#holders(route);
    // IPv6 merges and splits routes of one identity, and announces some of that only in part.
    const merged = [route, ...holders].some((holder) => holder.spec.hops.length > 1) || (flags & NLM_F_APPEND) !== 0;
    if (family === 6 && merged) {
      this.doubt(family);
      return;
    }
    if (holders.some((holder) => sameSpec(holder.spec, route.spec))) return;
    if (flags & NLM_F_REPLACE) {
      if (holders.length > 1) {
        this.doubt(family);
        return;
      }
      for (const holder of holders) this.#displaced(holder, route, sender);
    } else if (isOurs(route) && this.owned.like(route)) {
      this.doubt(family);
      return;
    }
    this.#insert(route);
  }

  /** RTM_DELROUTE from somebody else, or from the kernel itself. */
  disappeared(route: Route, sender: number): void {
    const own = isOurs(route) ? this.owned.like(route) : undefined;
    if (own && sameSpec(own.spec, route.spec)) {
      this.owned.delete(own);
      this.version++;
      this.#drifted(sender === 0 ? 'LinkDown' : 'RouteDeleted', own, sender);
      return;
    }
    const foreign = this.foreign(route.prefix.family);
    const known = foreign.equal(route);
    if (known) {
      foreign.remove(known);
      this.foreignChanged();
    } else if (own || foreign.like(route).length > 0) {
      this.doubt(route.prefix.family);
    }
  }

  /** Begins to compare with a complete list of one family. */
  reconcile(family: Family): Reconciliation {
    return new Reconciliation(this, family, this.#drifted, (routes) => this.#foreign.set(family, routes));
  }

  #holders(route: Route): readonly Route[] {
    const own = this.owned.like(route);
    const foreign = this.foreign(route.prefix.family).like(route);
    return own ? [own, ...foreign] : foreign;
  }

  #displaced(holder: Route, by: Route, sender: number): void {
    if (!isOurs(holder)) {
      this.foreign(holder.prefix.family).remove(holder);
      this.foreignChanged();
      return;
    }
    this.owned.delete(holder);
    this.version++;
    this.#drifted(isOurs(by) ? 'RouteChanged' : 'RouteReplaced', holder, sender);
  }

  #insert(route: Route): void {
    if (isOurs(route)) {
      this.owned.set(route);
      this.version++;
    } else {
      this.foreign(route.prefix.family).add(route);
      this.foreignChanged();
    }
  }
}

/**
 * IPv6 joins a foreign next hop of the same identity with ours into one route (`ip -6 route append`). It shows the protocol of its first
 * next hop only, so ours is that one when the mark is ours, or the one that we know of.
 */
function joinedHop({ prefix, spec }: Route, known: Route | undefined): Route | undefined {
  if (prefix.family !== 6 || spec.hops.length < 2) return undefined;
  if (known && spec.hops.some((hop) => sameHops([hop], known.spec.hops))) return known;
  return spec.protocol === PROTOCOL_FAIRLEAD ? { prefix, spec: { ...spec, hops: spec.hops.slice(0, 1) } } : undefined;
}

/** The foreign part of a joined route. Its protocol may be hidden behind ours. */
function withoutHop({ prefix, spec }: Route, own: Route): Route {
  const hops = spec.hops.filter((hop) => !sameHops([hop], own.spec.hops));
  return { prefix, spec: { ...spec, protocol: spec.protocol === PROTOCOL_FAIRLEAD ? 0 : spec.protocol, hops } };
}

/** Compares a complete list with the view, route by route. Objects that are still right are kept, so nothing is held twice. */
export class Reconciliation {
  readonly #view: RouteView;
  readonly #family: Family;
  readonly #drifted: RouteDriftListener;
  readonly #adopt: (foreign: ForeignRoutes) => void;
  readonly #seen = new Set<Route>();
  readonly #foreign = new ForeignRoutes();
  /** Nothing to compare with: the first list. */
  readonly #blank: boolean;
  #kept = 0;

  constructor(view: RouteView, family: Family, drifted: RouteDriftListener, adopt: (foreign: ForeignRoutes) => void) {
    this.#view = view;
    this.#family = family;
    this.#drifted = drifted;
    this.#adopt = adopt;
    this.#blank = view.owned.size === 0;
  }

  /** One route of the list. */
  see(route: Route): void {
    const own = joinedHop(route, this.#view.owned.like(route));
    if (own) {
      this.#see(own);
      this.#seeForeign(withoutHop(route, own));
    } else this.#see(route);
  }

  #see(route: Route): void {
    const ours = isOurs(route);
    const known = ours ? this.#view.owned.like(route) : undefined;
    if (!ours || (known && (this.#blank || this.#seen.has(known)))) {
      this.#seeForeign(route);
      return;
    }
    if (known && sameSpec(known.spec, route.spec)) {
      this.#seen.add(known);
      return;
    }
    this.#view.owned.set(route);
    this.#view.version++;
    if (!this.#blank) this.#seen.add(route);
    if (known) this.#drifted('RouteChanged', known, 0);
  }

  /** The list is complete: what it lacks is gone. `lostWithLink`: whether a link event explains that. */
  finish(lostWithLink: (route: Route) => boolean): void {
    // When every route of ours was seen, which is the rule, there is nothing to look for.
    if (!this.#blank && this.#seen.size !== this.#view.owned.size) this.#dropUnseen(lostWithLink);
    const before = this.#view.foreign(this.#family);
    if (this.#kept !== this.#foreign.size || this.#kept !== before.size) this.#view.foreignChanged();
    this.#adopt(this.#foreign);
    this.#view.doubts.delete(this.#family);
  }

  #dropUnseen(lostWithLink: (route: Route) => boolean): void {
    for (const route of this.#view.owned.values()) {
      if (route.prefix.family !== this.#family || this.#seen.has(route)) continue;
      this.#view.owned.delete(route);
      this.#view.version++;
      this.#drifted(this.#reason(route, lostWithLink), route, 0);
    }
  }

  #seeForeign(route: Route): void {
    const known = this.#view.foreign(this.#family).equal(route);
    // The very spec, not an equal one: after a device was renamed the old value names it wrongly.
    const kept = known?.spec === route.spec;
    if (kept) this.#kept++;
    this.#foreign.add(kept ? known : route);
  }

  #reason(route: Route, lostWithLink: (route: Route) => boolean): DriftEvent {
    if (this.#foreign.like(route).length > 0) return 'RouteReplaced';
    return lostWithLink(route) ? 'LinkDown' : 'RouteVanished';
  }
}
