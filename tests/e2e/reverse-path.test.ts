import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Agent, agentOptions, startAgent } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { Topology } from '../lab/topology.ts';
import { staticRoute, until } from './support.ts';

/** A site with two ways to the node: it sends to the address on eth2 by the second one, the node answers by the first. */
const TOPOLOGY: Topology = {
  hosts: {
    internet: { routes: ['10.0.0.0/8 via 203.0.113.10'] },
    node: { sysctls: { 'net.ipv4.conf.all.rp_filter': 1 }, routes: ['default via 203.0.113.1', '10.0.0.0/8 via 10.1.0.1'] },
    first: { forwarding: true },
    second: { forwarding: true },
    site: { routes: ['10.1.0.0/24 via 192.168.50.1', '10.2.0.0/24 via 192.168.50.2'] },
  },
  links: [
    { name: 'public', ends: { 'internet:eth0': ['203.0.113.1/24'], 'node:eth0': ['203.0.113.10/24'] } },
    { name: 'one', ends: { 'node:eth1': ['10.1.0.10/24'], 'first:eth0': ['10.1.0.1/24'] } },
    { name: 'two', ends: { 'node:eth2': ['10.2.0.10/24'], 'second:eth0': ['10.2.0.1/24'] } },
    { name: 'lan', ends: { 'site:eth0': ['192.168.50.10/24'], 'first:eth1': ['192.168.50.1/24'], 'second:eth1': ['192.168.50.2/24'] } },
  ],
};

const RPF = 'TcpExtIPReversePathFilter';
const [ON_FIRST, ON_SECOND] = ['10.1.0.10', '10.2.0.10'];
const ALL = { sent: 3, received: 3 };

type Filters = Readonly<Record<'all' | 'eth0' | 'eth1' | 'eth2', string>>;
const STRICT: Filters = { all: '1', eth0: '0', eth1: '0', eth2: '0' };

async function filtersOf(lab: Lab): Promise<Filters> {
  const value = (device: string): Promise<string> => lab.host('node').sysctl(`net.ipv4.conf.${device}.rp_filter`);
  const [all = '', eth0 = '', eth1 = '', eth2 = ''] = await Promise.all(['all', 'eth0', 'eth1', 'eth2'].map(value));
  return { all, eth0, eth1, eth2 };
}

async function untilFilters(lab: Lab, wanted: Filters): Promise<void> {
  const seen = (): Promise<Filters> => filtersOf(lab);
  await until(async () => isDeepStrictEqual(await seen(), wanted), seen);
}

async function running(lab: Lab, spec: object): Promise<Agent> {
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  await apply(agent, spec);
  return agent;
}

async function apply(agent: Agent, spec: object): Promise<void> {
  agent.write('site.yaml', staticRoute('site', ['192.168.50.0/24'], spec));
  await agent.waitForResource('site', ({ ready }) => ready);
}

/** Packets of the site to the node's second address, and whether the reverse-path filter took them. */
async function assertDropped(lab: Lab): Promise<void> {
  const before = await lab.host('node').counter(RPF);
  assert.deepEqual(await lab.host('site').ping(ON_SECOND), { sent: 3, received: 0 });
  assert.equal(await lab.host('node').counter(RPF), before + 3);
}

async function assertAnswered(lab: Lab): Promise<void> {
  const before = await lab.host('node').counter(RPF);
  assert.deepEqual(await lab.host('site').ping(ON_SECOND), ALL);
  assert.deepEqual(await lab.host('site').ping(ON_FIRST), ALL);
  assert.equal(await lab.host('node').counter(RPF), before);
}

/** Loose on one device must not open another: packets of the site's addresses that come from the internet are still dropped. */
async function assertNoSpoofing(lab: Lab): Promise<void> {
  const [internet, node] = [lab.host('internet'), lab.host('node')];
  await internet.ip('addr add 192.168.50.66/32 dev lo');
  // An ARP request from that address would be dropped as well, but not counted.
  assert.deepEqual(await internet.ping('203.0.113.10'), ALL);
  const before = await node.counter(RPF);
  await internet.ping(ON_FIRST, { from: '192.168.50.66' });
  assert.equal(await node.counter(RPF), before + 3);
}

describe('packets that arrive on another device than the route leaves by', () => {
  test('are dropped with Preserve, and answered with Loose when the node has a spare way to what is looked toward', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    await lab.host('node').ip('route add 10.0.0.0/8 via 10.2.0.1 metric 100');
    const via = { discover: { toward: ['10.0.0.0/8'] } };
    const agent = await running(lab, { via });
    await assertDropped(lab);
    await apply(agent, { via, reversePath: 'Loose' });
    await untilFilters(lab, { ...STRICT, eth1: '2', eth2: '2' });
    await assertAnswered(lab);
    await assertNoSpoofing(lab);
  });

  test('are answered with Loose when the resource names the gateway that they come by as a further one', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    const gateways = [{ address: '10.1.0.1' }, { address: '10.2.0.1' }];
    const agent = await running(lab, { via: { gateways } });
    await assertDropped(lab);
    await apply(agent, { via: { gateways }, reversePath: 'Loose' });
    await untilFilters(lab, { ...STRICT, eth1: '2', eth2: '2' });
    await assertAnswered(lab);
    await assertNoSpoofing(lab);
  });

  test('are still dropped with Loose when nothing hints at that device', async () => {
    await using lab = await Lab.create(TOPOLOGY);
    await running(lab, { via: { gateway: '10.1.0.1' }, reversePath: 'Loose' });
    await untilFilters(lab, { ...STRICT, eth1: '2' });
    await assertDropped(lab);
  });
});

test('packets that arrive on the device of a route which a foreign one shadows are dropped with Preserve, answered with Loose', async () => {
  await using lab = await Lab.create(TOPOLOGY);
  await lab.host('node').ip('route add 192.168.50.0/24 via 10.1.0.1 metric 10');
  const agent = await startAgent(lab.host('node'), agentOptions(lab));
  const shadowed = async (spec: object): Promise<void> => {
    agent.write('site.yaml', staticRoute('site', ['192.168.50.0/24'], { via: { gateway: '10.2.0.1' }, ...spec }));
    await agent.waitForResource('site', ({ reason, gateway }) => reason === 'Shadowed' && gateway === '10.2.0.1');
  };
  await shadowed({});
  await assertDropped(lab);
  await shadowed({ reversePath: 'Loose' });
  await untilFilters(lab, { ...STRICT, eth1: '2', eth2: '2' });
  await assertAnswered(lab);
});
