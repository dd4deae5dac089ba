import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SITE } from '../../../demo/topology.ts';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { createNode, labelNode } from '../../lab/kubernetes/objects.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { until } from '../support.ts';
import { kernelRoute, ROUTES, readyOn, reportOf, staticRoute, statusText, untilEverywhere, untilOwn } from './support.ts';

const subnet = (i: number): string => `192.168.${i}.0/24`;

describe('what changes while a node cannot see it', () => {
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet();
    for (const i of [60, 61, 62]) await fleet.plane.api.post(ROUTES, staticRoute(`r${i}`, { subnets: [subnet(i)] }));
    await untilEverywhere(
      fleet,
      [60, 61, 62].map((i) => kernelRoute(subnet(i))),
    );
    for (const i of [60, 61, 62]) await fleet.plane.api.until(`${ROUTES}/r${i}`, readyOn(3));
  });
  after(() => fleet.close());

  /** A node whose packets to the API server vanish. */
  async function cutOff(name: string, act: () => Promise<unknown>): Promise<void> {
    const { host, agent } = fleet.node(name);
    await host.ip(`route add blackhole ${fleet.plane.address}`);
    try {
      await act();
      assert.ok(agent.isRunning);
    } finally {
      await host.ip(`route del blackhole ${fleet.plane.address}`);
    }
  }

  test('an object that is deleted while an agent runs without its API server goes when that is back, and not before', async () => {
    const monitor = await RouteMonitor.start(fleet.node('n1').host);
    await cutOff('n1', async () => {
      await fleet.plane.api.delete(`${ROUTES}/r60`);
      await Promise.all(
        ['n2', 'n3'].map((name) =>
          untilOwn(
            fleet.node(name),
            [61, 62].map((i) => kernelRoute(subnet(i))),
          ),
        ),
      );
      assert.deepEqual(await monitor.ownEvents(), []);
    });
    await untilOwn(
      fleet.node('n1'),
      [61, 62].map((i) => kernelRoute(subnet(i))),
    );
    assert.deepEqual(await monitor.deletions(), [subnet(60)]);
  });

  test('an object that is deleted, and one whose gateway and subnets change, while an agent is stopped: its start puts all right', async () => {
    const { agent, host } = fleet.node('n1');
    await agent.stop();
    await fleet.plane.api.delete(`${ROUTES}/r61`);
    await fleet.plane.api.patch(`${ROUTES}/r62`, { spec: { subnets: [subnet(62), subnet(63)], via: { gateway: '10.1.0.2' } } });
    const wanted = [62, 63].map((i) => kernelRoute(subnet(i), '10.1.0.2'));
    await Promise.all(['n2', 'n3'].map((name) => untilOwn(fleet.node(name), wanted)));
    const monitor = await RouteMonitor.start(host);
    await agent.start();
    await untilOwn(fleet.node('n1'), wanted);
    assert.deepEqual(await monitor.deletions(), [subnet(61)]);
    await fleet.plane.api.until(`${ROUTES}/r62`, readyOn(3));
  });

  test('its own Node that is deleted takes no route along; the agent says so; another one of that name counts', async () => {
    const { agent, host } = fleet.node('n2');
    await labelNode(fleet.plane.api, 'n2', { site: 'west' });
    await fleet.plane.api.post(ROUTES, staticRoute('labelled', { nodeSelector: { matchLabels: { site: 'west' } } }));
    const wanted = [...[62, 63].map((i) => kernelRoute(subnet(i), '10.1.0.2')), kernelRoute(SITE[4])];
    await untilOwn(fleet.node('n2'), wanted);
    const monitor = await RouteMonitor.start(host);
    await fleet.plane.api.delete('/api/v1/nodes/n2');
    await until(
      () => /the Node n2 is gone, its last known labels count/.test(agent.words),
      () => agent.words,
    );
    await fleet.plane.api.until(`${ROUTES}/r62`, (route) => statusText(route) === '2 selected, 2 ready, 0 failed');
    assert.deepEqual(await monitor.ownEvents(), []);

    await createNode(fleet.plane.api, 'n2', { addresses: fleet.node('n2').addresses });
    await untilOwn(fleet.node('n2'), wanted.slice(0, 2));
    await fleet.plane.api.until(`${ROUTES}/r62`, readyOn(3));
    assert.deepEqual(await monitor.deletions(), [SITE[4]]);
    await fleet.plane.api.delete(`${ROUTES}/labelled`);
  });

  test('an agent under a name that no Node has: it adds what every node gets, removes nothing, and says what is wrong', async () => {
    const { agent, host } = fleet.node('n3');
    await agent.stop();
    await fleet.plane.api.delete('/api/v1/nodes/n3');
    await fleet.plane.api.delete(`${ROUTES}/r62`);
    await Promise.all(['n1', 'n2'].map((name) => untilOwn(fleet.node(name), [])));
    agent.forget();
    const monitor = await RouteMonitor.start(host);
    await fleet.plane.api.post(ROUTES, staticRoute('new', { subnets: [subnet(64)] }));
    await agent.start();
    await untilOwn(fleet.node('n3'), [...[62, 63].map((i) => kernelRoute(subnet(i), '10.1.0.2')), kernelRoute(subnet(64))]);
    await until(
      () => /nothing is removed .*there is no Node n3: see whether --node is right/.test(agent.words),
      () => agent.words,
    );
    assert.deepEqual(await monitor.deletions(), []);

    await createNode(fleet.plane.api, 'n3');
    await untilOwn(fleet.node('n3'), [kernelRoute(subnet(64))]);
    await reportOf(fleet, 'n3', ({ status }) => status.complete && status.resources?.length === 1);
  });
});
