import type { RememberedSysctl } from '../change.ts';
import { type Link, type NodeFacts, RP_FILTER } from '../facts.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { PlannedSysctl } from '../plan.ts';
import type { StaticRoute } from '../resources.ts';
import type { Route } from '../route.ts';
import type { Draft } from './draft.ts';
import { reachableGateways, type Surroundings } from './next-hop.ts';
import type { NodeIdentity } from './node.ts';

/** A route as wide as this or wider says "everything else", not "these subnets are there". */
const WIDE = 7;

/**
 * `reversePath: Loose`: the devices by which packets from the subnets may arrive get rp_filter=2 while they are strict. The kernel uses
 * the larger of `all` and the device's own value (ip-sysctl.rst), so 2 on the device is enough. IPv6 has no such filter.
 */
export function loosenReversePath(draft: Draft, around: Surroundings, node: NodeIdentity): PlannedSysctl[] {
  const { facts } = around;
  if (draft.resource.reversePath !== 'Loose') return [];
  const subnets = [...draft.routes, ...draft.held].map(({ prefix }) => prefix).filter(({ family }) => family === 4);
  if (subnets.length === 0) return [];
  const hop = draft.nextHops.get(4);
  if (!hop || draft.refused) return draft.held.some(({ prefix }) => prefix.family === 4) ? keepAll(facts, node.remembered) : [];
  const devices = new Set([hop.device?.index, ...otherWays(draft.resource, subnets, around)]);
  return facts.links
    .filter((link) => devices.has(link.index) && isStrict(link, facts, node.remembered))
    .map(({ index, name }) => ({ device: { index, name }, name: 'rp_filter', value: RP_FILTER.loose }));
}

/**
 * Where packets from the subnets may arrive as well: nobody can know, but the node has hints. By the other gateways that the resource
 * names for this node, and by whatever device the node has a route to all of a subnet (or of what discovery looks toward), used or not.
 * Never by what only leads to everything else: spoofed packets come from there.
 */
function otherWays({ via }: StaticRoute, subnets: readonly Prefix[], around: Surroundings): number[] {
  const toward = via.type === 'discover' ? via.toward.get(4) : undefined;
  const routes = [...subnets, ...(toward ? [toward] : [])].flatMap((target) =>
    around.fib.allCovering(target).filter((route) => leadsThere(route, target)),
  );
  const gateways = via.type === 'gateways' ? reachableGateways(via.choices, 4, around) : [];
  return [...routes.flatMap(({ spec }) => spec.hops), ...gateways].flatMap(({ device }) => (device ? [device.index] : []));
}

function leadsThere({ prefix, spec }: Route, target: Prefix): boolean {
  return spec.type === 'unicast' && (prefix.length > WIDE || target.length <= WIDE);
}

/** While routes are held and the next hop is missing or refused, which devices they use is not known: nothing loose becomes strict. */
function keepAll(facts: NodeFacts, remembered: readonly RememberedSysctl[]): PlannedSysctl[] {
  return remembered.flatMap(({ device, name, value }) => {
    const link = facts.links.find((candidate) => candidate.index === device.index && candidate.rpFilter === value);
    return link ? [{ device: { index: link.index, name: link.name }, name, value }] : [];
  });
}

/** Judged by the administrator's value: ours must not be the reason to take it back. */
function isStrict(link: Link, facts: NodeFacts, remembered: readonly RememberedSysctl[]): boolean {
  const ours = remembered.find((entry) => entry.device.index === link.index && entry.value === link.rpFilter);
  return Math.max(facts.rpFilterAll, ours?.previous ?? link.rpFilter) === RP_FILTER.strict;
}
