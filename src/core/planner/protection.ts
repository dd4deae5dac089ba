import { isConnectedNetwork, type NodeFacts } from '../facts.ts';
import type { Answer, Fib } from '../fib.ts';
import { Address } from '../ip/address.ts';
import { Prefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { formatHops, formatRoute } from '../render.ts';
import type { ClusterNetwork, ResourceSnapshot } from '../resources.ts';
import { type Route, sameWay } from '../route.ts';
import type { NodeIdentity } from './node.ts';

/** Destinations whose path our routes must not change, and what each of them is. */
export interface Protection {
  readonly set: PrefixSet;
  readonly members: readonly Protected[];
}

interface Protected {
  readonly prefix: Prefix;
  readonly what: string;
}

const METADATA_SERVICE = Prefix.of(Address.parse('169.254.169.254'));

/** What must never be cut off, the most telling first: the first that a route would move is the one that the refusal names. */
export function protectionFor(
  facts: NodeFacts,
  { nodes, clusterNetwork }: Pick<ResourceSnapshot, 'nodes' | 'clusterNetwork'>,
  node: NodeIdentity,
): Protection {
  const members: Protected[] = [
    ...gatewaysInUse(facts).map(([gateway, route]) => ({ prefix: Prefix.of(gateway), what: `the gateway of "${formatRoute(route)}"` })),
    { prefix: METADATA_SERVICE, what: 'the metadata service' },
    ...node.protect.map((prefix) => ({ prefix, what: `protected by --protect ${prefix}` })),
    ...facts.addresses.map((own) => ({ prefix: Prefix.of(own.address), what: `an address of this node, on ${own.device.name}` })),
    ...(clusterNetwork ? membersOf(clusterNetwork) : []),
    ...nodes.flatMap((other) => [
      ...other.addresses.map((address) => ({ prefix: Prefix.of(address), what: `the address of node ${other.name}` })),
      ...other.podCIDRs.map((prefix) => ({ prefix, what: `the pod range of node ${other.name}` })),
    ]),
    ...facts.routes
      .filter((route) => isConnectedNetwork(route, facts))
      .map((route) => ({
        prefix: route.prefix,
        what: `the network connected to ${route.spec.hops[0]?.device?.name}`,
      })),
  ];
  return { members, set: PrefixSet.of(members.map((member) => member.prefix)) };
}

function membersOf({ apiServerEndpoints, dnsAddresses, serviceRanges, podRanges, nodeAddresses }: ClusterNetwork): Protected[] {
  const named = (what: string, prefixes: readonly Prefix[]): Protected[] => prefixes.map((prefix) => ({ prefix, what }));
  const hosts = (what: string, addresses: readonly Address[]): Protected[] => addresses.map((host) => ({ prefix: Prefix.of(host), what }));
  return [
    ...hosts('an address of the API server', apiServerEndpoints),
    ...hosts('the cluster DNS', dnsAddresses),
    ...named('a service range of the cluster', serviceRanges),
    ...named('a pod range of the cluster', podRanges),
    ...hosts('the address of a node', nodeAddresses),
  ];
}

function gatewaysInUse(facts: NodeFacts): [Address, Route][] {
  const seen = new Map<string, [Address, Route]>();
  for (const route of facts.routes) {
    for (const { gateway } of route.spec.hops) if (gateway && !seen.has(gateway.text)) seen.set(gateway.text, [gateway, route]);
  }
  return [...seen.values()];
}

/** Why a route may not be added, for people; undefined when no protected path would change. */
export function forbids(protection: Protection, fib: Fib, route: Route): string | undefined {
  if (!protection.set.overlaps(route.prefix)) return undefined;
  for (const member of protection.members) {
    if (!member.prefix.overlaps(route.prefix)) continue;
    for (const destination of exposed(fib, route, member.prefix)) {
      const before = fib.lookup({ destination });
      const after = fib.lookup({ destination }, route);
      if (after?.route === route && !samePath(before, after)) return explain(member, destination, before, route);
    }
  }
  return undefined;
}

/**
 * One address of each part of a protected prefix in which no longer route keeps ours from being chosen. Where tables that are asked
 * earlier or rules have a say (the first address of an IPv6 network belongs to its routers), there is one from beside that, too.
 */
function exposed(fib: Fib, route: Route, prefix: Prefix): Address[] {
  const region = prefix.contains(route.prefix) ? route.prefix : prefix;
  const longer = fib.within(route.spec.table, region).filter((other) => other.prefix.length > route.prefix.length);
  const left = PrefixSet.of([region]).subtract(PrefixSet.of(longer.map((other) => other.prefix)));
  const plain = left.subtract(PrefixSet.of(fib.turnsWithin(region, route.spec.table)));
  return [...left.prefixes, ...plain.prefixes].map((part) => part.first);
}

function samePath(before: Answer | undefined, after: Answer): boolean {
  const [old, now] = [before?.route, after.route];
  return old !== undefined && now !== undefined && old.spec.type === now.spec.type && sameWay(old.spec.hops, now.spec.hops);
}

function explain(member: Protected, destination: Address, before: Answer | undefined, route: Route): string {
  const today = before?.route ? `"${formatRoute(before.route)}"` : 'no route';
  const way = formatHops(route.spec.hops) || route.spec.type;
  const at = member.prefix.length === Prefix.of(destination).length ? '' : ` (for example ${destination})`;
  return `${route.prefix} would move ${member.prefix}${at}, ${member.what}, from ${today} to "${way}"`;
}

/** Whether a route would become the path to its own gateway. */
export function swallowsGateway(fib: Fib, route: Route): Address | undefined {
  for (const { gateway, onLink } of route.spec.hops) {
    if (gateway && !onLink && route.prefix.has(gateway) && fib.lookup({ destination: gateway }, route)?.route === route) return gateway;
  }
  return undefined;
}
