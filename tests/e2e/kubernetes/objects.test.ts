import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { SITE } from '../../../demo/topology.ts';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { until } from '../support.ts';
import {
  denials,
  kernelRoute,
  OTHER_GATEWAY,
  REPORTS,
  ROUTES,
  readyOn,
  reportOf,
  saidOf,
  staticRoute,
  statusOf,
  statusText,
  untilEverywhere,
  untilOwn,
} from './support.ts';

const SITE_ROUTE = kernelRoute(SITE[4]);
const OTHER = '192.168.60.0/24';

describe('objects that are in the way of others, or of themselves', () => {
  let fleet: Fleet;
  const create = (name: string, spec: object = {}) => fleet.plane.api.post(ROUTES, staticRoute(name, spec));
  const remove = (name: string) => fleet.plane.api.delete(`${ROUTES}/${name}`);
  const status = (name: string, text: string) => fleet.plane.api.until(`${ROUTES}/${name}`, (route) => statusText(route) === text);

  before(async () => {
    fleet = await startFleet();
  });
  after(() => fleet.close());

  test('of two with the same subnet the older one counts; when it goes, the other takes over without a gap', async () => {
    await create('older');
    await fleet.plane.api.until(`${ROUTES}/older`, readyOn(3));
    await create('younger', { subnets: [SITE[4], OTHER], via: { gateway: OTHER_GATEWAY } });
    await untilEverywhere(fleet, [SITE_ROUTE, kernelRoute(OTHER, OTHER_GATEWAY)]);
    await status('younger', '3 selected, 0 ready, 3 failed; n1 Conflict; n2 Conflict; n3 Conflict');
    assert.match((await saidOf(fleet, 'n1', 'younger', ({ ready }) => !ready)).message, /StaticRoute older/);

    const monitor = await RouteMonitor.start(fleet.node('n1').host);
    await remove('older');
    await untilEverywhere(
      fleet,
      [SITE[4], OTHER].map((subnet) => kernelRoute(subnet, OTHER_GATEWAY)),
    );
    assert.deepEqual(await monitor.deletions(), []);
    await fleet.plane.api.until(`${ROUTES}/younger`, readyOn(3));
    await remove('younger');
    await untilEverywhere(fleet, []);
  });

  test('the failure of one node is not hidden by the success of the others, and kubectl describe shows it', async () => {
    for (const name of ['n1', 'n3']) {
      await fleet.node(name).host.ip('link add site0 type bridge');
      await fleet.node(name).host.ip('link set site0 up');
    }
    await create('by-device', { via: { device: 'site0' } });
    const text = '3 selected, 2 ready, 1 failed; n2 DeviceMissing';
    const route = await status('by-device', text);
    assert.equal(statusOf(route).conditions?.find(({ type }) => type === 'Degraded')?.status, 'True');
    const { metadata } = await fleet.plane.api.patch(`${ROUTES}/by-device`, { spec: { mtu: 1400 } });
    await fleet.plane.api.until(
      `${ROUTES}/by-device`,
      (now) => statusOf(now).observedGeneration === metadata.generation && statusText(now) === text,
    );
    const description = await fleet.plane.kubectl(['describe', 'sr', 'by-device']);
    assert.match(description, /Warning +DeviceMissing .*fairlead.dev\/agent.* node n2: .*site0/);

    await fleet.node('n2').host.ip('link add site0 type bridge');
    await fleet.node('n2').host.ip('link set site0 up');
    await fleet.plane.api.until(`${ROUTES}/by-device`, readyOn(3));
    assert.match(await fleet.plane.kubectl(['describe', 'sr', 'by-device']), /Normal +Mended /);
    await remove('by-device');
    await untilEverywhere(fleet, []);
  });

  test('what is not valid is refused with the fix, and no agent hears of it', async () => {
    const mistakes = { '172.21.7.9/24': /172\.21\.7\.0\/24/, '172.21.6.7': /172\.21\.6\.7\/32/, '999.21.7.0/24': /999\.21\.7\.0\/24/ };
    for (const [subnet, words] of Object.entries(mistakes)) {
      const refusal = await fleet.plane.kubectl(['apply', '-f', '-'], stringify(staticRoute('wrong', { subnets: [subnet] }))).then(
        () => assert.fail(`${subnet} was accepted`),
        (error: Error) => error.message,
      );
      assert.match(refusal, words);
    }
    await create('right');
    await untilEverywhere(fleet, [SITE_ROUTE]);
    for (const { name } of fleet.nodes) {
      const { status: said } = await reportOf(fleet, name, (report) => report.status.resources?.length === 1);
      assert.deepEqual([said.resources?.[0]?.name, said.problems], ['right', []]);
    }
  });

  test('a report that is edited or deleted by hand is what it should be with the next one', async () => {
    await fleet.plane.api.patch(`${REPORTS}/n1/status`, {
      status: { resources: [], problems: [{ source: 'me', message: 'all is lost' }] },
    });
    await fleet.plane.api.delete(`${REPORTS}/n2`);
    await create('next', { subnets: [OTHER] });
    for (const name of ['n1', 'n2']) {
      const { status: said } = await reportOf(fleet, name, (report) => report.status.resources?.length === 2);
      assert.deepEqual(said.problems, []);
    }
    for (const name of ['right', 'next']) await fleet.plane.api.until(`${ROUTES}/${name}`, readyOn(3));
  });

  test('an agent that is started beside the old one waits for its end, and takes over without touching a route', async () => {
    const { agent, host } = fleet.node('n1');
    const monitor = await RouteMonitor.start(host);
    const old = agent.run;
    await agent.spawn().printed(/holds this network namespace: waiting until it ends/);
    old.kill('SIGTERM');
    await agent.run.printed(/is the agent of node n1/);
    assert.equal((await old.ended).code, 0);
    await fleet.plane.api.patch(`${ROUTES}/next`, { spec: { subnets: [OTHER, '192.168.61.0/24'] } });
    await untilOwn(fleet.node('n1'), [SITE_ROUTE, ...[OTHER, '192.168.61.0/24'].map((subnet) => kernelRoute(subnet))]);
    await until(async () => (await monitor.ownEvents()).length > 0);
    assert.deepEqual(
      (await monitor.ownEvents()).map((line) => line.split(' ')[0]),
      ['192.168.61.0/24'],
    );
    await fleet.plane.api.until(`${ROUTES}/next`, readyOn(3));
  });

  test('nobody asked for anything that was forbidden', async () => {
    assert.deepEqual(await denials(fleet), []);
  });
});
