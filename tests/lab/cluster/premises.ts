import type { ClusterOptions } from './cluster.ts';
import { nodeAddresses, podRoutes } from './network.ts';

/** A host outside the cluster, and what it is asked by. */
export const PREMISES = { subnet: '192.168.50.0/24', address: '192.168.50.10', gateway: '10.200.0.254' } as const;

/**
 * A cluster beside a private network: the host `onprem` (192.168.50.10, fd00:50::10) behind the router `gateway` (10.200.0.254,
 * fd00:200::fe). The nodes reach 10.0.0.0/8 by it, and know nothing of 192.168.50.0/24: that is for a StaticRoute. The way back to
 * nodes and pods is there.
 */
export function besidePremises(nodes = 3): ClusterOptions {
  return {
    nodes,
    nodeRoutes: [`10.0.0.0/8 via ${PREMISES.gateway}`],
    nodeLink: { 'gateway:eth0': [`${PREMISES.gateway}/24`, 'fd00:200::fe/64'] },
    links: [
      {
        name: 'premises',
        ends: { 'gateway:eth1': ['192.168.50.1/24', 'fd00:50::1/64'], 'onprem:eth0': [`${PREMISES.address}/24`, 'fd00:50::10/64'] },
      },
    ],
    hosts: {
      gateway: { forwarding: true, routes: podRoutes(nodeAddresses(nodes)) },
      onprem: { routes: ['default via 192.168.50.1', 'default via fd00:50::1'] },
    },
  };
}
