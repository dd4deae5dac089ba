import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import type { ApiObject } from '../../lab/kubernetes/api.ts';
import { labelNode } from '../../lab/kubernetes/objects.ts';
import type { Running } from '../../lab/process.ts';
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
export async function addressesOf({ plane }: Fleet): Promise<readonly Address[]> {
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
export async function untilGranted(fleet: Fleet, nodes: readonly string[]): Promise<readonly Address[]> {
  let found: readonly Address[] = [];
  const wanted = [...nodes].sort().join(' ');
  await until(
    async () => {
      found = await addressesOf(fleet);
      return (
        found.every(({ granted }) => granted) &&
        found
          .map(({ node }) => node)
          .sort()
          .join(' ') === wanted
      );
    },
    async () => `${JSON.stringify(found)}\n${await fleet.plane.kubectl(['get', 'overlaypools', '-o', 'yaml'])}\n${fleet.log.slice(-4000)}`,
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

export async function poolStatus({ plane }: Fleet, name = 'default'): Promise<PoolStatus> {
  return ((await plane.api.get(`${POOLS}/${name}`)).status ?? {}) as PoolStatus;
}

/** Waits until the status of the pool satisfies; answers it. */
export async function untilPool(fleet: Fleet, satisfies: (status: PoolStatus) => boolean, name = 'default'): Promise<PoolStatus> {
  let status: PoolStatus = {};
  await until(
    async () => {
      status = await poolStatus(fleet, name);
      return satisfies(status);
    },
    () => `${satisfies}\n${JSON.stringify(status, undefined, 1)}\n${fleet.log.slice(-4000)}`,
  );
  return status;
}

export function ready({ conditions = [] }: PoolStatus): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready');
}

/** A phpIPAM beside the API server. */
export class IpamServer {
  readonly url: string;
  readonly #process: Running;

  private constructor(process: Running, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start({ lab }: Fleet): Promise<IpamServer> {
    const subnets = { 7: { cidr: RANGES.a[0], gateway: RANGES.a[1] }, 8: { cidr: RANGES.b[0], gateway: RANGES.b[1] } };
    const tool = join(import.meta.dirname, '../../lab/tools/phpipam.ts');
    const process_ = lab.host('api').spawn(process.execPath, tool, '10.1.0.100', '8090', JSON.stringify(subnets));
    await process_.printed(/listening/);
    return new IpamServer(process_, 'http://10.1.0.100:8090');
  }

  /** Its last answer. */
  async tell(line: string): Promise<string> {
    const before = this.#process.stdout.length;
    this.#process.tell(line);
    await until(() => this.#process.stdout.slice(before).includes('\n'));
    return this.#process.stdout.slice(before).trim();
  }

  /** What is recorded for nodes: `192.168.100.2 n1.default`. */
  async records(): Promise<readonly string[]> {
    const rows = JSON.parse(await this.tell('rows')) as readonly {
      readonly ip: string;
      readonly hostname: string;
      readonly owner?: string;
    }[];
    return rows
      .filter(({ owner }) => owner?.startsWith('fairlead:'))
      .map(({ ip, hostname }) => `${ip} ${hostname}`)
      .sort();
  }
}

export { ONPREM };
