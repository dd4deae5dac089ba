import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentOptions, startAgent } from '../lab/agent.ts';
import type { Host } from '../lab/host.ts';
import { RouteMonitor } from './route-monitor.ts';
import { createNode, documents, GATEWAY, incomplete, nodeObject, OTHER_GATEWAY, staticRoute, untilRoutes, wanted } from './support.ts';

const PUBLIC = { gateways: [{ address: '203.0.113.1' }, { address: '2001:db8:113::1' }] };
const GOOD = ['172.20.0.0/16', '2001:db8:20::/48'];
const PROTECT = ['198.51.100.0/24', '2001:db8:51::/48'];
const OTHER_NODE = nodeObject('other', {}, { podCIDRs: ['10.244.3.0/24', '2001:db8:244:3::/64'] });

/** Subnets that would take something away from the node, the destination, and the words for it. By the private gateway unless said otherwise. */
const HARMFUL: Readonly<Record<string, readonly [subnet: string, destination: string, message: RegExp, spec?: object]>> = {
  'uplink-4': ['203.0.113.128/25', '203.0.113.177', /network connected to eth0/],
  'uplink-6': ['2001:db8:113:0:8000::/65', '2001:db8:113:0:8000::77', /network connected to eth0/],
  'private-4': ['10.1.0.128/25', '10.1.0.200', /network connected to eth1/, { via: PUBLIC }],
  'private-6': ['fd00:1::8000:0/97', 'fd00:1::8000:77', /network connected to eth1/, { via: PUBLIC }],
  'gateway-4': ['203.0.113.1/32', '203.0.113.1', /203\.0\.113\.1/],
  'gateway-6': ['2001:db8:113::1/128', '2001:db8:113::1', /2001:db8:113::1/],
  'protected-4': ['198.51.100.128/25', '198.51.100.200', /--protect 198\.51\.100\.0\/24/],
  'protected-6': ['2001:db8:51:8000::/49', '2001:db8:51:8000::1', /--protect 2001:db8:51::\/48/],
  'around-protected': ['198.51.0.0/16', '198.51.100.1', /--protect 198\.51\.100\.0\/24/],
  'pods-4': ['10.244.0.0/16', '10.244.3.9', /pod range of node other/, { via: PUBLIC }],
  'pods-6': ['2001:db8:244::/48', '2001:db8:244:3::9', /pod range of node other/],
};

async function paths(node: Host): Promise<readonly string[]> {
  const destinations = Object.values(HARMFUL).map(([, destination]) => destination);
  return Promise.all(destinations.map((destination) => node.ip(`route get ${destination}`).catch(String)));
}

test('whatever would cut the node off is refused with the reason; its neighbour in the same file is in force', async (t) => {
  await using lab = await createNode();
  const node = lab.host('node');
  const before = await paths(node);
  const monitor = await RouteMonitor.start(node);
  const agent = await startAgent(node, { ...agentOptions(lab), protect: PROTECT });
  const bad = Object.entries(HARMFUL).map(([name, [subnet, , , spec]], i) =>
    staticRoute(name, [`172.30.${i}.0/24`, subnet], { metric: 77, ...spec }),
  );
  agent.write('all.yaml', documents(OTHER_NODE, ...bad, staticRoute('good', GOOD)));
  await agent.waitForResource('good', ({ ready }) => ready);
  for (const [name, [subnet, , message]] of Object.entries(HARMFUL)) {
    await t.test(name, () => {
      const verdict = agent.resource(name);
      assert.equal(verdict?.reason, 'ProtectedPath', verdict?.message);
      assert.match(verdict?.message ?? '', message);
      assert.ok(verdict?.message.includes(subnet), verdict?.message);
    });
  }
  await untilRoutes(node, wanted(GOOD));
  assert.deepEqual(await paths(node), before);
  assert.equal((await monitor.ownEvents()).length, GOOD.length, 'nothing else was there for a moment');
});

test('the metadata service cannot be routed away', async () => {
  await using lab = await createNode();
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  agent.write('metadata.yaml', staticRoute('metadata', ['169.254.169.254/32']));
  await agent.waitForResource('metadata', ({ ready, reason, message }) => !ready && reason === 'InvalidSpec' && /link-local/.test(message));
});

test('a good resource that is edited to something harmful keeps what worked, and changes no path', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await startAgent(node, agentOptions(lab));
  agent.write('a.yaml', staticRoute('a', GOOD));
  await untilRoutes(node, wanted(GOOD));
  const monitor = await RouteMonitor.start(node);
  agent.write('a.yaml', staticRoute('a', [...GOOD, '203.0.113.0/25']));
  await agent.waitForResource('a', ({ reason, message }) => reason === 'ProtectedPath' && message.includes('203.0.113.0/25'));
  assert.deepEqual(await monitor.ownEvents(), []);
  agent.write('a.yaml', staticRoute('a', [...GOOD, '172.21.0.0/16']));
  await untilRoutes(node, wanted([...GOOD, '172.21.0.0/16']));
  assert.deepEqual(await monitor.deletions(), []);
});

test('a route that comes to do harm goes, also while the source is incomplete; the others stay', async () => {
  await using lab = await createNode();
  const node = lab.host('node');
  const agent = await startAgent(node, agentOptions(lab));
  agent.write('a.yaml', staticRoute('a', GOOD));
  agent.write('b.yaml', staticRoute('b', ['172.28.0.0/16']));
  await untilRoutes(node, wanted([...GOOD, '172.28.0.0/16']));
  await agent.kill('SIGTERM');
  agent.remove('b.yaml');
  agent.write('c.yaml', 'kind: [');
  const next = await startAgent(node, agent.options);
  await next.waitFor(incomplete(/c\.yaml/));
  await node.ip('addr add 172.21.0.9/15 dev eth0');
  await next.waitForResource('a', ({ reason, message }) => reason === 'ProtectedPath' && message.includes('connected to eth0'));
  await untilRoutes(node, wanted(['2001:db8:20::/48', '172.28.0.0/16']));
  await next.waitFor(incomplete(/c\.yaml/));
});

describe('labels of the node', () => {
  test('select and deselect a resource, and choose its gateway', async () => {
    await using lab = await createNode();
    const node = lab.host('node');
    const agent = await startAgent(node, agentOptions(lab));
    const east = { nodeSelector: { matchLabels: { zone: 'east' } } };
    const choice = (address: string, zone: string) => ({
      address,
      nodeSelector: { matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] },
    });
    const gateways = [choice(OTHER_GATEWAY[4], 'west'), choice(GATEWAY[4], 'east')];
    agent.write('east.yaml', staticRoute('east', GOOD, east));
    agent.write('zoned.yaml', staticRoute('zoned', ['172.21.0.0/16'], { via: { gateways } }));
    await agent.waitForResource('east', ({ reason, message }) => reason === 'NodeLabelsUnknown' && message.includes('v1/Node'));
    await untilRoutes(node, []);

    agent.write('node.yaml', nodeObject('node', { zone: 'east' }));
    await untilRoutes(node, wanted([...GOOD, '172.21.0.0/16']));
    const monitor = await RouteMonitor.start(node);
    agent.write('node.yaml', nodeObject('node', { zone: 'west' }));
    await untilRoutes(node, wanted(['172.21.0.0/16'], OTHER_GATEWAY));
    await agent.waitFor(({ status: { resources = [] } }) => resources.length === 1 && resources[0]?.name === 'zoned' && resources[0].ready);
    assert.deepEqual(new Set(await monitor.deletions()), new Set(GOOD), 'the gateway was changed in place');
    agent.write('node.yaml', nodeObject('another', { zone: 'east' }));
    await agent.waitForResource('east', ({ reason }) => reason === 'NodeLabelsUnknown');
    await untilRoutes(node, wanted(['172.21.0.0/16'], OTHER_GATEWAY));
  });
});
