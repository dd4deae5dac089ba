import type { InterfaceAddress, Link, NodeFacts } from '../../src/core/facts.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatPlan } from '../../src/core/render.ts';
import type { NodeOverlayIP, OverlayInterface, OverlayPool, ResourceSnapshot, StaticRoute } from '../../src/core/resources.ts';
import { EVERY_NODE } from '../../src/core/selector.ts';
import { address, ETH0, ETH1, facts, identity, link, node, onLink, prefix, STANDARD_ROUTES, snapshot } from './builders.ts';

/** The worlds of overlay tests: a node whose eth1 leads to 10.0.0.0/8, and a pool of 192.168.100.0/24 on it. */

export const TMP0 = link(9, 'tmp0', { parent: 3, kind: 'macvlan', alias: 'fairlead:default', arpIgnore: 1, arpAnnounce: 2 });
/** eth1 as the agent leaves it. */
export const QUIET_ETH1 = link(3, 'eth1', { arpIgnore: 1, arpAnnounce: 2 });
export const REMEMBERED = [
  { device: { index: 3, name: 'eth1' }, name: 'arp_ignore', previous: 0, value: 1 },
  { device: { index: 3, name: 'eth1' }, name: 'arp_announce', previous: 0, value: 2 },
] as const;

const MACVLAN: OverlayInterface = { parent: { toward: prefix('10.0.0.0/8') }, name: 'tmp0', type: 'Macvlan' };

export function pool(name = 'default', change: Partial<OverlayInterface> = {}): OverlayPool {
  return {
    meta: { ref: { kind: 'OverlayPool', name } },
    ipam: {
      type: 'cluster',
      ranges: [
        { subnet: prefix('192.168.100.0/24'), gateway: address('192.168.100.1'), exclude: [] },
        { subnet: prefix('2001:db8:100::/64'), gateway: address('2001:db8:100::1'), exclude: [] },
      ],
    },
    interface: { ...MACVLAN, ...change },
    nodeSelector: EVERY_NODE,
    reclaimDelay: 0,
  };
}

export function overlayIP(addresses: readonly string[] = ['192.168.100.4/24'], change: Partial<NodeOverlayIP> = {}): NodeOverlayIP {
  const where = { node: 'n1', pool: 'default', ...change };
  return {
    meta: { ref: { kind: 'NodeOverlayIP', name: `${where.node}.${where.pool}` } },
    addresses: addresses.map((text) => {
      const [host = '', length = ''] = text.split('/');
      return { address: address(host), prefixLength: Number(length) };
    }),
    granted: true,
    deleting: false,
    ...where,
  };
}

/** An address of ours in place. */
export function ours(text: string, device: Link = TMP0, change: Partial<InterfaceAddress> = {}): InterfaceAddress {
  return { ...onLink(text, device).address, ours: true, ...change };
}

/** The world with devices and addresses besides eth0 and eth1, and the routes that the kernel makes for these addresses. */
export function world(links: readonly Link[], addresses: readonly InterfaceAddress[] = [], eth1: Link = QUIET_ETH1): NodeFacts {
  const base = facts({ links: [ETH0, eth1, ...links] });
  const routes = addresses.flatMap(
    ({ address: own, prefixLength, device }) => onLink(`${own}/${prefixLength}`, { ...ETH1, ...device }).routes,
  );
  return { ...base, addresses: [...base.addresses, ...addresses], routes: [...base.routes, ...routes] };
}

export const EVERYTHING = { overlayPools: [pool()], nodeOverlayIPs: [overlayIP()] };
export const CLEAR = new Map([['eth1 192.168.100.4', undefined]]);

/** The plan as text, then the problems. */
export function planText(
  resources: Partial<ResourceSnapshot> & { readonly staticRoutes?: readonly StaticRoute[] },
  at: NodeFacts,
  who = identity({ probed: CLEAR }),
): string {
  const { plan, problems } = planNode(snapshot(resources.staticRoutes ?? [], { nodes: [node('n1')], ...resources }), at, who);
  return [formatPlan(plan), ...problems.map(({ subject, code, message }) => `! ${subject.name} ${code}: ${message}`)]
    .filter(Boolean)
    .join('\n');
}

export { STANDARD_ROUTES };
