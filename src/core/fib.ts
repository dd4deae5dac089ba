import type { Rule } from './facts.ts';
import { type Address, FAMILIES, type Family } from './ip/address.ts';
import { comparePrefixes, endsBefore, type Prefix } from './ip/prefix.ts';
import { PrefixMap } from './ip/prefix-map.ts';
import type { Route } from './route.ts';

/** A packet that asks for a way. `from`, `iif` and `mark` are absent for what the node itself sends without a bound source. */
export interface Query {
  readonly destination: Address;
  readonly from?: Address;
  readonly iif?: string;
  readonly mark?: number;
}

/** The rule and route that decide. A rule that rejects has no route. No answer at all means: network unreachable. */
export interface Answer {
  readonly rule: Rule;
  readonly route?: Route;
}

interface Table {
  readonly byPrefix: PrefixMap<readonly Route[]>;
  /** Sorted by prefix, so that what lies inside a prefix stands together. */
  readonly sorted: readonly Route[];
}

/**
 * The kernel's forwarding decision, simulated: rules in order of priority, in each table the longest prefix, then the lowest
 * metric (ip-rule(8), net/ipv4/fib_trie.c). Selectors that we do not evaluate make a rule opaque: it counts as not matching.
 */
export class Fib {
  readonly #rules: ReadonlyMap<Family, readonly Rule[]>;
  readonly #tables = new Map<number, Table>();

  constructor(rules: readonly Rule[], routes: readonly Route[]) {
    const ordered = [...rules].sort((a, b) => a.priority - b.priority);
    this.#rules = new Map(FAMILIES.map((family) => [family, ordered.filter((rule) => rule.family === family)]));
    for (const [id, members] of Map.groupBy(routes, (route) => route.spec.table)) this.#tables.set(id, tableOf(members));
  }

  /** Routes of exactly this prefix in one table, best first. */
  exact(table: number, prefix: Prefix): readonly Route[] {
    return this.#tables.get(table)?.byPrefix.get(prefix) ?? NO_ROUTES;
  }

  /** The best route per prefix that covers all of a prefix, longest first. */
  covering(table: number, prefix: Prefix): Route[] {
    const rows = this.#tables.get(table)?.byPrefix.covering(prefix) ?? [];
    return [...rows].flatMap((routes) => routes.slice(0, 1));
  }

  /** All routes of all tables that cover all of a prefix. */
  allCovering(prefix: Prefix): Route[] {
    return [...this.#tables.values()].flatMap(({ byPrefix }) => [...byPrefix.covering(prefix)].flat());
  }

  /** Routes of one table whose prefix lies inside a prefix or equals it. */
  within(table: number, prefix: Prefix): Route[] {
    const sorted = this.#tables.get(table)?.sorted ?? NO_ROUTES;
    const found: Route[] = [];
    for (let i = lowerBound(sorted, prefix); i < sorted.length; i++) {
      const route = sorted[i];
      if (!route || endsBefore(prefix, route.prefix)) break;
      if (prefix.contains(route.prefix)) found.push(route);
    }
    return found;
  }

  /** Prefixes inside a prefix at which the answer may change because of another table than the given one, or of a rule. */
  turnsWithin(prefix: Prefix, table: number): Prefix[] {
    const others = [...this.#tables.keys()].filter((id) => id !== table);
    const destinations = (this.#rules.get(prefix.family) ?? []).flatMap(({ to }) => (to && prefix.contains(to) ? [to] : []));
    return [...others.flatMap((id) => this.within(id, prefix).map((route) => route.prefix)), ...destinations];
  }

  /** Where a packet goes; with `extra`, as if that route were there too. */
  lookup(query: Query, extra?: Route): Answer | undefined {
    const rules = this.#rules.get(query.destination.family) ?? [];
    for (let i = 0; i < rules.length; ) {
      const rule = rules[i];
      if (!rule) break;
      const next = i + 1;
      i = next;
      if (!matches(rule, query)) continue;
      if (rule.action === 'goto') {
        const target = rules.findIndex((other) => other.priority >= (rule.goto ?? 0));
        i = target < next ? rules.length : target;
      } else if (rule.action === 'lookup') {
        const route = this.#longest(rule.table, query.destination, extra);
        const suppressed = route !== undefined && route.prefix.length <= (rule.suppressPrefixLength ?? -1);
        if (route && !suppressed && route.spec.type !== 'throw') return { rule, route };
      } else if (rule.action !== 'nop' && rule.action !== 'other') {
        return { rule };
      }
    }
    return undefined;
  }

  #longest(table: number, destination: Address, extra: Route | undefined): Route | undefined {
    const best = this.#tables.get(table)?.byPrefix.longest(destination)?.[0];
    if (extra?.spec.table !== table || !extra.prefix.has(destination)) return best;
    if (!best || extra.prefix.length > best.prefix.length) return extra;
    return extra.prefix.length === best.prefix.length && extra.spec.metric < best.spec.metric ? extra : best;
  }
}

const NO_ROUTES: readonly Route[] = [];

function tableOf(routes: readonly Route[]): Table {
  const sorted = [...routes].sort((a, b) => comparePrefixes(a.prefix, b.prefix) || a.spec.metric - b.spec.metric);
  const byPrefix = new PrefixMap<Route[]>();
  for (const route of sorted) {
    const row = byPrefix.get(route.prefix);
    if (row) row.push(route);
    else byPrefix.set(route.prefix, [route]);
  }
  return { byPrefix, sorted };
}

/** First index whose prefix does not sort before `prefix`. */
function lowerBound(sorted: readonly Route[], prefix: Prefix): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const route = sorted[middle];
    if (route && comparePrefixes(route.prefix, prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An absent source or device in the query is the node's own unbound packet: it matches no selector, as in the kernel. */
function matches(rule: Rule, query: Query): boolean {
  if (rule.opaque) return false;
  if (rule.from && rule.from.length > 0 && !(query.from && rule.from.has(query.from))) return false;
  if (rule.to && !rule.to.has(query.destination)) return false;
  if (rule.iif !== undefined && rule.iif !== (query.iif ?? 'lo')) return false;
  if (rule.oif !== undefined) return false;
  return rule.mark === undefined || ((query.mark ?? 0) & rule.mark.mask) === rule.mark.value;
}
