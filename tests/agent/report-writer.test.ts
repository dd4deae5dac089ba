import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReportWriter } from '../../src/agent/report-writer.ts';
import type { NodeReport } from '../../src/api/kinds/node-report.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { ManualClock } from './clock.ts';
import { type Stage, scenario } from './stage.ts';

const written = (stage: Stage): number => stage.cluster.reports.length;
const times = (stage: Stage): number[] => stage.cluster.reports.map(({ status }) => Date.parse(status.lastSync) - Date.UTC(2027, 0, 1));

describe('the report', () => {
  it(
    'is written at once when an outcome changes, then at most once a second, and the last one always',
    scenario(async (stage) => {
      await stage.start();
      assert.equal(written(stage), 1);
      for (let i = 0; i < 5; i++) {
        stage.put(`r${i}`, { subnets: [`192.168.${i}.0/24`] });
        await stage.advance(100);
      }
      assert.equal(written(stage), 1);
      await stage.advance(500);
      assert.equal(written(stage), 2);
      assert.equal(stage.cluster.reports.at(-1)?.status.summary.ready, '5/5');
      await stage.advance(1_000);
      stage.put('late', { subnets: ['192.168.99.0/24'] });
      await stage.settle();
      assert.deepEqual(times(stage), [0, 400, 2_000]);
    }),
  );

  it(
    'is not written for lastSync alone, but as a heartbeat every two minutes or so',
    scenario(async (stage) => {
      await stage.start();
      await stage.advance(107_000);
      assert.ok(stage.summaries.length > 1, 'rounds go on');
      assert.equal(written(stage), 1);
      await stage.advance(26_000);
      assert.equal(written(stage), 2);
      await stage.advance(3_600_000);
      const beats = written(stage) - 2;
      assert.ok(beats >= 3_600 / 132 - 1 && beats <= 3_600 / 108 + 1, `${beats} heartbeats in an hour`);
    }),
  );

  it(
    'is written for drift of another object or kind, and not for counts, times and durations: these travel with the next one',
    scenario(async (stage) => {
      const drifted = (): string[] => (stage.cluster.reports.at(-1)?.status.drift ?? []).map(({ event, count }) => `${event} ${count}`);
      const tamper = async (act: () => void): Promise<void> => {
        act();
        stage.kernel.micros += 10;
        await stage.advance(1_000);
      };
      stage.put('a', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      await stage.start();
      await stage.advance(1_000);
      assert.equal(written(stage), 1);
      for (let time = 0; time < 3; time++) await tamper(() => stage.kernel.deleteRoute(stage.our('192.168.50.0/24')));
      assert.equal(stage.report.status.drift[0]?.count, 3);
      assert.deepEqual([written(stage), drifted()], [2, ['RouteDeleted 1']]);
      await tamper(() => stage.kernel.deleteRoute(stage.our('192.168.51.0/24')));
      assert.deepEqual([written(stage), drifted()], [3, ['RouteDeleted 1', 'RouteDeleted 3']]);
      await tamper(() => stage.kernel.replaceRoute(stage.our('192.168.50.0/24', '10.1.0.9')));
      assert.deepEqual([written(stage), drifted()], [4, ['RouteChanged 1', 'RouteDeleted 1', 'RouteDeleted 3']]);
      await tamper(() => stage.kernel.deleteRoute(stage.our('192.168.50.0/24')));
      await stage.advance(100_000);
      assert.equal(written(stage), 4);
      await stage.advance(33_000);
      assert.deepEqual([written(stage), drifted()], [5, ['RouteDeleted 4', 'RouteChanged 1', 'RouteDeleted 1']]);
    }),
  );

  it(
    'that cannot be written is tried again, and the same reason is said once',
    scenario(async (stage) => {
      const said = (): string[] => stage.lines.filter((line) => line.includes('report'));
      stage.cluster.refuseReports = 'no space left';
      await stage.start();
      assert.deepEqual(said(), ['warn the report could not be written: no space left; it is tried again']);
      await stage.advance(60_000);
      assert.equal(said().length, 1);
      stage.cluster.refuseReports = 'permission denied';
      await stage.advance(11_000);
      assert.equal(said().length, 2);
      stage.cluster.refuseReports = undefined;
      await stage.advance(11_000);
      assert.equal(written(stage), 1);
      assert.equal(said().at(-1), 'info the report is written again');
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.advance(1_000);
      assert.equal(written(stage), 2);
    }),
  );

  it(
    'is written as soon as the source is back, however long both were away',
    scenario(async (stage) => {
      await stage.start();
      stage.cluster.world.setAvailable(false);
      stage.cluster.refuseReports = 'nobody is there';
      await stage.advance(600_000);
      assert.equal(written(stage), 1);
      stage.cluster.refuseReports = undefined;
      stage.cluster.world.setAvailable(true);
      await stage.advance(1_000);
      assert.deepEqual([written(stage), stage.cluster.reports.at(-1)?.status.complete], [2, true]);
    }),
  );

  it(
    'that is newer than the last one written is written at the end',
    scenario(async (stage) => {
      await stage.start();
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.settle();
      assert.equal(written(stage), 1);
      await stage.stop();
      assert.equal(written(stage), 2);
      assert.equal(stage.cluster.reports.at(-1)?.status.summary.ready, '1/1');
    }),
  );

  it(
    'keeps the time of a condition as long as its status stays',
    scenario(async (stage) => {
      const since = (type: string): string | undefined =>
        stage.report.status.conditions.find((condition) => condition.type === type)?.lastTransitionTime;
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.start();
      assert.equal(since('Ready'), '2027-01-01T00:00:00.000Z');
      await stage.advance(60_000);
      stage.put('b', { subnets: ['192.168.60.0/24'] });
      await stage.settle();
      assert.equal(since('Ready'), '2027-01-01T00:00:00.000Z');
      stage.put('c', { subnets: ['192.168.70.0/24'], via: { device: 'eth7' } });
      await stage.settle();
      assert.equal(since('Ready'), '2027-01-01T00:01:00.000Z');
      assert.equal(since('Degraded'), '2027-01-01T00:00:00.000Z');
      await stage.advance(60_000);
      stage.put('c', { subnets: ['192.168.70.0/24'], via: { device: 'eth8' } });
      await stage.settle();
      assert.equal(since('Ready'), '2027-01-01T00:01:00.000Z');
      const ready = stage.report.status.conditions.find((condition) => condition.type === 'Ready');
      assert.equal(ready?.message, 'not ready: StaticRoute c (DeviceMissing)');
    }),
  );

  it(
    'names the links and gateways that the plan uses',
    scenario(async (stage) => {
      stage.kernel.setRpFilter('eth1', 1);
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      stage.put('b', { subnets: ['192.168.60.0/24'], via: { gateway: '10.1.0.7' } });
      stage.put('c', { subnets: ['192.168.70.0/24'], via: { unreachable: {} } });
      await stage.start();
      assert.deepEqual(stage.report.status.facts, {
        kernel: '6.1.0-fake',
        rpFilterAll: 0,
        links: [{ name: 'eth1', up: true, mtu: 1500, rpFilter: 1 }],
        gateways: [
          { family: 4, address: '10.1.0.1', device: 'eth1' },
          { family: 4, address: '10.1.0.7', device: 'eth1' },
        ],
      });
      assert.equal(stage.resource('c').message, '1 route, unreachable');
    }),
  );
});

describe('what is news for a thousand nodes', () => {
  it('is written by all of them within two seconds, by few at a time', async () => {
    const clock = new ManualClock();
    const written: number[] = [];
    const sink = { write: async () => void written.push(clock.now()) };
    const nodes = Array.from({ length: 1000 }, () => new ReportWriter(sink, clock, silentLog, (error) => assert.fail(String(error))));
    for (const node of nodes) node.offer(report('0/1'), nodes.length);
    // Another telling of the same news puts nobody off.
    for (let i = 0; i < 19; i++) {
      await clock.advance(100, settle);
      for (const node of nodes) node.offer(report('0/1'), nodes.length);
    }
    assert.equal(written.length, 1000);
    for (const [second, share] of Map.groupBy(written, (at) => Math.floor(at / 190)))
      assert.ok(share.length > 50 && share.length < 150, `${share.length} of 1000 in tenth ${second}`);
  });
});

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
};

const report = (ready: string): NodeReport => ({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'NodeReport',
  metadata: { name: 'n1' },
  status: {
    summary: { ready, problems: 0, drift: 0 },
    resources: [],
    problems: [],
    drift: [],
    facts: { kernel: '6.1', rpFilterAll: 0, links: [], gateways: [] },
    lastSync: '2027-01-01T00:00:00Z',
    complete: true,
    conditions: [],
  },
});

describe('a sink that does not answer for a long time', () => {
  it('is given the newest report after the one under way, and none of those in between', async () => {
    const clock = new ManualClock();
    const sent: string[] = [];
    const answers: (() => void)[] = [];
    const sink = {
      write({ status }: NodeReport): Promise<void> {
        sent.push(status.summary.ready);
        return new Promise((resolve) => void answers.push(resolve));
      },
    };
    const writer = new ReportWriter(sink, clock, silentLog, (error) => assert.fail(String(error)));
    for (let second = 0; second < 30; second++) {
      writer.offer(report(`${second}/30`));
      await clock.advance(1_000, settle);
    }
    assert.deepEqual(sent, ['0/30']);
    answers.shift()?.();
    await clock.advance(3_999, settle);
    assert.deepEqual(sent, ['0/30'], 'a server that is slow is left alone for a while');
    await clock.advance(1, settle);
    assert.deepEqual(sent, ['0/30', '29/30']);
    answers.shift()?.();
    await clock.advance(60_000, settle);
    assert.deepEqual(sent, ['0/30', '29/30']);
  });
});
