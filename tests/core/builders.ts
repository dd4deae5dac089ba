import type { InterfaceAddress, Link, NodeFacts, Rule } from '../../src/core/facts.ts';
import { Address, FAMILIES, type Family } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { NodeIdentity } from '../../src/core/planner/node.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatPlan } from '../../src/core/render.ts';
import type {
  ClusterNetwork,
  GatewayChoice,
  LabelSelector,
  NodeResource,
  ResourceSnapshot,
  StaticRoute,
  Via,
} from '../../src/core/resources.ts';
import { type DeviceRef, PROTOCOL_KERNEL, type Route, type RouteSpec, TABLE_LOCAL, TABLE_MAIN } from '../../src/core/route.ts';
import { EVERY_NODE } from '../../src/core/selector.ts';

/** Short ways to write the worlds that core tests are about. */

export const prefix = (text: string): Prefix => Prefix.parse(text);
export const address = (text: string): Address => Address.parse(text);

export function link(index: number, name: string, change: Partial<Link> = {}): Link {
  const mac = `02:00:00:00:00:${index.toString(16).padStart(2, '0')}`;
  const common = { up: true, carrier: true, loopback: name === 'lo', mtu: 1500, rpFilter: 0, arpIgnore: 0, arpAnnounce: 0, mac };
  return { index, name, ...common, ...change };
}

export const LO = link(1, 'lo', { mtu: 65536 });
export const ETH0 = link(2, 'eth0');
export const ETH1 = link(3, 'eth1');

/** `192.168.0.0/16 via 10.1.0.1 dev eth1 metric 100` in arguments. */
export function route(to: string, via: string | undefined, device: DeviceRef | undefined, change: Partial<RouteSpec> = {}): Route {
  const destination = to === 'default' ? '0.0.0.0/0' : to;
  const hop = {
    ...(via === undefined ? {} : { gateway: address(via) }),
    ...(device ? { device: { index: device.index, name: device.name } } : {}),
    onLink: false,
  };
  const type = change.type ?? 'unicast';
  const hops = type === 'unicast' ? [hop] : [];
  return { prefix: prefix(destination), spec: { table: TABLE_MAIN, metric: 0, protocol: 3, type, hops, ...change } };
}

/** An address on a device, with the routes that the kernel makes for it. */
export function onLink(text: string, device: Link): { readonly address: InterfaceAddress; readonly routes: Route[] } {
  const [host = '', length = ''] = text.split('/');
  const own = address(host);
  const metric = own.family === 6 ? 256 : 0;
  const connected = Prefix.of(own, Number(length));
  const local = { ...route(Prefix.of(own).text, undefined, device, { type: 'local', table: TABLE_LOCAL, protocol: PROTOCOL_KERNEL }) };
  return {
    address: {
      device: { index: device.index, name: device.name },
      address: own,
      prefixLength: Number(length),
      ours: false,
      state: 'valid',
    },
    routes: [route(connected.text, undefined, device, { protocol: PROTOCOL_KERNEL, metric }), local],
  };
}

export function defaultRules(): Rule[] {
  return FAMILIES.flatMap((family) => [
    rule(family, 0, TABLE_LOCAL),
    rule(family, 32766, TABLE_MAIN),
    ...(family === 4 ? [rule(4, 32767, 253)] : []),
  ]);
}

export function rule(family: Family, priority: number, table: number, change: Partial<Rule> = {}): Rule {
  return { family, priority, protocol: 2, action: 'lookup', table, opaque: false, ...change };
}

/** The node of most tests: a public eth0 with the default route, a private eth1 that routes 10.0.0.0/8. */
export function facts(
  change: {
    readonly links?: readonly Link[];
    readonly routes?: readonly Route[];
    readonly rules?: readonly Rule[];
    readonly rpFilterAll?: number;
  } = {},
): NodeFacts {
  const [eth0 = ETH0, eth1 = ETH1] = change.links ?? [ETH0, ETH1];
  const networks = [onLink('203.0.113.10/24', eth0), onLink('10.1.0.10/24', eth1)];
  const standard = [route('default', '203.0.113.1', eth0), route('10.0.0.0/8', '10.1.0.1', eth1)];
  return {
    links: [LO, ...(change.links ?? [ETH0, ETH1])],
    addresses: networks.map((network) => network.address),
    routes: [...networks.flatMap((network) => network.routes), ...(change.routes ?? standard)],
    rules: change.rules ?? defaultRules(),
    rpFilterAll: change.rpFilterAll ?? 0,
    kernelRelease: '6.18.0',
  };
}

export const STANDARD_ROUTES = [route('default', '203.0.113.1', ETH0), route('10.0.0.0/8', '10.1.0.1', ETH1)];

export function staticRoute(
  name: string,
  change: Partial<Omit<StaticRoute, 'subnets' | 'meta'>> & { readonly subnets?: readonly string[]; readonly created?: string } = {},
): StaticRoute {
  const { subnets = ['192.168.50.0/24'], created, ...rest } = change;
  return {
    meta: { ref: { kind: 'StaticRoute', name }, ...(created === undefined ? {} : { created }) },
    subnets: subnets.map(prefix),
    via: discover('10.0.0.0/8'),
    nodeSelector: EVERY_NODE,
    metric: 4201,
    onMissingGateway: 'Withdraw',
    reversePath: 'Preserve',
    ...rest,
  };
}

export function discover(...toward: readonly string[]): Via {
  return { type: 'discover', toward: new Map(toward.map(prefix).map((target) => [target.family, target])) };
}

export function gateways(...choices: readonly (string | (Partial<Omit<GatewayChoice, 'address'>> & { readonly address: string }))[]): Via {
  const full = choices.map((choice) => (typeof choice === 'string' ? { address: choice } : choice));
  return {
    type: 'gateways',
    choices: full.map((choice) => ({ onLink: false, nodeSelector: EVERY_NODE, ...choice, address: address(choice.address) })),
  };
}

export function matchLabels(labels: Readonly<Record<string, string>>): LabelSelector {
  return { matchLabels: new Map(Object.entries(labels)), matchExpressions: [] };
}

export function node(name: string, labels: Readonly<Record<string, string>> = {}, change: Partial<NodeResource> = {}): NodeResource {
  return { name, labels: new Map(Object.entries(labels)), podCIDRs: [], addresses: [], ...change };
}

export function snapshot(staticRoutes: readonly StaticRoute[], change: Partial<ResourceSnapshot> = {}): ResourceSnapshot {
  return { staticRoutes, overlayPools: [], nodeOverlayIPs: [], nodes: [], invalid: [], problems: [], complete: true, ...change };
}

export function identity(change: Partial<NodeIdentity> = {}): NodeIdentity {
  return { name: 'n1', protect: [], overdue: new Set(), remembered: [], probed: new Map(), ...change };
}

/** The plan as text, then the problems, one per line. */
export function planned(
  resources: readonly StaticRoute[],
  world: NodeFacts = facts(),
  who = identity(),
  nodes = [node('n1')],
  clusterNetwork?: ClusterNetwork,
): string {
  const around = { nodes, ...(clusterNetwork && { clusterNetwork }) };
  const { plan, problems } = planNode(snapshot(resources, around), world, who);
  return [formatPlan(plan), ...problems.map((problem) => `! ${problem.subject.name} ${problem.code}: ${problem.message}`)]
    .filter(Boolean)
    .join('\n');
}
