import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNodeReport } from '../../src/api/kinds/node-report.ts';
import { RouteIndex } from '../../src/core/route.ts';
import { route } from '../core/builders.ts';
import { Stage, scenario } from './stage.ts';

const ONE = { subnets: ['192.168.50.0/24'] };

describe('a burst of changes', () => {
  it(
    'costs few rounds, and keeps no repair waiting',
    scenario(async (stage) => {
      await stage.start();
      stage.kernel.onApply = () => stage.clock.pass(20);
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 1, 'the first is at once');
      const before = stage.kernel.rounds;
      for (const name of ['b', 'c', 'd']) {
        stage.put(name, { subnets: [`192.168.${name.charCodeAt(0)}.0/24`] });
        await stage.settle();
      }
      await stage.advance(99);
      assert.equal(stage.kernel.ours().length, 1, 'then comes a rest, five times as long as the round');
      await stage.advance(1);
      assert.equal(stage.kernel.ours().length, 4);
      assert.equal(stage.kernel.rounds, before + 1);
      stage.put('e', { subnets: ['192.168.60.0/24'] });
      stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 5, 'a repair is at once, and takes the rest with it');
    }),
  );

  it(
    'that arrives during a round waits for the rest, too',
    scenario(async (stage) => {
      await stage.start();
      let more = true;
      stage.kernel.onApply = () => {
        stage.clock.pass(20);
        if (more) stage.put('b', { subnets: ['192.168.51.0/24'] });
        more = false;
      };
      stage.put('a', ONE);
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 1);
      await stage.advance(100);
      assert.equal(stage.kernel.ours().length, 2);
    }),
  );
});

describe('a round of the agent', () => {
  it(
    'makes the kernel match the resources',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      await stage.start();
      assert.deepEqual(stage.kernel.ours(), [
        '192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
        '192.168.51.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      ]);
      assert.deepEqual(stage.resource('a'), {
        kind: 'StaticRoute',
        name: 'a',
        ready: true,
        reason: 'Ready',
        message: '2 routes via 10.1.0.1 dev eth1',
        gateway: '10.1.0.1',
        device: 'eth1',
        routes: 2,
      });
      assert.ok(stage.lines.some((line) => line.startsWith('info StaticRoute a is ready on node n1')));
    }),
  );

  it(
    'changes and plans nothing when nothing has changed',
    scenario(async (stage) => {
      stage.put('a', ONE);
      await stage.start();
      stage.takeChanges();
      await stage.advance(120_000);
      const [first, ...later] = stage.summaries;
      assert.ok(later.length >= 2, 'the audit makes rounds');
      assert.deepEqual(stage.takeChanges(), []);
      for (const summary of later) assert.equal(summary.lastOwners, later[0]?.lastOwners, 'the plan is the same value');
      assert.equal(first?.changes.length, 1);
    }),
  );

  it(
    'plans again when a resource, a fact or a label changes',
    scenario(async (stage) => {
      stage.put('a', ONE);
      await stage.start();
      stage.takeChanges();
      stage.put('a', { subnets: ['192.168.60.0/24'] });
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [
        '+ 192.168.60.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
        '- 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      ]);
      stage.kernel.replaceRoute(route('10.0.0.0/8', '10.1.0.2', stage.eth1));
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [
        '~ 192.168.60.0/24 via 10.1.0.2 dev eth1 proto 201 metric 4201   # was 192.168.60.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      ]);
      stage.put('a', { subnets: ['192.168.60.0/24'], nodeSelector: { matchLabels: { zone: 'a' } } });
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [], 'labels are not known yet');
      assert.equal(stage.verdicts(), 'a: NodeLabelsUnknown');
      stage.world.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { zone: 'b' } } });
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), ['- 192.168.60.0/24 via 10.1.0.2 dev eth1 proto 201 metric 4201']);
      assert.deepEqual(stage.report.status.resources, []);
    }),
  );

  it(
    'takes over from an earlier agent without a write, and removes what nobody wants any more',
    scenario(async (stage) => {
      stage.kernel.addRoute(stage.our('192.168.50.0/24'));
      stage.kernel.addRoute(stage.our('192.168.99.0/24'));
      stage.put('a', ONE);
      await stage.start();
      assert.deepEqual(stage.takeChanges(), ['- 192.168.99.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201']);
    }),
  );

  it(
    'removes everything with the last resource',
    scenario(async (stage) => {
      stage.put('a', ONE);
      await stage.start();
      stage.delete('a');
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), []);
      assert.equal(stage.report.status.summary.ready, '0/0');
      assert.ok(stage.lines.includes('info StaticRoute a is no longer wanted on node n1'));
    }),
  );

  it(
    'joins a burst of events into few rounds',
    scenario(async (stage) => {
      await stage.start();
      const before = stage.kernel.rounds;
      for (let i = 0; i < 200; i++) stage.put(`r${i}`, { subnets: [`192.168.${i}.0/24`] });
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 200);
      assert.ok(stage.kernel.rounds - before <= 3, `${stage.kernel.rounds - before} rounds`);
    }),
  );

  it(
    'keeps one bad resource from blocking another, and names it',
    scenario(async (stage) => {
      stage.put('good', ONE);
      await stage.start();
      stage.put('bad', { subnets: ['192.168.7.7/24'] });
      stage.put('late', { subnets: ['192.168.8.0/24'] });
      stage.world.put({ kind: 'StaticRoute', metadata: { name: 'nameless' } });
      await stage.settle();
      assert.equal(stage.verdicts(), 'good: ready, late: ready, bad: InvalidSpec');
      assert.match(stage.resource('bad').message, /192\.168\.7\.0\/24/);
      assert.match(stage.report.status.problems[0]?.message ?? '', /has no apiVersion: write fairlead\.dev\/v1alpha1/);
      assert.equal(stage.report.status.summary.ready, '2/3');
    }),
  );

  it(
    'names the very object that was never valid, by uid and generation',
    scenario(async (stage) => {
      await stage.start();
      const metadata = { name: 'bad', uid: 'u1', generation: 3 };
      stage.world.put({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata, spec: { subnets: [] } });
      await stage.settle();
      const { uid, observedGeneration, reason } = stage.resource('bad');
      assert.deepEqual({ uid, observedGeneration, reason }, { uid: 'u1', observedGeneration: 3, reason: 'InvalidSpec' });
    }),
  );

  it(
    'reports thousands of failures in as much as the API server takes',
    scenario(async (stage) => {
      const long = `eth7${'x'.repeat(11)}`;
      const subnets = Array.from({ length: 40 }, (_, i) => `10.2.${i}.7/24`);
      for (let i = 0; i < 2_000; i++) {
        const metadata = { name: `site-${'a'.repeat(60)}-${i}`, uid: '00000000-0000-0000-0000-000000000000', generation: 1 };
        stage.world.put({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata, spec: { subnets, via: { device: long } } });
      }
      await stage.start();
      const { resources } = stage.report.status;
      assert.equal(resources.length, 2_000);
      assert.ok(Buffer.byteLength(JSON.stringify(stage.report)) < 1.25 * 2 ** 20);
      assert.match(resources[0]?.message ?? '', / write 10\.2\.0\.0\/24\n.*…$/s);
    }),
  );

  it(
    'keeps the last good version of a resource that becomes invalid',
    scenario(async (stage) => {
      stage.put('a', ONE);
      await stage.start();
      stage.takeChanges();
      const metadata = { name: 'a', generation: 2 };
      stage.world.put({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata, spec: { subnets: ['192.168.50.1/24'] } });
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), []);
      assert.equal(stage.verdicts(), 'a: InvalidSpec');
      assert.equal(stage.resource('a').observedGeneration, 2);
      assert.match(stage.resource('a').message, /the last good version stays in force$/);
      assert.equal(stage.resource('a').routes, 1);
    }),
  );

  it(
    'refuses what would cut the node off, and leaves the rest of that resource as it is',
    scenario(
      async (stage) => {
        stage.put('a', ONE);
        await stage.start();
        stage.takeChanges();
        stage.put('a', { subnets: ['192.168.50.0/24', '198.51.100.0/24'] });
        await stage.settle();
        assert.deepEqual(stage.takeChanges(), []);
        assert.equal(stage.verdicts(), 'a: ProtectedPath');
        assert.match(
          stage.resource('a').message,
          /198\.51\.100\.7\/32.*protected by --protect 198\.51\.100\.7\/32.*default via 203\.0\.113\.1/,
        );
      },
      { protect: ['198.51.100.7/32'] },
    ),
  );

  it(
    'reads everything again each minute',
    scenario(async (stage) => {
      await stage.start();
      await stage.advance(59_999);
      assert.equal(stage.kernel.invalidations, 0);
      await stage.advance(1);
      assert.equal(stage.kernel.invalidations, 1);
      await stage.advance(600_000);
      assert.equal(stage.kernel.invalidations, 11);
    }),
  );

  it(
    'ends without touching the kernel, and leaves no timer behind',
    scenario(async (stage) => {
      stage.put('a', ONE);
      await stage.start();
      const before = stage.kernel.ours();
      stage.takeChanges();
      await stage.stop();
      await stage.ending;
      stage.delete('a');
      await stage.advance(200_000);
      assert.deepEqual(stage.kernel.ours(), before);
      assert.deepEqual(stage.takeChanges(), []);
      assert.equal(stage.clock.waiting, 0);
    }),
  );

  it(
    'does one round and then ends, for `fairlead apply`',
    scenario(async (stage) => {
      stage.put('a', ONE);
      const report = await stage.makeAgent().once();
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 1);
      assert.deepEqual(stage.cluster.reports, [report]);
      assert.equal(stage.clock.waiting, 0);
    }),
  );

  it('repairs at once in a burst, and tells about it together', async () => {
    const stage = new Stage({ tellMs: 50 });
    try {
      stage.put('a', ONE);
      await stage.start();
      assert.equal(stage.tellings.length, 1);
      for (let i = 0; i < 3; i++) {
        stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
        await stage.settle();
        assert.equal(stage.kernel.ours().length, 1);
      }
      assert.equal(stage.tellings.length, 1);
      await stage.advance(50);
      assert.equal(stage.tellings.length, 2);
      assert.equal(stage.tellings[1]?.rounds.length, 3);
      assert.equal(stage.report.status.drift[0]?.count, 3);
    } finally {
      await stage.stop();
    }
  });

  it('says when it is quiet, some seconds after the last change', async () => {
    const stage = new Stage();
    try {
      let quiet = 0;
      stage.onQuiet = () => quiet++;
      stage.put('a', ONE);
      await stage.start();
      await stage.advance(3_000);
      stage.put('a', { subnets: ['192.168.51.0/24'] });
      await stage.advance(4_000);
      assert.equal(quiet, 0);
      await stage.advance(1_000);
      assert.equal(quiet, 1);
      await stage.advance(100_000);
      assert.equal(quiet, 1);
    } finally {
      await stage.stop();
    }
  });

  it('says so also after a start that found nothing to change', async () => {
    const stage = new Stage();
    try {
      let quiet = 0;
      stage.onQuiet = () => quiet++;
      await stage.start();
      assert.equal(stage.summaries.at(-1)?.changes.length, 0);
      await stage.advance(100_000);
      assert.equal(quiet, 1);
    } finally {
      await stage.stop();
    }
  });

  it(
    'counts its routes also when the kernel shows them a little later',
    scenario(async (stage) => {
      const observe = stage.kernel.observe.bind(stage.kernel);
      stage.kernel.observe = async () => {
        const { facts, owned } = await observe();
        return { facts, owned: RouteIndex.of(owned.values()) };
      };
      stage.put('a', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      await stage.start();
      assert.equal(stage.summaries.at(-1)?.ownedRoutes, 2);
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.settle();
      assert.equal(stage.summaries.at(-1)?.ownedRoutes, 1);
    }),
  );

  it(
    'makes a report that can be read back, however many gateways there are',
    scenario(async (stage) => {
      for (let i = 0; i < 70; i++) stage.put(`r${i}`, { subnets: [`192.168.${i}.0/24`], via: { gateway: `10.1.0.${100 + i}` } });
      await stage.start();
      assert.equal(stage.report.status.facts.gateways.length, 64);
      assert.deepEqual(parseNodeReport(stage.report), { ok: true, value: stage.report });
    }),
  );
});
