import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NodeReport } from '../../src/api/kinds/node-report.ts';
import { describeSource, type SourceHarness } from '../../src/cluster/cluster.contract.ts';
import { ReportFailed } from '../../src/cluster/cluster.ts';
import { FakeCluster, FakeWorld } from '../../src/cluster/fake.ts';

describeSource('the fake cluster', () => {
  const world = new FakeWorld();
  const harness: SourceHarness = {
    open: () => new FakeCluster(world),
    put: async (object) => world.put(object),
    delete: async ({ kind, metadata }) => world.delete(kind, metadata.name),
    away: async () => world.setAvailable(false),
    back: async () => world.setAvailable(true),
    dispose: async () => {},
  };
  return Promise.resolve(harness);
});

it('the fake cluster keeps reports, or refuses them when it is told to', async () => {
  const cluster = new FakeCluster();
  const report = { kind: 'NodeReport', metadata: { name: 'n1' } } as NodeReport;
  await cluster.write(report);
  cluster.refuseReports = 'no quorum';
  await assert.rejects(cluster.write(report), ReportFailed);
  assert.deepEqual(cluster.reports, [report]);
});
