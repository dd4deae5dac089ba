import type { Fib } from '../fib.ts';
import { hullsOf } from '../ip/hull.ts';
import { comparePrefixes, type Prefix } from '../ip/prefix.ts';
import { PrefixMap } from '../ip/prefix-map.ts';
import type { HeldRoute } from '../plan.ts';
import type { Problem, ProblemCode } from '../problem.ts';
import { formatRoute, listSome } from '../render.ts';
import { formatRef, type Meta, type ResourceRef } from '../resources.ts';
import { PROTOCOL_KERNEL, type Route, TABLE_MAIN } from '../route.ts';
import { type Draft, hold } from './draft.ts';
import type { OverlayNetwork } from './overlay-address.ts';

/** The order in which resources claim: creation time, then name. */
export function olderFirst(a: { readonly meta: Meta }, b: { readonly meta: Meta }): number {
  return compareText(a.meta.created ?? '', b.meta.created ?? '') || compareText(a.meta.ref.name, b.meta.ref.name);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/**
 * Gives each identity to the first draft that claims it; the others keep the rest of theirs and name the winner. What is refused
 * claims nothing: it holds only what nobody else wants.
 */
export function settleClaims(drafts: readonly Draft[]): Draft[] {
  const rivals = new Set([...Map.groupBy(drafts, (draft) => draft.resource.metric).values()].flatMap(overlappingDrafts));
  const owners = new Map<number, PrefixMap<ResourceRef>>();
  const inOrder = [...drafts.filter((draft) => !draft.refused), ...drafts.filter((draft) => draft.refused)];
  return inOrder.map((draft) => (rivals.has(draft) ? claim(draft, owners) : draft));
}

const HULLS = new WeakMap<Draft, readonly Prefix[]>();

/** A draft never changes, and most are looked at again and again. */
function hullsOfDraft(draft: Draft): readonly Prefix[] {
  const known = HULLS.get(draft);
  if (known) return known;
  const hulls = hullsOf([...draft.routes, ...draft.held]);
  HULLS.set(draft, hulls);
  return hulls;
}

/** Those whose prefixes may be among the prefixes of another. Hulls are nested or apart, so a sorted list tells. */
function overlappingDrafts(drafts: readonly Draft[]): Draft[] {
  const ranges = drafts.flatMap((draft) => hullsOfDraft(draft).map((hull) => ({ draft, hull })));
  const rivals = new Set<Draft>();
  let outer: (typeof ranges)[number] | undefined;
  for (const range of ranges.sort((a, b) => comparePrefixes(a.hull, b.hull))) {
    if (outer?.hull.contains(range.hull)) rivals.add(outer.draft).add(range.draft);
    else outer = range;
  }
  return [...rivals];
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
  if (draft.refused) return { ...draft, held };
  const problems = lost.map((winner, prefixes): Problem => {
    const message = `${listSome(prefixes)} already belongs to ${winner}, which is older, with the same metric ${metric}: remove it from one of both, or set another metric`;
    return { code: 'Conflict', subject: meta.ref, message };
  });
  return { ...draft, routes, held, problems: [...draft.problems, ...problems] };
}

/**
 * Foreign routes keep their place: an equal identity is a Conflict, a better metric shadows ours. Nothing is added beside an equal one;
 * but a route of ours that was there before it stays, since taking it away would move the traffic.
 */
export function yieldToForeign(draft: Draft, fib: Fib, overlays: readonly OverlayNetwork[] = []): Draft {
  const { ref } = draft.resource.meta;
  if (!hullsOf(draft.routes).some((hull) => fib.within(TABLE_MAIN, hull).length > 0)) return draft;
  const conflicts = new Grouped();
  const shadows = new Grouped();
  const connected = new Grouped();
  const held: HeldRoute[] = [];
  const routes = draft.routes.filter((route) => {
    const rivals = fib.exact(route.spec.table, route.prefix);
    if (rivals.length === 0) return true;
    const equal = rivals.find((rival) => rival.spec.metric === route.spec.metric);
    const better = rivals.find((rival) => rival.spec.metric < route.spec.metric);
    if (equal) {
      conflicts.add(`"${formatRoute(equal)}"`, route.prefix);
      held.push(hold(draft.resource, route.prefix));
    }
    const network = better && networkBehind(better, overlays);
    if (network !== undefined) connected.add(network, route.prefix);
    else if (better) shadows.add(`"${formatRoute(better)}"`, route.prefix);
    return !equal;
  });
  if (routes.length === draft.routes.length && shadows.isEmpty && connected.isEmpty) return draft;
  const problems = [
    ...problemsOf(
      'Conflict',
      ref,
      conflicts,
      (rival) =>
        `the node has the foreign route ${rival}, which is left alone; beside it none of ours is added or changed: remove it, or set another metric`,
    ),
    ...problemsOf('Shadowed', ref, connected, (network) => network),
    ...problemsOf('Shadowed', ref, shadows, (rival) => `the node prefers the foreign route ${rival}: remove it, or set a metric below it`),
  ];
  return { ...draft, routes, held: held.length > 0 ? [...draft.held, ...held] : draft.held, problems: [...draft.problems, ...problems] };
}

/** Why nothing can go before a route that the kernel made with an address, nor may it be removed; undefined for other routes. */
function networkBehind({ prefix, spec }: Route, overlays: readonly OverlayNetwork[]): string | undefined {
  const [hop] = spec.hops;
  if (spec.protocol !== PROTOCOL_KERNEL || !hop?.device || hop.gateway) return undefined;
  const { name } = hop.device;
  const overlay = overlays.find((network) => network.device === name && network.prefix.text === prefix.text);
  const whose = overlay
    ? `the network of ${formatRef(overlay.owner)}, on ${name}`
    : `a network that the node is itself in, by device ${name}`;
  const fix = overlay ? 'give its OverlayPool another range, or take the subnet out of this resource' : 'take it out of this resource';
  return `the node prefers its own way to ${prefix}, for that is ${whose}: ${fix}`;
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
