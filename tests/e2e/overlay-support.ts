import { type Agent, agentOptions, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Topology } from '../lab/topology.ts';
import { documents, staticRoute, until } from './support.ts';

/**
 * A router that knows the overlay range besides the network of the nodes, on one segment, and a host on premises that knows the overlay
 * range only: what comes from another address it cannot answer.
 */
export const OVERLAY: Topology = {
  hosts: {
    // The lab switches duplicate address detection off, for devices that are made later as well.
    node: {
      sysctls: { 'net.ipv4.conf.all.rp_filter': 1, 'net.ipv6.conf.default.accept_dad': 1 },
      routes: ['default via 203.0.113.1', '10.0.0.0/8 via 10.1.0.1'],
    },
    other: {},
    internet: {},
    router: { forwarding: true },
    onprem: { routes: ['192.168.100.0/24 via 192.168.50.1', '2001:db8:100::/64 via 2001:db8:50::1'] },
  },
  links: [
    { name: 'public', ends: { 'node:eth0': ['203.0.113.10/24'], 'internet:eth0': ['203.0.113.1/24'] } },
    {
      name: 'private',
      ends: {
        'node:eth1': ['10.1.0.10/24'],
        'other:eth1': ['10.1.0.11/24'],
        'router:eth0': ['10.1.0.1/24', '192.168.100.1/24', '2001:db8:100::1/64'],
      },
    },
    {
      name: 'lan',
      ends: { 'router:eth1': ['192.168.50.1/24', '2001:db8:50::1/64'], 'onprem:eth0': ['192.168.50.10/24', '2001:db8:50::10/64'] },
    },
  ],
};

export const ONPREM = { 4: '192.168.50.10', 6: '2001:db8:50::10' } as const;
export const ADDRESS = '192.168.100.4';
export const BOTH = [`${ADDRESS}/24`, '2001:db8:100::4/64'] as const;

export interface OverlayWishes {
  readonly addresses?: readonly string[];
  readonly interface?: object;
}

/** A pool and this node's address of it, as text. */
export function overlayManifest({ addresses = [BOTH[0]], interface: settings = {} }: OverlayWishes = {}): string {
  const apiVersion = 'fairlead.dev/v1alpha1';
  const ranges = [
    { subnet: '192.168.100.0/24', gateway: '192.168.100.1' },
    { subnet: '2001:db8:100::/64', gateway: '2001:db8:100::1' },
  ];
  const pool = {
    apiVersion,
    kind: 'OverlayPool',
    metadata: { name: 'default' },
    spec: { ipam: { cluster: { ranges } }, interface: settings },
  };
  const ip = { apiVersion, kind: 'NodeOverlayIP', metadata: { name: 'node.default' }, spec: { node: 'node', pool: 'default', addresses } };
  return documents(`${JSON.stringify(pool)}\n`, `${JSON.stringify(ip)}\n`);
}

export const VIA_OVERLAY = { via: { overlay: { pool: 'default' } } };
export const OVERLAY_ROUTE = staticRoute('on-prem', ['192.168.50.0/24'], VIA_OVERLAY);

/** An agent whose overlay address and route are in place. */
export async function overlayAgent(lab: Lab, wishes?: OverlayWishes): Promise<Agent> {
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  agent.write('overlay.yaml', overlayManifest(wishes));
  agent.write('route.yaml', OVERLAY_ROUTE);
  await settled(agent);
  return agent;
}

export async function settled(agent: Agent): Promise<void> {
  await agent.waitFor(({ status: { resources = [] } }) => resources.length === 2 && resources.every(({ ready }) => ready));
}

/** `tmp0 192.168.100.4/24`, sorted, of all devices but the loopback, without link-local ones. */
export async function addressesOf(host: Host): Promise<readonly string[]> {
  interface Device {
    readonly ifname: string;
    readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
  }
  const devices = JSON.parse(await host.ip('-j address show')) as readonly Device[];
  return devices
    .flatMap(({ ifname, addr_info }) =>
      addr_info.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${ifname} ${local}/${prefixlen}`),
    )
    .sort();
}

export async function untilAddress(host: Host, address: string, present = true): Promise<void> {
  await until(
    async () => (await addressesOf(host)).includes(address) === present,
    () => addressesOf(host),
  );
}

export async function deviceOf(
  host: Host,
  name: string,
): Promise<{ readonly mtu: number; readonly address: string; readonly ifindex: number } | undefined> {
  const { stdout, code } = await host.run('ip', '-j', 'link', 'show', name);
  return code === 0 ? (JSON.parse(stdout) as readonly [{ mtu: number; address: string; ifindex: number }])[0] : undefined;
}
