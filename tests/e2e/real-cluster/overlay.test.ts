import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import type { Cluster } from '../../lab/cluster/cluster.ts';
import { API_HOST, nodeAddresses } from '../../lab/cluster/network.ts';
import { PREMISES } from '../../lab/cluster/premises.ts';
import type { Host } from '../../lab/host.ts';
import { labelNode } from '../../lab/kubernetes/objects.ts';
import { httpGet } from '../../lab/traffic.ts';
import { type Address, addressesOf, OVERLAY_ROUTE, POOLS, pool, untilGranted, untilPool } from '../kubernetes/overlay-support.ts';
import { denials, ROUTES, readyOn } from '../kubernetes/support.ts';
import { deviceOf } from '../overlay-support.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { ownRoutes, until } from '../support.ts';
import { type NetworkState, networkState } from './network-state.ts';
import { GATEWAY, NODES, overlayCluster, PORT, SUBNET } from './overlay-support.ts';
import { PacketStream } from './packet-stream.ts';
import { agentOn, processOf } from './support.ts';

const DEVICE = 'tmp0';
const ROUTE = `${PREMISES.subnet} via ${GATEWAY} dev ${DEVICE} metric 4201`;
/** Long enough that an address on its way back is seen in the ledger. */
const SPEC = { ipam: { cluster: { ranges: [{ subnet: SUBNET, gateway: GATEWAY }] } }, reclaim: { delay: '3s' } };
const LABEL = 'overlay';
const WANTED = { ...SPEC, nodeSelector: { matchLabels: { [LABEL]: 'wanted' } } };
const reasonOf = (type: string): string => `{.status.conditions[?(@.type=="${type}")].reason}`;
const REASONS = `jsonpath={range .items[*]}{.metadata.name} ${reasonOf('Ready')} ${reasonOf('DeviceReady')}{"\\n"}{end}`;

async function assertLossless(stream: PacketStream): Promise<void> {
  const { sent, lost } = await stream.stop();
  assert.ok(sent > 100, `${sent} packets`);
  assert.deepEqual(lost, []);
}

describe('overlay addresses of three real nodes', () => {
  let cluster: Cluster;
  let untouched: readonly NetworkState[];
  let addresses: readonly Address[];

  before(async () => {
    cluster = await overlayCluster();
    untouched = await states();
  });
  after(() => cluster?.close());

  const states = (): Promise<readonly NetworkState[]> => Promise.all(cluster.nodes.map(networkState));
  const apply = (...objects: readonly object[]): Promise<string> =>
    cluster.plane.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));

  /** Waits until exactly these nodes have an address, granted by the controller and put in place by the agent. */
  async function untilInPlace(nodes: readonly string[]): Promise<readonly Address[]> {
    let found = '';
    const wanted = nodes.map((node) => `${node}.default Granted InPlace\n`).join('');
    const told = async (): Promise<boolean> => {
      found = await cluster.plane.kubectl(['get', 'noip', '-o', REASONS]);
      return found === wanted;
    };
    await until(told, () => found);
    return untilGranted(cluster, nodes);
  }

  /** The site asks, and the node answers, by the device of the address; and the site knows the node by it. */
  async function assertPackets({ node, address }: Address): Promise<void> {
    const { host } = cluster.node(node);
    const capture = await host.capture(DEVICE, `icmp and host ${PREMISES.address}`);
    assert.deepEqual(await cluster.lab.host('onprem').ping(address), { sent: 3, received: 3 });
    // What tcpdump has not read when it is told to end is lost.
    await until(() => capture.lines().length >= 6, capture.lines);
    const packets = (await capture.stop()).map((line) => line.replace(/^\S+ IP (.*),.*,.*,.*$/, '$1'));
    const pair = [`${PREMISES.address} > ${address}: ICMP echo request`, `${address} > ${PREMISES.address}: ICMP echo reply`];
    assert.deepEqual(packets, [...pair, ...pair, ...pair]);
    assert.deepEqual(await httpGet(host, PREMISES.address, PORT), { status: 200, body: `onprem answers ${address}` });
  }

  const untilBare = (host: Host): Promise<void> =>
    until(async () => (await deviceOf(host, DEVICE)) === undefined && (await ownRoutes(host)).length === 0);

  test('every node gets one, granted and in place, packets come and go by it, and those of its own address are not disturbed', async () => {
    const own = nodeAddresses(NODES.length).map(({ addresses: [address = ''] }) => address);
    const streams = await Promise.all(own.map((address) => PacketStream.startOn(cluster.lab.host(API_HOST), address)));
    await apply(pool(SPEC), OVERLAY_ROUTE);
    addresses = await untilInPlace(NODES);
    await cluster.plane.api.until(`${ROUTES}/on-prem`, readyOn(3));
    for (const each of addresses) await assertPackets(each);
    for (const stream of streams) await assertLossless(stream);
  });

  test('an agent that is killed is started again: the address stays, and no packet is lost', async () => {
    const { host } = cluster.node('n1');
    const [first] = addresses;
    const pod = await agentOn(cluster, 'n1');
    const { pid } = processOf(pod);
    const device = await deviceOf(host, DEVICE);
    const monitor = await RouteMonitor.start(host);
    const stream = await PacketStream.startOn(cluster.lab.host('onprem'), first?.address ?? '');
    process.kill(pid, 'SIGKILL');
    await until(() => !existsSync(`/proc/${pid}`));
    await until(async () => {
      const { ready, restartCount } = (await agentOn(cluster, 'n1')).status.containerStatuses[0];
      return ready && restartCount === pod.status.containerStatuses[0].restartCount + 1;
    });
    await assertLossless(stream);
    assert.deepEqual(await monitor.ownEvents(), []);
    assert.deepEqual(await deviceOf(host, DEVICE), device);
    assert.deepEqual(await untilInPlace(NODES), addresses);
  });

  test('a node that is labelled gets one, and gives it back after the delay when it no longer is', async () => {
    const { host } = cluster.node('n3');
    const label = (node: string, value: string | null) => labelNode(cluster.plane.api, node, { [LABEL]: value });
    const others = addresses.slice(0, 2);
    for (const { node } of others) await label(node, 'wanted');
    await apply(pool(WANTED));
    await untilPool(cluster, ({ ledger = [] }) => ledger.length === 2);
    await untilBare(host);
    await label('n3', 'wanted');
    const added = (await untilInPlace(NODES))[2] ?? assert.fail();
    await until(async () => (await ownRoutes(host)).includes(ROUTE));
    await assertPackets(added);
    await label('n3', null);
    const { ledger = [] } = await untilPool(cluster, (status) => status.ledger?.some(({ releaseAfter }) => releaseAfter) ?? false);
    const leaving = ledger.find(({ node }) => node === 'n3');
    assert.equal(leaving?.address, added.address);
    await untilPool(cluster, (status) => !status.ledger?.some(({ address }) => address === added.address));
    assert.ok(new Date() >= new Date(leaving?.releaseAfter ?? ''), 'the address was given back before its time');
    // The ledger lets go of it only when the agent has.
    assert.equal(await deviceOf(host, DEVICE), undefined);
    await untilBare(host);
    assert.deepEqual(await untilInPlace(['n1', 'n2']), others);
    for (const each of others) await assertPackets(each);
  });

  test('a pool that is deleted leaves nothing, and the nodes as they were', async () => {
    await cluster.plane.kubectl(['delete', 'op', 'default', '--timeout=60s']);
    assert.deepEqual([await addressesOf(cluster), await cluster.plane.api.list(POOLS)], [[], []]);
    for (const { host } of cluster.nodes) await untilBare(host);
    let found: readonly NetworkState[] = [];
    const restored = async (): Promise<boolean> => {
      found = await states();
      return JSON.stringify(found) === JSON.stringify(untouched);
    };
    await until(restored, () => assert.deepEqual(found, untouched));
  });

  test('nobody asked for anything that was forbidden', async () => {
    assert.deepEqual(await denials(cluster), []);
  });
});
