import assert from 'node:assert/strict';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { IpamServer } from '../../lab/ipam-server.ts';
import type { ApiObject } from '../../lab/kubernetes/api.ts';
import { labelNode } from '../../lab/kubernetes/objects.ts';
import { until } from '../support.ts';
import { ONPREM, staticRoute } from './support.ts';

export const POOLS = '/apis/fairlead.dev/v1alpha1/overlaypools';
export const ADDRESSES = '/apis/fairlead.dev/v1alpha1/nodeoverlayips';
const API = { apiVersion: 'fairlead.dev/v1alpha1' };
const ZONE = 'topology.kubernetes.io/zone';

/** Subnet and gateway by zone. */
export const RANGES = { a: ['192.168.100.0/24', '192.168.100.1'], b: ['192.168.101.0/24', '192.168.101.1'] } as const;
export type Zone = keyof typeof RANGES;

/** The zones of n1, n2 and n3. */
const ZONES: readonly Zone[] = ['a', 'a', 'b'];

/** A fleet in two zones, and a site that knows the overlay ranges only: whoever calls from another address gets no answer. */
export async function overlayFleet(): Promise<Fleet> {
  const fleet = await startFleet();
  try {
    for (const [i, { name }] of fleet.nodes.entries()) await labelNode(fleet.plane.api, name, { [ZONE]: ZONES[i] ?? 'a' });
    const [vpn, onprem] = [fleet.lab.host('vpn'), fleet.lab.host('onprem')];
    await onprem.ip('route del default');
    for (const [subnet, gateway] of Object.values(RANGES)) {
      await vpn.ip(`address add ${gateway}/24 dev eth0`);
      await onprem.ip(`route add ${subnet} via 192.168.50.1`);
    }
    return fleet;
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

export function zoneLabel(zone: Zone): Readonly<Record<string, string>> {
  return { [ZONE]: zone };
}

export function pool(spec: object = {}, name = 'default'): object {
  const ranges = Object.entries(RANGES).map(([zone, [subnet, gateway]]) => ({ zone, subnet, gateway }));
  return { ...API, kind: 'OverlayPool', metadata: { name }, spec: { ipam: { cluster: { ranges } }, reclaim: { delay: '1s' }, ...spec } };
}

export const OVERLAY_ROUTE = staticRoute('on-prem', { via: { overlay: { pool: 'default' } } });

/** Whatever has a control plane: a fleet, or real nodes. Only a fleet has a log of its own. */
export type Stage = Pick<Fleet, 'plane'> & Partial<Pick<Fleet, 'log'>>;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Address {
  readonly name: string;
  readonly node: string;
  /** Without its length. */
  readonly address: string;
  readonly granted: boolean;
  readonly deviceReady: boolean;
}

/** Every NodeOverlayIP, by name. */
export async function addressesOf({ plane }: Stage): Promise<readonly Address[]> {
  const objects = await plane.api.list(ADDRESSES);
  return objects.map(readAddress).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readAddress({ metadata, spec, status }: ApiObject): Address {
  const { node, addresses } = spec as { readonly node: string; readonly addresses: readonly string[] };
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
  const is = (type: string): boolean => conditions.some((each) => each.type === type && each.status === 'True');
  const [address = ''] = (addresses[0] ?? '').split('/');
  return { name: metadata.name, node, address, granted: is('Ready'), deviceReady: is('DeviceReady') };
}

/** Waits until exactly these nodes have a granted address, no two the same; answers them. */
export async function untilGranted(stage: Stage, nodes: readonly string[]): Promise<readonly Address[]> {
  let found: readonly Address[] = [];
  const wanted = [...nodes].sort().join(' ');
  await until(
    async () => {
      found = await addressesOf(stage);
      return (
        found.every(({ granted }) => granted) &&
        found
          .map(({ node }) => node)
          .sort()
          .join(' ') === wanted
      );
    },
    async () => `${JSON.stringify(found)}\n${await stage.plane.kubectl(['get', 'overlaypools', '-o', 'yaml'])}\n${endOfLog(stage)}`,
  );
  assert.equal(new Set(found.map(({ address }) => address)).size, found.length, JSON.stringify(found));
  return found;
}

export interface PoolStatus {
  readonly ledger?: readonly { readonly address: string; readonly node: string; readonly releaseAfter?: string }[];
  readonly capacity?: number;
  readonly allocated?: number;
  readonly free?: number;
  readonly waiting?: readonly { readonly node: string; readonly reason: string; readonly message: string }[];
  readonly conditions?: readonly Condition[];
}

export async function poolStatus({ plane }: Stage, name = 'default'): Promise<PoolStatus> {
  return ((await plane.api.get(`${POOLS}/${name}`)).status ?? {}) as PoolStatus;
}

/** Waits until the status of the pool satisfies; answers it. */
export async function untilPool(stage: Stage, satisfies: (status: PoolStatus) => boolean, name = 'default'): Promise<PoolStatus> {
  let status: PoolStatus = {};
  await until(
    async () => {
      status = await poolStatus(stage, name);
      return satisfies(status);
    },
    () => `${satisfies}\n${JSON.stringify(status, undefined, 1)}\n${endOfLog(stage)}`,
  );
  return status;
}

function endOfLog({ log = '' }: Stage): string {
  return log.slice(-4000);
}

export function ready({ conditions = [] }: PoolStatus): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready');
}

/** A phpIPAM that has both ranges, as subnets 7 and 8. */
export function startIpam(fleet: Fleet): Promise<IpamServer> {
  const subnet = ([cidr, gateway]: readonly [string, string]) => ({ cidr, gateway });
  return IpamServer.start(fleet, { 7: subnet(RANGES.a), 8: subnet(RANGES.b) });
}

export { ONPREM };
