import { addressOf, type Topology } from '../tests/lab/topology.ts';

/**
 * A cluster node with a public and a private interface, two routers on its private network, and a site behind a VPN.
 * Only the VPN router knows the site directly; the private gateway passes its packets on.
 */
export const TOPOLOGY: Topology = {
  hosts: {
    internet: {},
    node: {
      sysctls: { 'net.ipv4.conf.all.rp_filter': 1 },
      routes: ['default via 203.0.113.1', '10.0.0.0/8 via 10.1.0.1', 'default via 2001:db8:113::1', 'fd00::/8 via fd00:1::1'],
    },
    gateway: { forwarding: true, routes: ['192.168.50.0/24 via 10.255.0.2', '2001:db8:50::/48 via fd00:ff::2'] },
    vpn: { forwarding: true },
    onprem: { routes: ['default via 192.168.50.1', 'default via 2001:db8:50::1'] },
  },
  links: [
    {
      name: 'public',
      ends: { 'internet:eth0': ['203.0.113.1/24', '2001:db8:113::1/64'], 'node:eth0': ['203.0.113.10/24', '2001:db8:113::10/64'] },
    },
    {
      name: 'private',
      ends: {
        'node:eth1': ['10.1.0.10/24', 'fd00:1::10/64'],
        'gateway:eth0': ['10.1.0.1/24', 'fd00:1::1/64'],
        'vpn:eth0': ['10.1.0.2/24', 'fd00:1::2/64'],
      },
    },
    { name: 'core', ends: { 'gateway:eth1': ['10.255.0.1/30', 'fd00:ff::1/64'], 'vpn:eth1': ['10.255.0.2/30', 'fd00:ff::2/64'] } },
    {
      name: 'tunnel',
      ends: { 'vpn:eth2': ['192.168.50.1/24', '2001:db8:50::1/64'], 'onprem:eth0': ['192.168.50.10/24', '2001:db8:50::10/64'] },
    },
  ],
};

export interface Addresses {
  readonly internet: string;
  /** The node's public address. */
  readonly public: string;
  /** The node's private address. */
  readonly node: string;
  readonly gateway: string;
  readonly vpn: string;
  readonly onprem: string;
}

/** Who is who, in one family. */
export function addresses(family: 4 | 6): Addresses {
  const address = (host: string, device: string) => addressOf(TOPOLOGY, host, device, family);
  return {
    internet: address('internet', 'eth0'),
    public: address('node', 'eth0'),
    node: address('node', 'eth1'),
    gateway: address('gateway', 'eth0'),
    vpn: address('vpn', 'eth0'),
    onprem: address('onprem', 'eth0'),
  };
}

export const V4 = addresses(4);
export const V6 = addresses(6);

/** What the resources are about: the site's networks. */
export const SITE = { 4: '192.168.50.0/24', 6: '2001:db8:50::/48' } as const;

export const HTTP_PORT = 8080;
export const ECHO_PORT = 7007;
