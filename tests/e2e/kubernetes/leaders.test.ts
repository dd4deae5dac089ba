import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Fleet, type Member, startFleet } from '../../lab/fleet.ts';
import { until } from '../support.ts';
import { ROUTES, readyOn, staticRoute } from './support.ts';

describe('of two controllers', () => {
  let fleet: Fleet;
  let count = 0;

  before(async () => {
    fleet = await startFleet({ nodes: 2 });
  });
  after(() => fleet.close());

  /** One more object, and its true status. */
  async function add(): Promise<void> {
    const name = `r${++count}`;
    await fleet.plane.api.post(ROUTES, staticRoute(name, { subnets: [`192.168.${count}.0/24`] }));
    await fleet.plane.api.until(`${ROUTES}/${name}`, readyOn(2));
  }

  /** What a controller wrote for all to see, its Lease apart. */
  const writes = async ({ name }: Member): Promise<number> =>
    (await fleet.plane.writes({ pod: name })).filter(({ resource }) => resource !== 'leases').length;

  const leads = ({ words }: Member): boolean => /leader as /.test(words.split('\n').findLast((line) => /leader/.test(line)) ?? '');

  /** Who leads, and who does not. */
  async function roles(): Promise<readonly [Member, Member]> {
    const find = (wanted: boolean) => fleet.controllers.find((controller) => leads(controller) === wanted);
    await until(() => find(true) !== undefined && find(false) !== undefined);
    return [find(true) ?? assert.fail(), find(false) ?? assert.fail()];
  }

  /** The other one takes over; once the fault of the first is over, only that one writes. */
  async function succeed([leader, next]: readonly [Member, Member], heal: () => Promise<unknown>): Promise<void> {
    await until(
      () => leads(next),
      () => fleet.log,
    );
    const before = await writes(leader);
    await heal();
    await until(
      () => !leads(leader),
      () => fleet.log,
    );
    for (let i = 0; i < 3; i++) await add();
    assert.equal(await writes(leader), before, fleet.log);
    assert.ok(leads(next));
  }

  test('one writes, and both could', async () => {
    await add();
    const [leader, other] = await roles();
    assert.ok((await writes(leader)) > 0);
    assert.equal(await writes(other), 0);
  });

  test('the one that leads is stopped for longer than its Lease holds: when it goes on it writes nothing', async () => {
    const both = await roles();
    both[0].signal('SIGSTOP');
    await succeed(both, async () => both[0].signal('SIGCONT'));
  });

  test('the one that leads loses the network: it says so and ends its work before the other begins', async () => {
    const both = await roles();
    const { host } = fleet.nodes[fleet.controllers.indexOf(both[0])] ?? assert.fail();
    await host.ip(`route add blackhole ${fleet.plane.address}`);
    await until(
      () => !leads(both[0]),
      () => fleet.log,
    );
    assert.ok(!leads(both[1]));
    await succeed(both, () => host.ip(`route del blackhole ${fleet.plane.address}`));
  });

  test('the one that leads ends: the other leads within seconds, since the Lease was given back', async () => {
    const [leader, other] = await roles();
    await leader.stop();
    await add();
    assert.ok(leads(other));
  });
});
