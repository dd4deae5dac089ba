import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { type Fleet, type FleetNode, NAMESPACE } from '../../lab/fleet.ts';
import type { IpamServer } from '../../lab/ipam-server.ts';
import { createNode, labelNode } from '../../lab/kubernetes/objects.ts';
import { httpGet, serveHttp } from '../../lab/traffic.ts';
import { ownRoutes, until } from '../support.ts';
import {
  ADDRESSES,
  type Address,
  addressesOf,
  ONPREM,
  OVERLAY_ROUTE,
  overlayFleet,
  POOLS,
  pool,
  ready,
  startIpam,
  untilGranted,
  untilPool,
  zoneLabel,
} from './overlay-support.ts';
import { denials, ROUTES, readyOn } from './support.ts';

const PORT = 8080;
const NODES = ['n1', 'n2', 'n3'];

async function apply({ plane }: Fleet, ...objects: readonly object[]): Promise<void> {
  await plane.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
}

/** What the host on premises says whom it answers. */
async function callerSeen({ host }: FleetNode): Promise<string> {
  const answer = await httpGet(host, ONPREM, PORT);
  return 'error' in answer ? answer.error : answer.body;
}

async function assertCallers(fleet: Fleet, addresses: readonly Address[]): Promise<void> {
  for (const { node, address } of addresses) assert.equal(await callerSeen(fleet.node(node)), `onprem answers ${address}`);
}

describe('overlay addresses of two zones', () => {
  let fleet: Fleet;

  before(async () => {
    fleet = await overlayFleet();
    await serveHttp(fleet.lab.host('onprem'), ONPREM, PORT);
  });
  after(() => fleet.close());

  test('each node gets one of its zone, and the site sees it as the caller', async () => {
    await apply(fleet, pool(), OVERLAY_ROUTE);
    const addresses = await untilGranted(fleet, NODES);
    assert.deepEqual(
      addresses.map(({ address }) => address.split('.').slice(0, 3).join('.')),
      ['192.168.100', '192.168.100', '192.168.101'],
    );
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(3));
    await assertCallers(fleet, addresses);
    for (const { address } of addresses) assert.deepEqual(await fleet.lab.host('onprem').ping(address), { sent: 3, received: 3 });
  });

  test('kubectl shows what a network engineer asks first', async () => {
    await until(async () => (await addressesOf(fleet)).every(({ deviceReady }) => deviceReady));
    const [head = '', first = ''] = (await fleet.plane.kubectl(['get', 'noip'])).split('\n');
    assert.match(head, /^NAME +ADDRESS +GATEWAY +ZONE +NODE +STATE +DEVICE +AGE/);
    assert.match(first, /^n1\.default +192\.168\.100\.2\/24 +192\.168\.100\.1 +a +n1 +Granted +InPlace/);
    const { capacity, allocated, free } = await untilPool(fleet, (status) => ready(status)?.status === 'True');
    assert.deepEqual([capacity, allocated, free], [506, 3, 503]);
  });

  test('an object that is deleted comes back with the same address', async () => {
    const [first] = await addressesOf(fleet);
    await fleet.plane.kubectl(['delete', 'noip', 'n1.default']);
    const [again] = await untilGranted(fleet, NODES);
    assert.deepEqual(again?.address, first?.address);
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(3));
    await assertCallers(fleet, again ? [again] : []);
  });

  test('a node that is no longer selected gives its address back, once its agent has taken it away', async () => {
    await apply(fleet, pool({ nodeSelector: { matchLabels: { overlay: 'wanted' } } }));
    for (const name of ['n1', 'n3']) await labelNode(fleet.plane.api, name, { overlay: 'wanted' });
    await untilGranted(fleet, ['n1', 'n3']);
    await until(async () => (await ownRoutes(fleet.node('n2').host)).length === 0);
    assert.equal((await fleet.node('n2').host.run('ip', 'link', 'show', 'tmp0')).code, 1);
    await untilPool(fleet, ({ ledger = [] }) => ledger.length === 2);
  });

  test('a node that is deleted gives it back, and the next one gets it', async () => {
    const before = await addressesOf(fleet);
    await fleet.node('n1').agent.stop('SIGKILL');
    await fleet.plane.api.delete('/api/v1/nodes/n1');
    await untilGranted(fleet, ['n3']);
    await createNode(fleet.plane.api, 'n9', { labels: { ...zoneLabel('a'), overlay: 'wanted' } });
    const [, added] = await untilGranted(fleet, ['n3', 'n9']);
    assert.equal(added?.address, before[0]?.address);
  });

  test('an address that a user asks for is granted when it is free, and refused with the holder when it is not', async () => {
    const spec = { nodeSelector: { matchLabels: { overlay: 'wanted' } } };
    const wish = (address: string): object => ({
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'NodeOverlayIP',
      metadata: { name: 'n2.default' },
      spec: { node: 'n2', pool: 'default', addresses: [address] },
    });
    const held = (await addressesOf(fleet)).find(({ node }) => node === 'n9');
    await apply(fleet, pool(spec), wish(`${held?.address}/24`));
    await labelNode(fleet.plane.api, 'n2', { overlay: 'wanted' });
    const refused = await fleet.plane.api.until<{ status?: { conditions?: readonly { reason: string; message: string }[] } }>(
      `${ADDRESSES}/n2.default`,
      ({ status }) => status?.conditions?.some(({ reason }) => reason === 'AddressTaken') ?? false,
    );
    assert.match(JSON.stringify(refused.status), /n9/);
    await fleet.plane.kubectl(['delete', 'noip', 'n2.default', '--wait=false']);
    await until(async () => !(await addressesOf(fleet)).some(({ node, address }) => node === 'n2' && address === held?.address));
    const mine = (await addressesOf(fleet)).find(({ node }) => node === 'n2');
    if (mine === undefined) await apply(fleet, wish('192.168.100.77/24'));
    const all = await untilGranted(fleet, ['n2', 'n3', 'n9']);
    assert.ok(all.some(({ node }) => node === 'n2'));
  });

  test('a node whose Node is deleted while its agent runs takes the address off, for another may be given it', async () => {
    const { host } = fleet.node('n3');
    await fleet.plane.api.delete('/api/v1/nodes/n3');
    await until(async () => (await host.run('ip', 'link', 'show', 'tmp0')).code === 1);
    await untilGranted(fleet, ['n2', 'n9']);
    await createNode(fleet.plane.api, 'n3', { labels: { ...zoneLabel('b'), overlay: 'wanted' } });
    await untilGranted(fleet, ['n2', 'n3', 'n9']);
    await until(async () => (await host.run('ip', 'link', 'show', 'tmp0')).code === 0);
  });

  test('a pool that is deleted releases everything first, and leaves nothing', async () => {
    // No agent has ever run there, and nobody else could say that the address is not in its kernel.
    await fleet.plane.api.delete('/api/v1/nodes/n9');
    await fleet.plane.kubectl(['delete', 'op', 'default', '--timeout=60s']);
    assert.deepEqual(await addressesOf(fleet), []);
    for (const name of ['n2', 'n3']) {
      await until(async () => (await fleet.node(name).host.run('ip', 'link', 'show', 'tmp0')).code === 1);
      assert.deepEqual(await ownRoutes(fleet.node(name).host), []);
    }
  });

  test('nobody was refused anything by the rights of the chart', async () => {
    assert.deepEqual(await denials(fleet), []);
  });
});

describe('joins and leaves', () => {
  let fleet: Fleet;

  before(async () => {
    fleet = await overlayFleet();
    await apply(fleet, pool({ reclaim: { delay: '0s' } }));
    await untilGranted(fleet, NODES);
  });
  after(() => fleet.close());

  test('a hundred of them, while controllers are killed at random: nobody shares an address, nothing is lost', async () => {
    const { api } = fleet.plane;
    const alive = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const leaver = [...alive][i % 7];
      if (i % 3 === 2 && leaver !== undefined) {
        await api.delete(`/api/v1/nodes/${leaver}`);
        alive.delete(leaver);
      } else {
        await createNode(api, `j${i}`, { labels: zoneLabel(i % 2 === 0 ? 'a' : 'b') });
        alive.add(`j${i}`);
      }
      if (i % 10 === 5) {
        const victim = fleet.controllers[(i / 5) % 2 < 1 ? 0 : 1];
        await victim?.stop('SIGKILL');
        await victim?.start();
      }
      const now = await addressesOf(fleet);
      const granted = now.filter((each) => each.granted).map(({ address }) => address);
      assert.equal(new Set(granted).size, granted.length, JSON.stringify(now));
    }
    const all = await untilGranted(fleet, [...NODES, ...alive]);
    const { ledger = [] } = await untilPool(fleet, (status) => status.ledger?.length === all.length);
    assert.deepEqual(ledger.map(({ node }) => node).sort(), all.map(({ node }) => node).sort());
  });
});

describe('addresses from phpIPAM', () => {
  let fleet: Fleet;
  let ipam: IpamServer;

  before(async () => {
    fleet = await overlayFleet();
    ipam = await startIpam(fleet);
    const data = ['--from-literal', 'username=fairlead', '--from-literal', 'password=secret'];
    await fleet.plane.kubectl(['create', 'secret', 'generic', 'phpipam', '-n', NAMESPACE, ...data]);
    await serveHttp(fleet.lab.host('onprem'), ONPREM, PORT);
  });
  after(() => fleet.close());

  const phpIPAM = (): object => ({
    url: ipam.url,
    appID: 'open',
    auth: 'None',
    subnetMap: { a: [7], b: [8] },
    credentialsSecret: 'phpipam',
  });

  test('they are recorded there with node and pool, and carry packets', async () => {
    await apply(fleet, pool({ ipam: { phpIPAM: phpIPAM() } }), OVERLAY_ROUTE);
    const addresses = await untilGranted(fleet, NODES);
    assert.deepEqual(
      await ipam.records(),
      addresses.map(({ address, node }) => `${address} ${node}.default`),
    );
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(3));
    await assertCallers(fleet, addresses);
  });

  test('while it is away nothing changes, what is to come waits, and all is well when it is back', async () => {
    await ipam.tell('away');
    await createNode(fleet.plane.api, 'late', { labels: zoneLabel('a') });
    await fleet.node('n2').agent.stop('SIGKILL');
    await fleet.plane.api.delete('/api/v1/nodes/n2');
    const status = await untilPool(fleet, (each) => ready(each)?.reason === 'IPAMUnavailable');
    assert.match(ready(status)?.message ?? '', /http:\/\/10\.1\.0\.100:8090/);
    await assertCallers(
      fleet,
      (await addressesOf(fleet)).filter(({ node }) => node === 'n1' || node === 'n3'),
    );
    await ipam.tell('back');
    const addresses = await untilGranted(fleet, ['n1', 'n3', 'late']);
    await until(
      async () =>
        (await ipam.records()).join() ===
        addresses
          .map(({ address, node }) => `${address} ${node}.default`)
          .sort()
          .join(),
      async () => (await ipam.records()).join(),
    );
  });

  test('what a person has recorded is never used', async () => {
    const held = (await addressesOf(fleet)).map(({ address }) => address);
    const next = Array.from({ length: 20 }, (_, i) => `192.168.100.${i + 2}`).find((address) => !held.includes(address));
    await ipam.tell(`record 7 ${next} printer-7`);
    await createNode(fleet.plane.api, 'later', { labels: zoneLabel('a') });
    const addresses = await untilGranted(fleet, ['n1', 'n3', 'late', 'later']);
    assert.ok(!addresses.some(({ address }) => address === next));
  });

  test('the pool leaves nothing there', async () => {
    for (const name of ['late', 'later']) await fleet.plane.api.delete(`/api/v1/nodes/${name}`);
    await fleet.plane.kubectl(['delete', 'op', 'default', '--timeout=60s']);
    assert.deepEqual(await ipam.records(), []);
    assert.equal((await fleet.plane.api.list(POOLS)).length, 0);
  });
});
