import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SourceHarness, until, wireRoute } from '../../../src/cluster/cluster.contract.ts';
import type { ResourceSource } from '../../../src/cluster/cluster.ts';
import type { ResourceSnapshot } from '../../../src/core/resources.ts';
import { type ControlPlane, startControlPlane } from '../../lab/control-plane.ts';
import { ROUTES } from './cluster-stage.ts';
import { installTypes, type RealStage, sourceHarness, untilServed } from './real-stage.ts';

/** More than one page of a list. */
const COUNT = 600;

describe('on a real API server behind a faulty network, nothing in force is lost', () => {
  let plane: ControlPlane;
  let harness: SourceHarness & { readonly stage: RealStage };
  let source: ResourceSource;
  /** The fewest of the routes that stay that any snapshot had. */
  let fewest = COUNT;
  let round = 0;

  before(async () => {
    plane = await startControlPlane();
    await installTypes(plane);
    harness = await sourceHarness(plane);
    for (let i = 0; i < COUNT; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, j) =>
          harness.put(wireRoute(`stays-${i + j}`, `10.${Math.floor((i + j) / 250)}.${(i + j) % 250}.0/24`)),
        ),
      );
    }
    source = harness.open();
    await source.start();
    source.watch(() => {
      fewest = Math.min(fewest, staying(source.snapshot()));
    });
    assert.equal(staying(source.snapshot()), COUNT);
  });
  after(async () => {
    await source.close();
    await harness.dispose();
    await plane.stop();
  });

  const incomplete = (): Promise<ResourceSnapshot> => until(source, 'it is incomplete', ({ complete }) => !complete);

  /** A change past the fault arrives when the fault is over, a deletion, too; and in the whole time nothing was lost. */
  async function recovers(): Promise<void> {
    const name = `passes-${++round}`;
    await harness.put(wireRoute(name, '192.168.0.0/24'));
    if (round > 1) await harness.delete(wireRoute(`passes-${round - 1}`));
    const isThere = ({ staticRoutes }: ResourceSnapshot, wanted: string): boolean =>
      staticRoutes.some(({ meta }) => meta.ref.name === wanted);
    await until(
      source,
      `it has ${name} and is complete`,
      (snapshot) => snapshot.complete && isThere(snapshot, name) && !isThere(snapshot, `passes-${round - 1}`),
    );
    assert.equal(fewest, COUNT);
    assert.deepEqual(source.snapshot().problems, []);
  }

  it('by connections that are reset again and again', async () => {
    const { proxy } = harness.stage;
    for (let i = 0; i < 10; i++) {
      proxy.cut();
      await sleep(50 * i);
    }
    await recovers();
  });

  it('by answers that end in the middle, wherever that is', async () => {
    const { proxy } = harness.stage;
    for (const bytes of [0, 1_000, 4_000, 10_000, 40_000, 100_000]) {
      await harness.away();
      await incomplete();
      proxy.truncate(bytes);
      await harness.back();
      await sleep(1_000);
      proxy.pass();
      await recovers();
    }
  });

  it('by a connection that stalls', async () => {
    const { proxy } = harness.stage;
    proxy.stall();
    await sleep(1_000);
    proxy.pass();
    await recovers();
    proxy.stall('answers');
    proxy.cut();
    await sleep(1_000);
    proxy.pass();
    await recovers();
  });

  it('by a slow network', async () => {
    const { proxy } = harness.stage;
    proxy.slow(100_000);
    proxy.cut();
    await recovers();
    proxy.pass();
  });

  it('by an API server that is killed again and again', async () => {
    for (let i = 0; i < 2; i++) {
      await plane.stopApiServer('SIGKILL');
      await incomplete();
      await plane.startApiServer();
      await untilServed(harness.stage.elsewhere, ROUTES);
      await recovers();
    }
  });

  it('by an etcd that has forgotten the versions in between', async () => {
    const { stage } = harness;
    await stage.away();
    await incomplete();
    await stage.put(wireRoute('passes-in-between', '192.168.9.0/24'));
    await plane.compact();
    await plane.restart();
    await untilServed(stage.elsewhere, ROUTES);
    await stage.delete(wireRoute('passes-in-between'));
    await stage.back();
    await recovers();
  });
});

function staying({ staticRoutes }: ResourceSnapshot): number {
  return staticRoutes.filter(({ meta }) => meta.ref.name.startsWith('stays-')).length;
}
