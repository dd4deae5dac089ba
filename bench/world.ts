import { Address } from '../src/core/ip/address.ts';
import { Prefix } from '../src/core/ip/prefix.ts';
import { DEFAULT_METRIC } from '../src/core/resources.ts';
import { PROTOCOL_FAIRLEAD, type Route, type RouteSpec, TABLE_MAIN } from '../src/core/route.ts';
import type { Topology } from '../tests/lab/topology.ts';

/** The node, and a router with two addresses that can serve as gateway. */
export const TOPOLOGY: Topology = {
  hosts: { node: {}, router: {} },
  links: [{ name: 'wire', ends: { 'node:eth0': ['10.1.0.10/24'], 'router:eth0': ['10.1.0.1/24', '10.1.0.2/24'] } }],
};

export const DEVICE = 'eth0';
export const GATEWAY = '10.1.0.1';
export const OTHER_GATEWAY = '10.1.0.2';

/** 100.64.0.0, as in reference.c. Single addresses: the kernel takes them fastest, so they leave our own share the least cover. */
const FIRST_DESTINATION = 0x64400000;

/** Destination number `index`, as a number. */
export function destinationBits(index: number): number {
  return FIRST_DESTINATION + index;
}

export function destination(index: number): Prefix {
  return Prefix.fromBits(4, BigInt(destinationBits(index)), 32);
}

/** The same routes as those of reference.c. */
export function routes(count: number, gateway: string, deviceIndex: number): Route[] {
  const hop = { gateway: Address.parse(gateway), device: { index: deviceIndex, name: DEVICE }, onLink: false };
  const spec: RouteSpec = { table: TABLE_MAIN, metric: DEFAULT_METRIC, protocol: PROTOCOL_FAIRLEAD, type: 'unicast', hops: [hop] };
  return Array.from({ length: count }, (_, index) => ({ prefix: destination(index), spec }));
}
