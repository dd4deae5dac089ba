import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prefix } from '../../src/core/ip/prefix.ts';
import { BURST } from '../../src/core/repair.ts';
import { route } from '../core/builders.ts';
import { type Stage, scenario } from './stage.ts';

const ONE = { subnets: ['192.168.50.0/24'] };
const LINE = '192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201';

async function withOne(stage: Stage): Promise<void> {
  stage.put('a', ONE);
  await stage.start();
  stage.takeChanges();
}

/** An outsider deletes the route; `micros` pass until the repair. */
async function deleteOne(stage: Stage, micros = 0): Promise<void> {
  stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
  stage.kernel.micros += micros;
  await stage.settle();
}

describe('healing', () => {
  it(
    'restores a deleted route at once and says what happened',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.micros = 5_000;
      await deleteOne(stage, 250);
      assert.deepEqual(stage.takeChanges(), [`+ ${LINE}`]);
      assert.deepEqual(stage.report.status.drift, [
        {
          object: 'route 192.168.50.0/24 metric 4201',
          event: 'RouteDeleted',
          cause: 'StaticRoute a: deleted by outsider (4711)',
          process: 'outsider (4711)',
          count: 1,
          lastTime: '2027-01-01T00:00:00.000Z',
          restoredMicros: 250,
        },
      ]);
      assert.deepEqual(stage.tellings.at(-1)?.healSeconds, [0.00025]);
      assert.ok(
        stage.lines.some((line) =>
          line.includes(`RouteDeleted from outside by outsider (4711): ${LINE} of StaticRoute a; restored in 250 us`),
        ),
      );
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'counts what happens again to the same object, and shows the last time',
    scenario(async (stage) => {
      await withOne(stage);
      await deleteOne(stage, 100);
      await stage.advance(30_000);
      await deleteOne(stage, 70);
      const [entry, ...others] = stage.report.status.drift;
      assert.deepEqual(others, []);
      assert.equal(entry?.count, 2);
      assert.equal(entry?.restoredMicros, 70);
      assert.equal(entry?.lastTime, '2027-01-01T00:00:30.000Z');
    }),
  );

  it(
    'names the resource that a route belonged to when it was lost, though that is gone now',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
      stage.delete('a');
      await stage.settle();
      assert.equal(stage.report.status.drift[0]?.cause, 'StaticRoute a: deleted by outsider (4711)');
      assert.equal(stage.report.status.drift[0]?.restoredMicros, undefined);
      assert.deepEqual(stage.takeChanges(), []);
    }),
  );

  it(
    'tells up to 20 losses one by one, and more as one flush of the resource',
    scenario(async (stage) => {
      const subnets = Array.from({ length: 41 }, (_, i) => `192.168.${i}.0/24`);
      stage.put('few', { subnets: subnets.slice(0, 20) });
      stage.put('many', { subnets: subnets.slice(20) });
      await stage.start();
      for (const subnet of subnets) stage.kernel.deleteRoute(stage.our(subnet));
      stage.kernel.micros += 900;
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 41);
      const { drift } = stage.report.status;
      assert.equal(drift.filter((entry) => entry.event === 'RouteDeleted').length, 20);
      assert.deepEqual(
        drift.filter((entry) => entry.event === 'TableFlushed').map(({ lastTime: _, ...entry }) => entry),
        [
          {
            object: 'StaticRoute many',
            event: 'TableFlushed',
            cause: '21 routes at once: removed or replaced by outsider (4711)',
            process: 'outsider (4711)',
            count: 21,
            restoredMicros: 900,
          },
        ],
      );
    }),
  );

  it(
    'keeps the newest hundred entries',
    scenario(async (stage) => {
      const subnets = Array.from({ length: 130 }, (_, i) => `192.168.${i}.0/24`);
      stage.put('a', { subnets });
      await stage.start();
      for (const subnet of subnets) {
        stage.kernel.deleteRoute(stage.our(subnet));
        await stage.settle();
      }
      const objects = stage.report.status.drift.map((entry) => entry.object);
      assert.equal(objects.length, 100);
      assert.equal(objects[0], 'route 192.168.129.0/24 metric 4201');
      assert.equal(objects.at(-1), 'route 192.168.30.0/24 metric 4201');
    }),
  );

  it(
    'changes back what was changed under our mark',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.replaceRoute(stage.our('192.168.50.0/24', '10.1.0.66'));
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      assert.equal(stage.report.status.drift[0]?.event, 'RouteChanged');
      assert.equal(stage.report.status.drift[0]?.cause, 'StaticRoute a: changed by outsider (4711)');
    }),
  );

  it(
    'removes a route that somebody adds under our mark',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.addRoute(stage.our('192.168.77.0/24'));
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), [LINE]);
    }),
  );

  it(
    'gets through a link that goes down and comes up',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.setLinkUp('eth1', false);
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), []);
      assert.equal(stage.verdicts(), 'a: NoCoveringRoute');
      const [loss] = stage.report.status.drift;
      assert.equal(loss?.event, 'LinkDown');
      assert.equal(loss?.cause, 'StaticRoute a: dropped by the kernel with its device');
      assert.equal(loss?.restoredMicros, undefined);

      stage.kernel.micros += 4_000;
      stage.kernel.setLinkUp('eth1', true);
      stage.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      assert.equal(stage.verdicts(), 'a: ready');
      assert.equal(stage.report.status.drift[0]?.restoredMicros, 4_000);
    }),
  );
});

describe('foreign routes', () => {
  it(
    'are not fought when they take the place of ours, and ours returns when they go',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.replaceRoute(stage.rival('192.168.50.0/24'));
      await stage.settle();
      await stage.advance(180_000);
      assert.deepEqual(stage.takeChanges(), []);
      assert.equal(stage.verdicts(), 'a: Conflict');
      assert.match(stage.resource('a').message, /192\.168\.50\.0\/24 via 10\.1\.0\.99 dev eth1 proto static metric 4201/);
      assert.equal(stage.report.status.drift[0]?.event, 'RouteReplaced');
      assert.equal(stage.report.status.drift[0]?.cause, 'StaticRoute a: replaced by a foreign route of outsider (4711)');

      stage.kernel.deleteRoute(stage.rival('192.168.50.0/24'));
      await stage.settle();
      assert.deepEqual(stage.takeChanges(), [`+ ${LINE}`]);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'that are better are reported as Shadowed while ours stays',
    scenario(async (stage) => {
      await withOne(stage);
      stage.kernel.addRoute(stage.rival('192.168.50.0/24', '10.1.0.99', 100));
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      assert.equal(stage.verdicts(), 'a: Shadowed');
    }),
  );
});

describe('a fight', () => {
  /** One more deletion than repairs are immediate. */
  async function provoke(stage: Stage): Promise<void> {
    await withOne(stage);
    for (let i = 0; i <= BURST; i++) {
      await deleteOne(stage);
      assert.deepEqual(stage.kernel.ours(), [LINE], `repair ${i + 1} is immediate`);
    }
  }

  it(
    'slows down, says so, and is over when it is quiet',
    scenario(async (stage) => {
      await provoke(stage);
      assert.equal(stage.verdicts(), 'a: Contested');
      assert.match(stage.resource('a').message, /something on node n1 keeps undoing route 192\.168\.50\.0\/24 metric 4201/);
      await deleteOne(stage);
      await stage.advance(499);
      assert.deepEqual(stage.kernel.ours(), []);
      await stage.advance(1);
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      await stage.advance(120_000);
      assert.equal(stage.verdicts(), 'a: ready');
      assert.equal(stage.report.status.drift[0]?.count, BURST + 2);
    }),
  );

  it(
    'waits twice as long after each delayed repair',
    scenario(async (stage) => {
      await provoke(stage);
      for (const delay of [500, 1000, 2000, 4000]) {
        await deleteOne(stage);
        await stage.advance(delay - 1);
        assert.deepEqual(stage.kernel.ours(), [], `not before ${delay} ms`);
        await stage.advance(1);
        assert.deepEqual(stage.kernel.ours(), [LINE], `after ${delay} ms`);
      }
    }),
  );

  it(
    'over one route does not delay another',
    scenario(async (stage) => {
      await provoke(stage);
      stage.put('b', { subnets: ['192.168.60.0/24'] });
      await deleteOne(stage);
      assert.deepEqual(stage.kernel.ours(), ['192.168.60.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201']);
      assert.equal(stage.verdicts(), 'a: Contested, b: ready');
      stage.kernel.deleteRoute(stage.our('192.168.60.0/24'));
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 1);
    }),
  );

  it(
    'is forgotten when the full budget is there again',
    scenario(async (stage) => {
      await provoke(stage);
      await stage.advance(500 + 2_000 * BURST);
      for (let i = 0; i < BURST; i++) await deleteOne(stage);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );
});

it(
  'withheld removals: an incomplete source adds and repairs, removes nothing, and says so',
  scenario(async (stage) => {
    stage.kernel.addRoute(stage.our('192.168.99.0/24'));
    stage.put('a', ONE);
    stage.put('broken', { subnets: [] });
    await stage.start();
    assert.deepEqual(stage.takeChanges(), [`+ ${LINE}`]);
    const { status } = stage.report;
    assert.equal(status.complete, false);
    assert.match(status.incompleteReason ?? '', /broken is not valid/);
    const degraded = status.conditions.find((condition) => condition.type === 'Degraded');
    assert.equal(degraded?.status, 'True');
    assert.match(degraded?.message ?? '', /^nothing is removed: broken is not valid/);
    assert.ok(stage.lines.some((line) => line.startsWith('warn nothing is removed from node n1 for now')));

    stage.put('broken', { subnets: [Prefix.parse('192.168.60.0/24').text] });
    await stage.settle();
    assert.deepEqual(stage.takeChanges(), [
      '+ 192.168.60.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
      '- 192.168.99.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
    ]);
    assert.equal(stage.report.status.complete, true);
    assert.ok(stage.lines.includes('info every source has delivered: removals count again'));
  }),
);

it(
  'a source that goes away takes nothing with it, and healing goes on',
  scenario(async (stage) => {
    await withOne(stage);
    stage.world.setAvailable(false);
    await stage.settle();
    await deleteOne(stage);
    assert.deepEqual(stage.kernel.ours(), [LINE]);
    stage.delete('a');
    await stage.settle();
    assert.deepEqual(stage.kernel.ours(), [LINE]);
    stage.world.setAvailable(true);
    await stage.settle();
    assert.deepEqual(stage.kernel.ours(), []);
  }),
);

it(
  'forgets the losses of a resource that is gone',
  scenario(async (stage) => {
    await withOne(stage);
    stage.kernel.setLinkUp('eth1', false);
    await stage.settle();
    assert.equal(stage.report.status.drift[0]?.event, 'LinkDown');
    stage.delete('a');
    await stage.settle();
    stage.kernel.micros += 3_600_000_000;
    stage.kernel.setLinkUp('eth1', true);
    stage.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
    await withOne(stage);
    assert.deepEqual(stage.kernel.ours(), [LINE]);
    assert.equal(stage.report.status.drift[0]?.restoredMicros, undefined);
  }),
);

it(
  'reports the end of a fight when its delay ends, also when the fight was found after the repair',
  scenario(
    async (stage) => {
      await withOne(stage);
      for (let i = 0; i < BURST + 4; i++) {
        stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
        await stage.settle();
      }
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      await stage.advance(50);
      assert.equal(stage.verdicts(), 'a: Contested');
      await stage.advance(1_000);
      assert.equal(stage.verdicts(), 'a: ready');
      assert.equal(stage.kernel.invalidations, 0);
    },
    { tellMs: 50 },
  ),
);
