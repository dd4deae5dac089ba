import { type Route, RouteIndex, sameSpec } from '../../core/route.ts';

/**
 * Routes that are not ours, of one family. Unlike ours, several may share an identity: appended routes, and `fe80::/64` on
 * every link. The first is indexed, the others are kept beside it.
 */
export class ForeignRoutes {
  readonly #first = new RouteIndex();
  readonly #others = new Map<string, Route[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whatever has the identity of a route. */
  like(route: Route): readonly Route[] {
    const first = this.#first.like(route);
    if (!first) return [];
    const others = this.#others.size === 0 ? undefined : this.#others.get(keyOf(route));
    return others ? [first, ...others] : [first];
  }

  /** The equal one. */
  equal(route: Route): Route | undefined {
    return this.like(route).find((known) => sameSpec(known.spec, route.spec));
  }

  add(route: Route): void {
    this.#size++;
    if (!this.#first.like(route)) {
      this.#first.set(route);
      return;
    }
    const others = this.#others.get(keyOf(route));
    if (others) others.push(route);
    else this.#others.set(keyOf(route), [route]);
  }

  /** `route` must be one of the values held here. */
  remove(route: Route): void {
    this.#size--;
    const [heir, ...others] = this.like(route).filter((known) => known !== route);
    if (heir) this.#first.set(heir);
    else this.#first.delete(route);
    if (others.length > 0) this.#others.set(keyOf(route), others);
    else this.#others.delete(keyOf(route));
  }

  *values(): Generator<Route> {
    yield* this.#first.values();
    for (const others of this.#others.values()) yield* others;
  }
}

function keyOf({ prefix, spec }: Route): string {
  return `${spec.table} ${spec.metric} ${prefix.text}`;
}
