import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fleet, startFleet } from '../../lab/fleet.ts';
import type { Running } from '../../lab/process.ts';
import { Random } from '../random.ts';
import { RouteMonitor } from '../route-monitor.ts';
import { ChangingObjects } from './changing-objects.ts';
import { ROUTES, readyOn, reportOf, untilOwn } from './support.ts';

const FAULTS_MS = 20_000;
const TOOL = join(import.meta.dirname, '..', '..', 'lab', 'tools', 'faulty-proxy.ts');

describe('a faulty network between an agent and its API server', () => {
  const random = new Random(Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000));
  let fleet: Fleet;
  let proxy: Running;

  before(async () => {
    fleet = await startFleet({ nodes: 1, controllers: 1 });
    const { host, agent } = fleet.node('n1');
    await agent.stop();
    proxy = host.spawn(process.execPath, TOOL, fleet.plane.address, `${fleet.plane.port}`);
    await proxy.printed(/listening/);
    agent.connect(`https://127.0.0.1:${/listening (\d+)/.exec(proxy.stdout)?.[1]}`);
    await agent.start();
  });
  after(() => fleet.close());

  /** One fault, its duration, and its end. */
  async function fault(): Promise<void> {
    const faults = [
      ['cut'],
      ['stall', 'pass'],
      ['stall answers', 'pass'],
      ['stall', 'cut', 'pass'],
      [`truncate ${random.below(5_000)}`, 'pass'],
      ['slow 5000', 'pass'],
      ['refuse', 'cut', 'accept'],
    ];
    for (const command of faults[random.below(faults.length)] ?? []) {
      proxy.tell(command);
      await sleep(random.below(1_000));
    }
  }

  test('removes nothing that is wanted, at no time, and all is right when it is healed', async (context) => {
    context.diagnostic(`FAIRLEAD_SEED=${random.seed}`);
    const node = fleet.node('n1');
    const objects = await ChangingObjects.create(fleet.plane.api, random);
    await untilOwn(node, objects.routes);
    const monitor = await RouteMonitor.start(node.host);
    const end = performance.now() + FAULTS_MS;
    const inTime = (): boolean => performance.now() < end;
    const faults = async (): Promise<void> => {
      while (inTime()) await fault();
    };
    const changes = async (): Promise<void> => {
      for (; inTime(); await sleep(random.below(300))) await objects.change();
    };
    await Promise.all([faults(), changes()]);
    proxy.tell('pass');

    await untilOwn(node, objects.routes);
    const wrong = (await monitor.deletions()).filter((prefix) => objects.always.includes(prefix));
    assert.deepEqual(wrong, []);
    await reportOf(fleet, 'n1', ({ status }) => status.complete && status.resources?.length === objects.names.length);
    for (const name of objects.names) await fleet.plane.api.until(`${ROUTES}/${name}`, readyOn(1));
    assert.ok(proxy.isRunning, proxy.stderr);
  });
});
