import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { until } from '../support.ts';
import { kernelRoute, ROUTES, readyOn, reportOf, staticRoute, untilOwn } from './support.ts';

describe('the token of an agent', () => {
  let fleet: Fleet;
  const node = () => fleet.node('n1');
  const subnet = (i: number): string => `192.168.${i}.0/24`;
  const own: string[] = [];

  before(async () => {
    fleet = await startFleet({ nodes: 1, controllers: 1 });
    await add(50);
  });
  after(() => fleet.close());

  /** One more route, which the node must get and report. */
  async function add(i: number): Promise<void> {
    own.push(kernelRoute(subnet(i)));
    await fleet.plane.api.post(ROUTES, staticRoute(`r${i}`, { subnets: [subnet(i)] }));
    await untilOwn(node(), own);
    await fleet.plane.api.until(`${ROUTES}/r${i}`, readyOn(1));
  }

  test("that expires and is renewed in its file is nobody's business", async () => {
    const expiry = await node().agent.useShortToken(2);
    await node().agent.stop();
    await node().agent.start();
    await add(60);
    await sleep(Math.max(0, expiry.getTime() - Date.now()));
    await node().agent.renewToken();
    // Else it would remember the old one for ten seconds.
    await fleet.plane.stopApiServer();
    await fleet.plane.startApiServer();
    await add(61);
    assert.doesNotMatch(node().agent.words, /401/);
  });

  test('that expires and is not renewed: the routes stay, the agent says what is wrong, and a new file mends it', async () => {
    const monitor = await RouteMonitor.start(node().host);
    await node().agent.useShortToken(2);
    await node().agent.stop();
    await node().agent.start();
    // Whoever was accepted once is accepted from the server's memory for ten seconds.
    await until(refusesReports, () => node().agent.words);
    assert.match(
      node().agent.words,
      /401 Unauthorized.*; the credentials in the service account of this pod .* have expired or were revoked: renew them/,
    );
    await node().agent.renewToken();
    await add(62);
    assert.deepEqual(await monitor.deletions(), []);
  });

  /** The watch goes on, whose token was good when it began; so a change makes a report due. */
  let mtu = 1400;
  async function refusesReports(): Promise<boolean> {
    await fleet.plane.api.patch(`${ROUTES}/r50`, { spec: { mtu: ++mtu } });
    await sleep(500);
    return /report .* not written: .*401/.test(node().agent.words);
  }

  test('that is revoked with its pod: nothing is removed, also over an outage, and the token of the next pod mends it', async () => {
    const monitor = await RouteMonitor.start(node().host);
    await node().agent.deletePod();
    await fleet.plane.stopApiServer();
    await fleet.plane.startApiServer();
    await until(
      () => /nothing is removed .*401 Unauthorized/.test(node().agent.words),
      () => node().agent.words,
    );
    await fleet.plane.api.delete(`${ROUTES}/r60`);
    await node().host.ip(`route del ${subnet(61)}`);
    await untilOwn(node(), own);

    await node().agent.renewPod();
    own.splice(own.indexOf(kernelRoute(subnet(60))), 1);
    await untilOwn(node(), own);
    await reportOf(fleet, 'n1', ({ status }) => status.complete && status.resources?.length === own.length);
    assert.deepEqual([...new Set(await monitor.deletions())].sort(), [subnet(60), subnet(61)]);
    await add(63);
  });
});
