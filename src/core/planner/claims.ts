import type { Fib } from '../fib.ts';
import { comparePrefixes, type Prefix } from '../ip/prefix.ts';
import { PrefixMap } from '../ip/prefix-map.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { formatRoute, listSome } from '../render.ts';
import { formatRef, type ResourceRef, type StaticRoute } from '../resources.ts';
import type { Route } from '../route.ts';
import { type Draft, hold } from './draft.ts';
import { forbids, type Protection, swallowsGateway } from './protection.ts';

/** The order in which resources claim: creation time, then name. */
export function olderFirst(a: StaticRoute, b: StaticRoute): number {
  return compareText(a.meta.created ?? '', b.meta.created ?? '') || compareText(a.meta.ref.name, b.meta.ref.name);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/**
 * Refuses a whole resource when one of its routes would cut something off. The routes at fault go; the others stay as they are
 * in the kernel, so a bad edit neither takes effect nor breaks what worked.
 */
export function refuseHarmful(draft: Draft, fib: Fib, protection: Protection): Draft {
  const faults: RouteFault[] = [];
  for (const route of draft.routes) {
    const fault = faultOf(route, draft, fib, protection);
    if (fault) faults.push(fault);
  }
  const [first] = faults;
  if (!first) return draft;
  const bad = new Set(faults.map((fault) => fault.route));
  const rest = draft.routes.filter((route) => !bad.has(route));
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more of its subnets would do the like)` : '';
  const problem: Problem = { code: first.code, subject: draft.resource.meta.ref, message: `${first.message}${more}: ${first.fix}` };
  return {
    ...draft,
    routes: [],
    held: [...draft.held, ...rest.map((route) => hold(draft.resource, route.prefix))],
    problems: [...draft.problems, problem],
  };
}

interface RouteFault {
  readonly route: Route;
  readonly code: ProblemCode;
  readonly message: string;
  readonly fix: string;
}

function faultOf(route: Route, draft: Draft, fib: Fib, protection: Protection): RouteFault | undefined {
  const gateway = swallowsGateway(fib, route);
  if (gateway) {
    const message = `${route.prefix} would become the path to its own gateway ${gateway}`;
    return { route, code: 'GatewayLoop', message, fix: 'remove that subnet, or use another gateway; nothing of the resource is applied' };
  }
  const message = forbids(protection, fib, route);
  const own = draft.resource.meta.ref.name;
  return message === undefined
    ? undefined
    : { route, code: 'ProtectedPath', message, fix: `remove that subnet from ${own}; nothing of the resource is applied` };
}

/** Gives each identity to the first draft that claims it; the others keep the rest of theirs and name the winner. */
export function settleClaims(drafts: readonly Draft[]): Draft[] {
  const rivals = new Set([...Map.groupBy(drafts, (draft) => draft.resource.metric).values()].flatMap(overlappingDrafts));
  const owners = new Map<number, PrefixMap<ResourceRef>>();
  return drafts.map((draft) => (rivals.has(draft) ? claim(draft, owners) : draft));
}

/** Those whose prefixes lie among the prefixes of another: only these can want the same one. */
function overlappingDrafts(drafts: readonly Draft[]): Draft[] {
  const spans = drafts.flatMap((draft) => spanOf(draft) ?? []).sort((a, b) => comparePrefixes(a.first, b.first));
  const rivals = new Set<Draft>();
  let widest: Span | undefined;
  for (const span of spans) {
    if (widest && comparePrefixes(span.first, widest.last) <= 0) rivals.add(widest.draft).add(span.draft);
    if (!widest || comparePrefixes(span.last, widest.last) > 0) widest = span;
  }
  return [...rivals];
}

interface Span {
  readonly draft: Draft;
  readonly first: Prefix;
  readonly last: Prefix;
}

function spanOf(draft: Draft): Span | undefined {
  let first: Prefix | undefined;
  let last: Prefix | undefined;
  const widen = ({ prefix }: { readonly prefix: Prefix }): void => {
    if (!first || comparePrefixes(prefix, first) < 0) first = prefix;
    if (!last || comparePrefixes(prefix, last) > 0) last = prefix;
  };
  draft.routes.forEach(widen);
  draft.held.forEach(widen);
  return first && last ? { draft, first, last } : undefined;
}

function claim(draft: Draft, owners: Map<number, PrefixMap<ResourceRef>>): Draft {
  const { meta, metric } = draft.resource;
  const claimed = owners.get(metric) ?? new PrefixMap<ResourceRef>();
  owners.set(metric, claimed);
  const lost = new Grouped();
  const wins = ({ prefix }: { readonly prefix: Prefix }): boolean => {
    const owner = claimed.get(prefix);
    if (owner && owner !== meta.ref) lost.add(formatRef(owner), prefix);
    else claimed.set(prefix, meta.ref);
    return owner === undefined || owner === meta.ref;
  };
  const routes = draft.routes.filter(wins);
  const held = draft.held.filter(wins);
  const problems = lost.map((winner, prefixes): Problem => {
    const message = `${listSome(prefixes)} already belongs to ${winner}, which is older, with the same metric ${metric}: remove it from one of both, or set another metric`;
    return { code: 'Conflict', subject: meta.ref, message };
  });
  return { ...draft, routes, held, problems: [...draft.problems, ...problems] };
}

/** Foreign routes keep their place: an equal identity is a Conflict, a better metric shadows ours. */
export function yieldToForeign(draft: Draft, fib: Fib): Draft {
  const { ref } = draft.resource.meta;
  const conflicts = new Grouped();
  const shadows = new Grouped();
  const routes = draft.routes.filter((route) => {
    const rivals = fib.exact(route.spec.table, route.prefix);
    if (rivals.length === 0) return true;
    const equal = rivals.find((rival) => rival.spec.metric === route.spec.metric);
    const better = rivals.find((rival) => rival.spec.metric < route.spec.metric);
    if (equal) conflicts.add(`"${formatRoute(equal)}"`, route.prefix);
    if (better) shadows.add(`"${formatRoute(better)}"`, route.prefix);
    return !equal;
  });
  if (routes.length === draft.routes.length && shadows.isEmpty) return draft;
  const problems = [
    ...problemsOf(
      'Conflict',
      ref,
      conflicts,
      (rival) => `the node already has the foreign route ${rival}, which is left alone: remove it, or set another metric`,
    ),
    ...problemsOf('Shadowed', ref, shadows, (rival) => `the node prefers the foreign route ${rival}: remove it, or set a metric below it`),
  ];
  return { ...draft, routes, problems: [...draft.problems, ...problems] };
}

function problemsOf(code: ProblemCode, subject: ResourceRef, groups: Grouped, words: (rival: string) => string): Problem[] {
  const [first, ...rest] = groups.map((rival) => rival);
  if (first === undefined) return [];
  const more = rest.length > 0 ? ` (and ${rest.length} more subnets have the like)` : '';
  return [{ code, subject, message: `${words(first)}${more}` }];
}

/** Prefixes by what stands against them, in order of appearance. */
class Grouped {
  readonly #groups = new Map<string, Prefix[]>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  add(key: string, prefix: Prefix): void {
    const group = this.#groups.get(key);
    if (group) group.push(prefix);
    else this.#groups.set(key, [prefix]);
  }

  map<T>(make: (key: string, prefixes: readonly Prefix[]) => T): T[] {
    return [...this.#groups].map(([key, prefixes]) => make(key, prefixes));
  }
}
