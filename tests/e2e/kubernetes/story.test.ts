import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { addresses, ECHO_PORT, SITE } from '../../../demo/topology.ts';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { labelNode } from '../../lab/kubernetes/objects.ts';
import { echoUdp, streamUdp } from '../../lab/traffic.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { ownRoutes, until } from '../support.ts';
import {
  denials,
  kernelRoute,
  ONPREM,
  OTHER_GATEWAY,
  ROUTES,
  readyOn,
  reportOf,
  staticRoute,
  statusText,
  untilEverywhere,
  untilOwn,
} from './support.ts';

const SITE_ROUTE = kernelRoute(SITE[4]);
const SECOND = '192.168.60.0/24';

describe('from kubectl apply to kubectl delete', () => {
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet();
  });
  after(() => fleet.close());

  /** Both ways: the nodes that the site reaches, and that reach it. */
  async function connected(): Promise<readonly string[]> {
    const answers = await Promise.all(
      fleet.nodes.map(async ({ name, host, addresses: [address = ''] }) => {
        const tries = await Promise.all([host.ping(ONPREM, { count: 2 }), fleet.lab.host('onprem').ping(address, { count: 2 })]);
        assert.equal(new Set(tries.map(({ received }) => received)).size, 1, `${name} is reached one way only`);
        return tries.every(({ sent, received }) => sent === received) ? [name] : [];
      }),
    );
    return answers.flat();
  }

  const apply = (object: object): Promise<string> => fleet.plane.kubectl(['apply', '-f', '-'], stringify(object));
  const onPrem = (spec: object = {}): object => staticRoute('on-prem', { nodeSelector: { matchLabels: { site: 'west' } }, ...spec });

  test('no node and the site reach each other before', async () => {
    assert.deepEqual(await connected(), []);
  });

  test('packets flow on the nodes that the object selects, and on no other', async () => {
    for (const node of ['n1', 'n2']) await labelNode(fleet.plane.api, node, { site: 'west' });
    await apply(onPrem());
    await Promise.all(['n1', 'n2'].map((name) => untilOwn(fleet.node(name), [SITE_ROUTE])));
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(2));
    assert.deepEqual(await connected(), ['n1', 'n2']);
    assert.deepEqual(await ownRoutes(fleet.node('n3').host), []);
  });

  test('kubectl get tells the same', async () => {
    const [head = '', line = ''] = (await fleet.plane.kubectl(['get', 'sr', '-o', 'wide'])).split('\n');
    assert.match(head, /^NAME +READY +/);
    assert.match(line, /^on-prem +True +/);
  });

  test('a label that moves to another node takes the route along', async () => {
    await labelNode(fleet.plane.api, 'n2', { site: null });
    await labelNode(fleet.plane.api, 'n3', { site: 'west' });
    await Promise.all([untilOwn(fleet.node('n2'), []), untilOwn(fleet.node('n3'), [SITE_ROUTE])]);
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(2));
    assert.deepEqual(await connected(), ['n1', 'n3']);
  });

  test('while the API server is away, what is tampered with is healed, and nothing else changes', async () => {
    const monitor = await RouteMonitor.start(fleet.node('n3').host);
    await fleet.plane.stopApiServer();
    await fleet.node('n1').host.ip(`route del ${SITE[4]}`);
    await untilOwn(fleet.node('n1'), [SITE_ROUTE]);
    await until(
      () => fleet.nodes.every(({ agent }) => /nothing listens at/.test(agent.words)),
      () => fleet.log,
    );
    assert.deepEqual(await connected(), ['n1', 'n3']);
    assert.deepEqual(await monitor.ownEvents(), []);
  });

  test('an agent that is started anew while the API server is away changes nothing', async () => {
    const monitor = await RouteMonitor.start(fleet.node('n3').host);
    await fleet.node('n3').agent.stop('SIGKILL');
    await fleet.node('n3').agent.start();
    await until(() => /StaticRoute on-prem is ready on node n3/.test(fleet.node('n3').agent.words));
    assert.deepEqual(await monitor.ownEvents(), []);
  });

  test('a node that boots while the API server is away gets its routes back', async () => {
    const { agent } = fleet.node('n3');
    await agent.stop('SIGKILL');
    await fleet.node('n3').forgetRoutes();
    assert.deepEqual(await connected(), ['n1']);
    await agent.start();
    await untilOwn(fleet.node('n3'), [SITE_ROUTE]);
    assert.deepEqual(await connected(), ['n1', 'n3']);
  });

  test('when the API server is back, a new object reaches the kernels, and reports and status are right', async () => {
    await fleet.plane.startApiServer();
    await apply(staticRoute('second', { subnets: [SECOND] }));
    await Promise.all([
      untilOwn(fleet.node('n1'), [SITE_ROUTE, kernelRoute(SECOND)]),
      untilOwn(fleet.node('n2'), [kernelRoute(SECOND)]),
      untilOwn(fleet.node('n3'), [SITE_ROUTE, kernelRoute(SECOND)]),
    ]);
    const { status } = await reportOf(fleet, 'n1', (report) => report.status.complete && (report.status.drift ?? []).length > 0);
    assert.deepEqual(
      status.drift?.map(({ event, object, count }) => `${event} ${object} ${count}`),
      [`RouteDeleted route ${SITE[4]} metric 4201 1`],
    );
    assert.equal(statusText(await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(2))), '2 selected, 2 ready, 0 failed');
    assert.equal(statusText(await fleet.plane.api.until(`${ROUTES}/second`, readyOn(3))), '3 selected, 3 ready, 0 failed');
  });

  test('the gateway moves in place under traffic, and no packet is lost', async () => {
    const { host } = fleet.node('n1');
    await echoUdp(fleet.lab.host('onprem'), ONPREM, ECHO_PORT);
    const stream = await streamUdp(host, ONPREM, ECHO_PORT);
    const monitor = await RouteMonitor.start(host);
    for (const gateway of [OTHER_GATEWAY, addresses(4).gateway, OTHER_GATEWAY]) {
      await apply(onPrem({ via: { gateway } }));
      await untilOwn(fleet.node('n1'), [kernelRoute(SITE[4], gateway), kernelRoute(SECOND)]);
      await host.ping(ONPREM, { count: 10 });
    }
    const { sent, lost } = await stream.stop();
    assert.ok(sent > 100, `${sent} packets`);
    assert.deepEqual(lost, []);
    assert.deepEqual(await monitor.deletions(), []);
    await fleet.plane.api.until(`${ROUTES}/on-prem`, readyOn(2));
  });

  test('what is deleted is gone everywhere', async () => {
    await fleet.plane.kubectl(['delete', 'sr', '--all']);
    await untilEverywhere(fleet, []);
    assert.deepEqual(await connected(), []);
  });

  test('nobody asked for anything that was forbidden', async () => {
    assert.deepEqual(await denials(fleet), []);
  });
});
