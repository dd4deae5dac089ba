import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentOptions, runFairlead, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { httpGet, serveHttp } from '../lab/traffic.ts';
import {
  ADDRESS,
  addressesOf,
  BOTH,
  deviceOf,
  ONPREM,
  OVERLAY,
  OVERLAY_ROUTE,
  overlayAgent,
  overlayManifest,
  settled,
  untilAddress,
  VIA_OVERLAY,
} from './overlay-support.ts';
import { foreignRoutes, ownRoutes, staticRoute, until } from './support.ts';

const RPF = 'TcpExtIPReversePathFilter';
const ALL = { sent: 3, received: 3 };

/** The host on premises sees the overlay address as the caller, in both directions, and nothing is dropped on the way. */
async function assertPackets(lab: Lab): Promise<void> {
  const [node, onprem] = [lab.host('node'), lab.host('onprem')];
  const before = await node.counter(RPF);
  const answer = await httpGet(node, ONPREM[4], 8080);
  assert.deepEqual(answer, { status: 200, body: `onprem answers ${ADDRESS}` });
  assert.deepEqual(await onprem.ping(ADDRESS), ALL);
  assert.equal(await node.counter(RPF), before);
}

async function macOf(host: Host, device: string): Promise<string> {
  return (await deviceOf(host, device))?.address ?? '';
}

describe('an overlay address from a folder', () => {
  test('packets leave with it and come back by it, with strict reverse-path filtering', async () => {
    await using lab = await Lab.create(OVERLAY);
    await serveHttp(lab.host('onprem'), ONPREM[4], 8080);
    // Without it the host on premises does not know whom to answer.
    await lab.host('node').ip('route add 192.168.50.0/24 via 10.1.0.1 metric 9000');
    assert.ok('error' in (await httpGet(lab.host('node'), ONPREM[4], 8080, 500)));
    const agent = await overlayAgent(lab);
    await assertPackets(lab);
    assert.match(agent.resource('node.default')?.message ?? '', /^192\.168\.100\.4\/24 on tmp0/);
    assert.deepEqual([agent.resource('on-prem')?.gateway, agent.resource('on-prem')?.device], ['192.168.100.1', 'tmp0']);
  });

  test('the router learns the address of the macvlan device, never that of its parent', async () => {
    await using lab = await Lab.create(OVERLAY);
    await overlayAgent(lab);
    const [node, router] = [lab.host('node'), lab.host('router')];
    await router.ip('neigh flush all');
    assert.deepEqual(await router.ping(ADDRESS), ALL);
    assert.match(await router.ip(`neigh show ${ADDRESS}`), new RegExp(await macOf(node, 'tmp0')));
    assert.notEqual(await macOf(node, 'tmp0'), await macOf(node, 'eth1'));
  });

  test('both families', async () => {
    await using lab = await Lab.create(OVERLAY);
    const agent = await startAgent(lab.host('node'), agentOptions(lab));
    agent.write('overlay.yaml', overlayManifest({ addresses: BOTH }));
    agent.write('route.yaml', staticRoute('on-prem', ['192.168.50.0/24', '2001:db8:50::/64'], VIA_OVERLAY));
    await settled(agent);
    assert.deepEqual(await lab.host('node').ping(ONPREM[4]), ALL);
    assert.deepEqual(await lab.host('node').ping(ONPREM[6]), ALL);
    assert.deepEqual(await lab.host('onprem').ping('2001:db8:100::4'), ALL);
  });

  test('as a plain address on the parent', async () => {
    await using lab = await Lab.create(OVERLAY);
    await serveHttp(lab.host('onprem'), ONPREM[4], 8080);
    const agent = await overlayAgent(lab, { interface: { type: 'Address', parent: { name: 'eth1' } } });
    await assertPackets(lab);
    assert.equal(await deviceOf(lab.host('node'), 'tmp0'), undefined);
    agent.remove('overlay.yaml');
    await untilAddress(lab.host('node'), `eth1 ${ADDRESS}/24`, false);
  });

  test('cleanup leaves the node as it was', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const state = async (): Promise<unknown> => [
      await foreignRoutes(node),
      await addressesOf(node),
      await node.sysctl('net.ipv4.conf.eth1.arp_ignore'),
    ];
    const before = await state();
    const agent = await overlayAgent(lab);
    assert.equal(await node.sysctl('net.ipv4.conf.eth1.arp_ignore'), '1');
    assert.deepEqual(agent.report().status.drift, []);
    await agent.kill('SIGTERM');
    assert.deepEqual(await lab.host('node').ping(ONPREM[4]), ALL);
    const { code, stdout } = await runFairlead(node, 'cleanup', agent.options);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^- .*tmp0/m);
    assert.deepEqual(await state(), before);
    assert.deepEqual(await ownRoutes(node), []);
  });

  test('apply does all of it in one go', async () => {
    await using lab = await Lab.create(OVERLAY);
    const agent = await startAgent(lab.host('node'), agentOptions(lab));
    await agent.kill('SIGTERM');
    agent.write('overlay.yaml', overlayManifest());
    agent.write('route.yaml', OVERLAY_ROUTE);
    const { code, stderr } = await runFairlead(lab.host('node'), 'apply', agent.options);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await lab.host('node').ping(ONPREM[4]), ALL);
  });
});

describe('what others do to it', () => {
  test('device, address, routes: whatever is taken away comes back, and is reported', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    const deeds = [
      ['LinkDeleted', 'link delete tmp0'],
      ['AddressDeleted', `address delete ${ADDRESS}/24 dev tmp0`],
      ['LinkChanged', 'link set tmp0 down'],
      ['LinkChanged', 'link set tmp0 mtu 1300'],
    ] as const;
    for (const [event, deed] of deeds) {
      await node.ip(deed);
      await agent.waitFor(({ status: { drift = [] } }) =>
        drift.some((entry) => entry.event === event && entry.restoredMicros !== undefined),
      );
      await settled(agent);
      await until(async () => (await node.ping(ONPREM[4])).received === 3);
      assert.equal((await deviceOf(node, 'tmp0'))?.mtu, 1500, deed);
    }
    assert.deepEqual(await ownRoutes(node), ['192.168.50.0/24 via 192.168.100.1 dev tmp0 metric 4201']);
  });

  test('the parent goes and comes back', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab, { interface: { parent: { name: 'eth1' } } });
    await node.ip('link set eth1 name away');
    await agent.waitForResource('node.default', ({ reason }) => reason === 'DeviceMissing');
    await node.ip('link set away name eth1');
    await settled(agent);
    await node.ip('link set eth1 down');
    await node.ip('link set eth1 up');
    await settled(agent);
    await until(async () => (await node.ping(ONPREM[4])).received === 3);
  });

  test('the MTU follows the parent', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    await overlayAgent(lab);
    await node.ip('link set eth1 mtu 1400');
    await until(async () => (await deviceOf(node, 'tmp0'))?.mtu === 1400);
    await node.ip('link set eth1 mtu 1500');
    await until(async () => (await deviceOf(node, 'tmp0'))?.mtu === 1500);
  });

  test('a restart of the agent touches nothing', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    const before = await deviceOf(node, 'tmp0');
    await agent.kill('SIGKILL');
    const again = await startAgent(node, agent.options);
    await settled(again);
    assert.deepEqual(await deviceOf(node, 'tmp0'), before);
    assert.deepEqual(again.report().status.drift, []);
  });

  test('a foreign device of that name is left alone', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    await node.ip('link add link eth1 name tmp0 type macvlan mode bridge');
    const before = await node.ip('-d link show tmp0');
    const agent = await startAgent(node, agentOptions(lab));
    agent.write('overlay.yaml', overlayManifest());
    await agent.waitForResource('node.default', ({ reason }) => reason === 'Conflict');
    assert.equal(await node.ip('-d link show tmp0'), before);
    await node.ip('link delete tmp0');
    await agent.waitForResource('node.default', ({ ready }) => ready);
  });
});

describe('an address that somebody has', () => {
  test('IPv4: it is not used until the other host is gone', async () => {
    await using lab = await Lab.create(OVERLAY);
    const [node, other] = [lab.host('node'), lab.host('other')];
    await other.ip(`address add ${ADDRESS}/24 dev eth1`);
    const agent = await startAgent(node, agentOptions(lab));
    agent.write('overlay.yaml', overlayManifest());
    await agent.waitForResource('node.default', ({ reason }) => reason === 'AddressInUse');
    assert.match(
      agent.resource('node.default')?.message ?? '',
      new RegExp(`^${await macOf(other, 'eth1')} answers for ${ADDRESS} on eth1`),
    );
    assert.ok(!(await addressesOf(node)).some((text) => text.includes(ADDRESS)));
    await other.ip(`address delete ${ADDRESS}/24 dev eth1`);
    await agent.waitForResource('node.default', ({ ready }) => ready);
  });

  test('IPv6: the kernel finds it out, and the address goes from the device', async () => {
    await using lab = await Lab.create(OVERLAY);
    const [node, other] = [lab.host('node'), lab.host('other')];
    await other.ip('address add 2001:db8:100::4/64 dev eth1 nodad');
    const agent = await startAgent(node, agentOptions(lab));
    agent.write('overlay.yaml', overlayManifest({ addresses: ['2001:db8:100::4/64'] }));
    await agent.waitForResource('node.default', ({ reason }) => reason === 'AddressInUse');
    await untilAddress(node, 'tmp0 2001:db8:100::4/64', false);
  });
});
