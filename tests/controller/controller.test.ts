import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODES } from '../../src/cluster/resource-types.ts';
import { NODE_REPORTS } from '../../src/controller/abandoned-reports.ts';
import { LEASE_NAME, LEASES } from '../../src/controller/lease.ts';
import { scenario } from './stage.ts';

describe('NodeReports', () => {
  it(
    'go when their Node has been gone for a minute, and not when it comes back or the list fails',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(5_000);
      stage.world.delete(NODES, { name: 'n1' });
      stage.world.delete(NODES, { name: 'n2' });
      await stage.advance(30_000);
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 1/1');
      stage.putNode('n2', {});
      process.api.away();
      await stage.advance(300_000);
      process.api.back();
      await stage.advance(55_000);
      assert.ok(stage.world.find(NODE_REPORTS, { name: 'n1' }), 'nobody has seen its Node absent for a minute');
      await stage.advance(30_000);
      assert.equal(stage.world.find(NODE_REPORTS, { name: 'n1' }), undefined);
      assert.ok(stage.world.find(NODE_REPORTS, { name: 'n2' }));
      assert.ok(stage.world.find(NODE_REPORTS, { name: 'n3' }));
      assert.equal(process.api.writes.get('delete nodereports'), 1);
    }),
  );
});

describe('two controllers', () => {
  it(
    'one that was stopped in the middle of a write of two requests does not send the second',
    scenario(1, async (stage) => {
      const first = stage.start('a');
      let release = (): void => {};
      first.api.before = ({ verb, resource }) => {
        if (verb !== 'apply' || resource !== 'clusternetworks') return undefined;
        return new Promise((resolve) => {
          release = resolve;
        });
      };
      await stage.advance(5_000);
      first.clock.paused = true;
      const second = stage.start('b');
      await stage.advance(30_000);
      assert.equal(second.controller.leads, true);
      release();
      await stage.advance(0);
      assert.equal(first.api.writes.get('apply clusternetworks'), 1);
      assert.equal(first.api.writes.get('apply clusternetworks/status'), undefined);
      first.clock.paused = false;
      await stage.advance(10_000);
      assert.equal(first.controller.leads, false);
    }),
  );

  it(
    'only one writes, the other takes over without a write when nothing has changed',
    scenario(3, async (stage) => {
      const first = stage.start('a');
      await stage.advance(100);
      const second = stage.start('b');
      stage.putRoute('r');
      await stage.advance(60_000);
      assert.deepEqual([first.controller.leads, second.controller.leads], [true, false]);
      assert.deepEqual([first.controller.unready, second.controller.unready], [undefined, undefined]);
      await first.controller.close();
      await stage.advance(5_000);
      assert.equal(second.controller.leads, true);
      assert.deepEqual([first.writesOf('r'), second.writesOf('r')], [1, 0]);
      stage.putRoute('s');
      await stage.advance(1_000);
      assert.equal(stage.summary('s'), 'Ready=True AllNodesReady 3/3');
    }),
  );

  it(
    'after a partition, one writes, and the one that was cut off starts no write of its own',
    scenario(3, async (stage) => {
      const first = stage.start('a');
      await stage.advance(100);
      const second = stage.start('b');
      stage.putRoute('r');
      await stage.advance(10_000);
      first.api.away();
      stage.putRoute('r', { metric: 9 });
      const both: number[] = [];
      await stage.advance(60_000, () => {
        if (first.controller.leads && second.controller.leads) both.push(stage.time.now);
      });
      assert.deepEqual(both, []);
      assert.equal(second.controller.leads, true);
      assert.equal(stage.status('r')?.observedGeneration, 2);
      const calls = first.api.calls.length;
      first.api.back();
      await stage.advance(60_000);
      assert.equal(first.controller.leads, false);
      assert.deepEqual(
        first.api.calls.slice(calls).filter(({ verb }) => !['get', 'list', 'watch'].includes(verb)),
        [],
      );
    }),
  );

  it(
    'a process of the same name as its predecessor does not take the Lease of that for its own',
    scenario(1, async (stage) => {
      const first = stage.start('pod-1');
      await stage.advance(1_000);
      first.clock.paused = true;
      const next = stage.start('pod-1');
      await stage.advance(10_000);
      assert.equal(next.controller.leads, false);
      await stage.advance(10_000);
      assert.equal(next.controller.leads, true);
      first.clock.paused = false;
      await stage.advance(10_000);
      assert.deepEqual([first.controller.leads, next.controller.leads], [false, true]);
      const spec = stage.world.get(LEASES, { namespace: 'fairlead', name: LEASE_NAME })['spec'] as Record<string, unknown>;
      assert.match(String(spec['holderIdentity']), /^pod-1_[0-9a-f]{8}$/);
    }),
  );
});

describe('a controller', () => {
  it(
    'writes nothing before it knows everything, and says what it waits for',
    scenario(3, async (stage) => {
      stage.world.withdraw(NODE_REPORTS);
      const process = stage.start();
      stage.putRoute('r');
      await stage.advance(60_000);
      assert.equal(process.controller.leads, true);
      assert.match(process.controller.unready ?? '', /NodeReport is not installed/);
      assert.equal(process.log.filter((line) => line.includes('NodeReport is not installed')).length, 1, process.log.join('\n'));
      assert.equal(process.writesOf('r'), 0);
      stage.world.serve(NODE_REPORTS);
      await stage.advance(60_000);
      assert.equal(process.controller.unready, undefined);
      assert.equal(process.log.at(-1), 'everything is read again');
      assert.equal(stage.summary('r'), 'Ready=True AllNodesReady 3/3');

      process.api.away();
      await stage.advance(60_000);
      assert.equal(process.log.filter((line) => line.startsWith('cannot reach the API server')).length, 1, process.log.join('\n'));
    }),
  );

  it(
    'tells Prometheus what it does',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putRoute('r');
      stage.putRoute('none', { nodeSelector: { matchLabels: { zone: 'x' } } });
      await stage.advance(15_000);
      const text = await process.controller.metrics.text();
      for (const line of [
        'fairlead_controller_leader 1',
        'fairlead_controller_synced 1',
        'fairlead_controller_nodes{agent="heard"} 3',
        'fairlead_controller_static_routes{ready="true"} 1',
        'fairlead_controller_static_routes{ready="false"} 1',
        'fairlead_controller_static_route_nodes{ready="true"} 3',
        'fairlead_controller_writes_total{kind="StaticRoute",outcome="written"} 2',
      ]) {
        assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
      }
    }),
  );
});
