import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Agent, agentOptions, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import {
  ADDRESS,
  addressesOf,
  BOTH,
  deviceOf,
  ONPREM,
  OVERLAY,
  overlayAgent,
  overlayManifest,
  settled,
  untilAddress,
} from './overlay-support.ts';
import { ownRoutes, until } from './support.ts';

const ROUTE = '192.168.50.0/24 via 192.168.100.1 dev tmp0 metric 4201';
const ON_ETH1 = { interface: { parent: { name: 'eth1' } } };

/** However often: `ip address flush` takes away also what has come back meanwhile. */
async function restored(agent: Agent, event: string, object: string): Promise<void> {
  await agent.waitFor(({ status: { drift = [] } }) =>
    drift.some((entry) => entry.event === event && entry.object === object && entry.restoredMicros !== undefined),
  );
}

async function through(node: Host): Promise<void> {
  await until(async () => (await node.ping(ONPREM[4])).received === 3);
}

/** Device, addresses with their marks, and routes of ours. */
async function stateOf(node: Host): Promise<unknown> {
  const device = await deviceOf(node, 'tmp0');
  const alias = /alias (.*)/.exec(await node.ip('link show tmp0'))?.[1];
  const mode = /macvlan mode (\S+)/.exec(await node.ip('-d link show tmp0'))?.[1];
  return [device?.ifindex, device?.address, device?.mtu, alias, mode, await addressesOf(node), await ownRoutes(node)];
}

async function untilAs(node: Host, before: unknown): Promise<void> {
  await until(
    async () => isDeepStrictEqual(await stateOf(node), before),
    async () => JSON.stringify(await stateOf(node)),
  );
}

describe('what is done to the device itself', () => {
  for (const [deed, event, object] of [
    ['link set tmp0 alias foo', 'LinkChanged', 'device tmp0'],
    ['link set tmp0 alias ""', 'LinkChanged', 'device tmp0'],
    ['link set tmp0 address 02:00:5e:00:53:77', 'LinkChanged', 'device tmp0'],
    ['link set tmp0 down', 'LinkChanged', 'device tmp0'],
    ['link set tmp0 mtu 1300', 'LinkChanged', 'device tmp0'],
    ['link set tmp0 type macvlan mode private', 'LinkChanged', 'device tmp0'],
    ['address flush dev tmp0', 'AddressDeleted', `address ${ADDRESS}/24 dev tmp0`],
    [`address replace ${ADDRESS}/24 dev tmp0`, 'AddressChanged', `address ${ADDRESS}/24 dev tmp0`],
  ] as const) {
    test(`${deed}: it is as before, the same device, and it is told`, async () => {
      await using lab = await Lab.create(OVERLAY);
      const node = lab.host('node');
      const agent = await overlayAgent(lab);
      const before = await stateOf(node);
      await node.run('sh', '-c', `ip ${deed}`);
      await restored(agent, event, object);
      await untilAs(node, before);
      await settled(agent);
      await through(node);
    });
  }

  for (const [family, network] of [
    [4, '192.168.100.0/24'],
    [6, '2001:db8:100::/64'],
  ] as const) {
    test(`the route to its network goes, IPv${family}: it is back, and it is told`, async () => {
      await using lab = await Lab.create(OVERLAY);
      const node = lab.host('node');
      const agent = await overlayAgent(lab, { addresses: BOTH });
      const routes = async (): Promise<string> => await node.ip(`-${family} route show ${network}`);
      const [before, state] = [await routes(), await stateOf(node)];
      assert.match(before, /dev tmp0 proto kernel/);
      await node.ip(`-${family} route delete ${network} dev tmp0`);
      await restored(agent, 'RouteDeleted', `address ${BOTH[family === 4 ? 0 : 1]} dev tmp0`);
      assert.equal(await routes(), before);
      assert.deepEqual(await stateOf(node), state);
      assert.equal((await node.ping(family === 4 ? '192.168.100.1' : '2001:db8:100::1')).received, 3);
      await through(node);
    });
  }

  test('the route to its network goes again and again: the repairs become less often, and that is told', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    await node.run('sh', '-c', 'for i in $(seq 200); do ip route delete 192.168.100.0/24 dev tmp0 2>/dev/null; sleep 0.01; done');
    await agent.waitForResource('node.default', ({ reason }) => reason === 'Contested');
    await settled(agent);
    await through(node);
  });

  test('a name that it is given: it is made anew under its own, with its link-layer address', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    const before = await deviceOf(node, 'tmp0');
    await node.ip('link set tmp0 name x');
    await restored(agent, 'LinkChanged', 'device tmp0');
    await settled(agent);
    await through(node);
    assert.deepEqual([await deviceOf(node, 'x'), (await deviceOf(node, 'tmp0'))?.address], [undefined, before?.address]);
    assert.deepEqual(await ownRoutes(node), [ROUTE]);
  });

  test('it is moved to another namespace: another one takes its place', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    await node.ip(`link set tmp0 netns ${lab.host('internet').namespace}`);
    await restored(agent, 'LinkDeleted', 'device tmp0');
    await settled(agent);
    await untilAddress(node, `tmp0 ${ADDRESS}/24`);
    await through(node);
  });

  test('its alias goes while no agent runs: the next one knows it again', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    const before = await stateOf(node);
    await agent.kill('SIGKILL');
    await node.ip('link set tmp0 alias foo');
    const again = await startAgent(node, agent.options);
    await settled(again);
    await untilAs(node, before);
  });

  test('its alias goes, and somebody else’s address comes: it is let be, until that is gone', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    await agent.kill('SIGKILL');
    await node.ip('link set tmp0 alias foo');
    await node.ip('address add 10.77.0.1/24 dev tmp0');
    const again = await startAgent(node, agent.options);
    await again.waitForResource('node.default', ({ reason }) => reason === 'Conflict');
    assert.match(
      again.resource('node.default')?.message ?? '',
      /lost Fairlead’s alias and has 10\.77\.0\.1\/24 dev tmp0 from somebody else/,
    );
    await through(node);
    await node.ip('address delete 10.77.0.1/24 dev tmp0');
    await settled(again);
    assert.match(await node.ip('link show tmp0'), /alias fairlead:default/);
  });
});

describe('what is done to the parent', () => {
  test('another link-layer address: the device keeps its own', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    const before = await stateOf(node);
    await node.ip('link set eth1 address 02:00:5e:00:53:78');
    await through(node);
    assert.deepEqual(await stateOf(node), before);
    assert.deepEqual(agent.report().status.drift, []);
  });

  test('another name: nothing is lost, and a pool that names it says so', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab, ON_ETH1);
    const before = await stateOf(node);
    await node.ip('link set eth1 name lan0');
    await agent.waitForResource('node.default', ({ reason }) => reason === 'DeviceMissing');
    assert.equal(JSON.stringify(await stateOf(node)), JSON.stringify(before).replace('eth1 10.1.0.10', 'lan0 10.1.0.10'));
    await through(node);
    assert.equal(await node.sysctl('net.ipv4.conf.lan0.arp_ignore'), '1');
  });

  test('deleted and made again: all comes back with it', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const plug = async (): Promise<void> => {
      for (const command of ['add v0 type veth peer name v1', 'set v0 up', 'set v1 up']) await node.ip(`link ${command}`);
    };
    await plug();
    const agent = await startAgent(node, agentOptions(lab));
    agent.write('overlay.yaml', overlayManifest({ interface: { parent: { name: 'v0' } } }));
    await agent.waitForResource('node.default', ({ ready }) => ready);
    await node.ip('link delete v0');
    await agent.waitForResource('node.default', ({ reason }) => reason === 'DeviceMissing');
    await plug();
    await restored(agent, 'LinkDeleted', 'device tmp0');
    await agent.waitForResource('node.default', ({ ready }) => ready);
    await untilAddress(node, `tmp0 ${ADDRESS}/24`);
  });

  test('its ARP settings, which the kernel does not announce, are put right with the next event', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    await node.setSysctl('net.ipv4.conf.eth1.arp_ignore', 0);
    await node.ip('link set eth1 mtu 1400');
    await restored(agent, 'SysctlChanged', 'sysctl net.ipv4.conf.eth1.arp_ignore');
    assert.equal(await node.sysctl('net.ipv4.conf.eth1.arp_ignore'), '1');
  });

  test('the route `toward` comes to lead to another Ethernet device: the device goes there, and the log says so', async () => {
    await using lab = await Lab.create(OVERLAY);
    const node = lab.host('node');
    const agent = await overlayAgent(lab);
    await node.ip('route replace 10.0.0.0/8 via 203.0.113.1');
    await until(async () => (await node.ip('link show tmp0').catch(() => '')).includes('tmp0@eth0'));
    await until(() => agent.log.includes(`OverlayPending: it is asked on eth0 of node node whether somebody else has ${ADDRESS}`));
    await until(() => agent.log.split(`node.default is ready on node node: ${ADDRESS}/24 on tmp0`).length === 3);
    await until(async () => (await node.sysctl('net.ipv4.conf.eth1.arp_ignore')) === '0');
    await node.ip('route replace 10.0.0.0/8 via 10.1.0.1');
    await until(async () => (await node.ip('link show tmp0').catch(() => '')).includes('tmp0@eth1'));
    await untilAddress(node, `tmp0 ${ADDRESS}/24`);
    await through(node);
  });
});
