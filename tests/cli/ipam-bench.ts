import assert from 'node:assert/strict';
import { viewOfPool } from '../../src/cli/ipam-world.ts';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import { NODES } from '../../src/cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { Address } from '../../src/core/ip/address.ts';
import { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import { phpIPAM, pool } from './ipam-builders.ts';
import { Bench } from './support.ts';

export const CLUSTER = ['--kubeconfig', 'admin.conf'] as const;
const SECRETS = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

const namespace = 'fairlead-system';

export function withCluster(objects: readonly ApiObject[], use: (bench: Bench) => Promise<void>): Promise<void> {
  return Bench.with(async (bench) => {
    for (const type of [OVERLAY_POOLS, NODE_OVERLAY_IPS, NODES, SECRETS, NAMESPACES]) bench.api.serve(type);
    for (const name of ['n1', 'n2', 'n3']) bench.api.put({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    for (const object of objects) bench.api.put(object);
    await use(bench);
  });
}

interface Recorded {
  readonly ledger?: readonly object[];
  readonly overlayIPs?: readonly ApiObject[];
  /** The node of each record by address; `!printer` is somebody else's. */
  readonly records?: Readonly<Record<string, string>>;
}

/** The same with a phpIPAM, whose subnet 7 is the range of the pool. */
export async function withPhpIpam(
  { ledger = [], overlayIPs = [], records = {} }: Recorded,
  use: (bench: Bench, ipam: FakePhpIpam) => Promise<void>,
): Promise<void> {
  const ipam = await FakePhpIpam.open();
  try {
    ipam.database.apps.set('iks', { security: 'none', permission: 2 });
    ipam.database.addSubnet(7, '192.168.100.0/24', { gateway: '192.168.100.1' });
    await withCluster([pool('default', ledger, { ipam: phpIPAM(ipam.url) }), ...overlayIPs], async (bench) => {
      const { uid } = bench.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } }).metadata;
      bench.api.put(secret('phpipam', { username: 'fairlead', password: 'secret' }));
      for (const [address, node] of Object.entries(records)) {
        const whose = node.startsWith('!')
          ? { hostname: node.slice(1), owner: 'facilities' }
          : { hostname: `${node}.default`, owner: `fairlead:${uid}` };
        ipam.database.insert({ subnetId: 7, ip: Address.parse(address), ...whose });
      }
      await use(bench, ipam);
    });
  } finally {
    await ipam.close();
  }
}

export function secret(name: string, data: Readonly<Record<string, string>>): Parameters<Bench['api']['put']>[0] {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data: Object.fromEntries(encoded) } as never;
}

/** `192.168.100.4 n1 releasing`, as the API server has it now. */
export async function ledgerOf(bench: Bench, name = 'default'): Promise<readonly string[]> {
  const object = await bench.api.get(OVERLAY_POOLS, { name });
  const view = viewOfPool(object);
  assert.ok(typeof view !== 'string', String(view));
  return (view.status.ledger ?? []).map(({ address, node, releasing, record }) =>
    [address, node, releasing ? 'releasing' : [], record === undefined ? [] : `record ${record}`].flat().join(' '),
  );
}

/** `192.168.100.4 n1.default`, by address; the gateway is left out. */
export function recordsOf({ database }: FakePhpIpam): readonly string[] {
  return database
    .all()
    .filter(({ is_gateway }) => is_gateway === 0)
    .map(({ ip, hostname }) => `${ip.text} ${hostname}`)
    .sort();
}
