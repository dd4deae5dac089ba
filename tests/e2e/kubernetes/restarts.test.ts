import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import { Random } from '../random.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { ChangingObjects } from './changing-objects.ts';
import { ROUTES, readyOn, reportOf, untilEverywhere } from './support.ts';

/** A hundred of them take longer than a test may: `FAIRLEAD_RESTARTS=100 node --test tests/e2e/kubernetes/restarts.test.ts`. */
const RESTARTS = Number(process.env['FAIRLEAD_RESTARTS'] ?? 8);

describe(`the API server restarted ${RESTARTS} times under changes`, () => {
  const random = new Random(Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000));
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet();
  });
  after(() => fleet.close());

  /** A crash; one in four takes etcd along, which has forgotten every version that anybody knows. */
  async function restart(): Promise<void> {
    const { plane } = fleet;
    if (random.oneIn(4)) {
      await plane.compact();
      return plane.restart();
    }
    await plane.stopApiServer('SIGKILL');
    await plane.startApiServer();
  }

  test('takes no route away that is wanted, and everything is right after it', async (context) => {
    context.diagnostic(`FAIRLEAD_SEED=${random.seed}`);
    const objects = await ChangingObjects.create(fleet.plane.api, random);
    await untilEverywhere(fleet, objects.routes);
    const monitors = await Promise.all(fleet.nodes.map(({ host }) => RouteMonitor.start(host)));
    for (let i = 0; i < RESTARTS; i++) {
      await restart();
      for (let changes = 1 + random.below(6); changes > 0; changes--) await objects.change();
    }
    await untilEverywhere(fleet, objects.routes);
    for (const monitor of monitors) {
      assert.deepEqual(
        (await monitor.deletions()).filter((prefix) => objects.always.includes(prefix)),
        [],
      );
    }
    for (const { name } of fleet.nodes)
      await reportOf(fleet, name, ({ status }) => status.complete && status.resources?.length === objects.names.length);
    for (const name of objects.names) await fleet.plane.api.until(`${ROUTES}/${name}`, readyOn(3));
    for (const { agent } of fleet.nodes) assert.ok(agent.isRunning, agent.log);
    for (const controller of fleet.controllers) assert.ok(controller.isRunning, controller.log);
  });
});
