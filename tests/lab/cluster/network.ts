import { type HostSpec, hostNames, type LinkSpec, type Topology } from '../topology.ts';

/** The host of the API server. */
export const API_HOST = 'api';
export const API_ADDRESS = '10.200.0.1';
/** The segment of the nodes and the API server. */
export const NODE_LINK = 'nodes';

export interface ClusterNetwork {
  /** Whether pods get a network: a bridge on each node, and plain routes between them. Default: yes. */
  readonly podNetwork?: boolean;
  /** Hosts beside the nodes and `api`. */
  readonly hosts?: Topology['hosts'];
  /** Their links, to each other or to further devices of the nodes. */
  readonly links?: readonly LinkSpec[];
  /** Further ends on the segment of the nodes, 10.200.0.0/24 and fd00:200::/64: `{'gateway:eth0': ['10.200.0.254/24']}`. */
  readonly nodeLink?: LinkSpec['ends'];
  /** Routes that every node has, for example `10.0.0.0/8 via 10.200.0.254`. */
  readonly nodeRoutes?: readonly string[];
  readonly nodeSysctls?: HostSpec['sysctls'];
}

export interface NodeAddresses {
  readonly name: string;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  readonly podRanges: readonly string[];
}

export function nodeAddresses(count: number): readonly NodeAddresses[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `n${index + 1}`,
    addresses: [`10.200.0.${index + 11}`, `fd00:200::${index + 11}`],
    podRanges: [`10.244.${index + 1}.0/24`, `fd00:244:0:${index + 1}::/64`],
  }));
}

export function clusterTopology(nodes: readonly NodeAddresses[], network: ClusterNetwork): Topology {
  const routesOf = (self: string) => (network.podNetwork === false ? [] : podRoutes(nodes.filter(({ name }) => name !== self)));
  const node = (name: string): HostSpec => ({
    forwarding: true,
    routes: [`default via ${API_ADDRESS}`, ...routesOf(name), ...(network.nodeRoutes ?? [])],
    ...(network.nodeSysctls && { sysctls: network.nodeSysctls }),
  });
  const nodeEnds = nodes.map(({ name, addresses: [v4, v6] }) => [`${name}:eth0`, [`${v4}/24`, `${v6}/64`]] as const);
  const ends = { [`${API_HOST}:eth0`]: [`${API_ADDRESS}/24`, 'fd00:200::1/64'], ...Object.fromEntries(nodeEnds), ...network.nodeLink };
  return {
    // Pods talk to the API server, which must know the way back.
    hosts: {
      [API_HOST]: { routes: routesOf(API_HOST) },
      ...Object.fromEntries(nodes.map(({ name }) => [name, node(name)])),
      ...network.hosts,
    },
    links: [{ name: NODE_LINK, bridge: true, ends }, ...(network.links ?? [])],
  };
}

/** Routes to all pods, for a host on the segment of the nodes. */
export function podRoutes(nodes: readonly NodeAddresses[]): readonly string[] {
  return nodes.flatMap(routesTo);
}

function routesTo({ addresses, podRanges }: NodeAddresses): readonly string[] {
  return podRanges.map((range, index) => `${range} via ${addresses[index]}`);
}

/** The devices of a host that are its own hardware; everything else is gone when it boots. */
export function devicesOf(topology: Topology, host: string): readonly string[] {
  if (!hostNames(topology).includes(host)) throw new Error(`the topology has no host ${host}`);
  const names = topology.links.flatMap(({ ends }) => Object.keys(ends)).filter((end) => end.startsWith(`${host}:`));
  return names.map((end) => end.slice(host.length + 1));
}
