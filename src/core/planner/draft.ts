import { FAMILIES, type Family } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { HeldRoute } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { StaticRoute } from '../resources.ts';
import { type NextHop, PROTOCOL_FAIRLEAD, type Route, type RouteSpec, TABLE_MAIN } from '../route.ts';
import { selects } from '../selector.ts';
import { type Fault, type OverlayWays, type Resolution, resolveNextHop, type Surroundings } from './next-hop.ts';
import { type NodeIdentity, waitKey } from './node.ts';

/** What one resource wants on this node, before it is weighed against the others. */
export interface Draft {
  readonly resource: StaticRoute;
  readonly routes: readonly Route[];
  readonly held: readonly HeldRoute[];
  /** Routes that are refused because they would do harm. */
  readonly harmful: readonly Route[];
  readonly nextHops: ReadonlyMap<Family, NextHop>;
  readonly waiting: readonly Family[];
  readonly problems: readonly Problem[];
  /** Nothing of it may be added, because one of its routes would do harm. */
  readonly refused: boolean;
}

/** What a resource is drafted in. */
export interface Setting extends Surroundings {
  readonly overlays: OverlayWays;
}

/** None when the resource does not select this node. */
export function draftOf(resource: StaticRoute, around: Setting, node: NodeIdentity): Draft[] {
  const selected = selects(resource.nodeSelector, around.labels);
  if (selected === false) return [];
  const empty: Draft = { resource, routes: [], held: [], harmful: [], nextHops: new Map(), waiting: [], problems: [], refused: false };
  if (selected === undefined) {
    const message = `the labels of node ${node.name} are not known, so spec.nodeSelector cannot be decided: provide its v1/Node`;
    const problem: Problem = { code: 'NodeLabelsUnknown', subject: resource.meta.ref, message };
    return [{ ...empty, held: resource.subnets.map((prefix) => hold(resource, prefix)), problems: [problem] }];
  }
  return [FAMILIES.reduce((draft, family) => addFamily(draft, family, around, node), empty)];
}

function addFamily(draft: Draft, family: Family, around: Setting, node: NodeIdentity): Draft {
  const { resource } = draft;
  const ofFamily = (prefix: Prefix): boolean => prefix.family === family;
  const subnets = resource.subnets.every(ofFamily) ? resource.subnets : resource.subnets.filter(ofFamily);
  if (subnets.length === 0) return draft;
  const way = checkSource(resource, family, around) ?? resolveNextHop(resource, family, around);
  if ('hops' in way) return withRoutes(draft, family, subnets, way);
  const problems = [...draft.problems, { code: way.code, subject: resource.meta.ref, message: way.message }];
  const waiting = [...draft.waiting, family];
  if (way.code === 'NodeLabelsUnknown' || !node.overdue.has(waitKey(resource.meta.ref, family))) {
    return { ...draft, problems, waiting, held: [...draft.held, ...subnets.map((prefix) => hold(resource, prefix))] };
  }
  const closed = resource.onMissingGateway === 'Unreachable' ? withRoutes(draft, family, subnets, { hops: [] }) : draft;
  return { ...closed, problems, waiting };
}

function withRoutes(draft: Draft, family: Family, subnets: readonly Prefix[], way: Extract<Resolution, { hops: unknown }>): Draft {
  const spec = specOf(draft.resource, family, way);
  const added = subnets.map((prefix): Route => ({ prefix, spec }));
  const routes = draft.routes.length === 0 ? added : [...draft.routes, ...added];
  const [hop] = way.hops;
  return { ...draft, routes, nextHops: hop ? new Map([...draft.nextHops, [family, hop]]) : draft.nextHops };
}

function specOf(resource: StaticRoute, family: Family, { hops, source: own }: Extract<Resolution, { hops: unknown }>): RouteSpec {
  const common = { table: TABLE_MAIN, metric: resource.metric, protocol: PROTOCOL_FAIRLEAD, hops };
  if (hops.length === 0) return { ...common, type: 'unreachable' };
  const chosen = resource.source?.family === family ? resource.source : own;
  const source = chosen ? { source: chosen } : {};
  const mtu = resource.mtu === undefined ? {} : { mtu: resource.mtu };
  return { ...common, type: 'unicast', ...source, ...mtu };
}

/** The kernel refuses a preferred source that is not its own (RTA_PREFSRC), and drops the route when the address goes. */
function checkSource(resource: StaticRoute, family: Family, around: Surroundings): Fault | undefined {
  const { source } = resource;
  if (source?.family !== family || around.facts.addresses.some((own) => own.address.equals(source))) return undefined;
  return {
    code: 'SourceNotLocal',
    message: `spec.source ${source} is not an address of node ${around.nodeName}: add it to a device there, or limit the resource by nodeSelector`,
  };
}

export function hold(resource: StaticRoute, prefix: Prefix): HeldRoute {
  return { prefix, table: TABLE_MAIN, metric: resource.metric };
}
