import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '../../src/core/ip/address.ts';
import type { Site } from './site.ts';

const POOLS = '/apis/fairlead.dev/v1alpha1/overlaypools';
const ADDRESSES = '/apis/fairlead.dev/v1alpha1/nodeoverlayips';
/** Until what is left to do is done, and a node that comes back is a new one: the controller's patience with a user is 2 s. */
const CALM_MS = 3_000;
const POLL_MS = 50;

export const POOL = 'bench';
/** The label that makes a node one of the pool. */
export const ZONE = { 'topology.kubernetes.io/zone': 'a' };
/** Larger than the fleet. */
export const SUBNET = { cidr: '172.16.0.0/20', gateway: '172.16.0.1' };
/** The same as a range of the embedded provider. */
export const RANGE = { zone: 'a', subnet: SUBNET.cidr, gateway: SUBNET.gateway };
/** What the pool gives first, as a number. */
export const FIRST_ADDRESS = Number(Address.parse('172.16.0.2').bits);

/** As in the settings of an OverlayPool. */
export type Ipam = { readonly cluster: object } | { readonly phpIPAM: object };

interface Pool {
  readonly status?: { readonly allocated?: number; readonly ledger?: readonly unknown[]; readonly conditions?: readonly unknown[] };
}

/** Creates the pool, for nodes of that zone, and waits until it has been looked at. */
export async function createPool({ fleet: { plane } }: Site, ipam: Ipam): Promise<void> {
  await plane.api.post(POOLS, {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'OverlayPool',
    metadata: { name: POOL },
    spec: { ipam, nodeSelector: { matchLabels: ZONE }, reclaim: { delay: '0s' } },
  });
  await plane.api.until<Pool>(`${POOLS}/${POOL}`, ({ status }) => (status?.conditions ?? []).length > 0);
  await sleep(CALM_MS);
}

/** Waits until the pool says that it has given so many, and nothing happens any more. */
export async function untilAllocated({ fleet: { plane } }: Site, count: number): Promise<void> {
  await plane.api.until<Pool>(`${POOLS}/${POOL}`, ({ status }) => status?.allocated === count && (status.ledger ?? []).length === count);
  while (count === 0 && (await plane.api.list(ADDRESSES)).length > 0) await sleep(POLL_MS);
  await sleep(CALM_MS);
}
