import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scenario } from './stage.ts';

describe('a change that the kernel refuses', () => {
  it(
    'is named in the resource that wants it, and no other suffers',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24', '192.168.51.0/24'] });
      stage.put('b', { subnets: ['192.168.60.0/24'] });
      stage.kernel.failNext('EINVAL', 'Nexthop has invalid gateway');
      await stage.start();
      assert.equal(stage.verdicts(), 'a: KernelRefused, b: ready');
      assert.equal(
        stage.resource('a').message,
        'the kernel of node n1 refused "+ 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201": Nexthop has invalid gateway (EINVAL); it is tried again',
      );
      assert.equal(stage.kernel.ours().length, 2);
    }),
  );

  it(
    'is named in the report also when the resource is gone',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.start();
      stage.kernel.failNext('EPERM', 'not today');
      stage.delete('a');
      await stage.settle();
      const ready = () => stage.report.status.conditions.find(({ type }) => type === 'Ready');
      assert.equal(ready()?.status, 'False');
      assert.match(
        ready()?.message ?? '',
        /^no resource asks for it, but it could not be taken away: .*"- 192\.168\.50\.0\/24.*not today \(EPERM\)/,
      );
      await stage.advance(2_000);
      assert.equal(ready()?.status, 'True');
    }),
  );

  it(
    'is tried again after 1, 2, 4... seconds, then the resource is ready',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      for (let i = 0; i < 4; i++) stage.kernel.failNext('ENOBUFS');
      await stage.start();
      for (const seconds of [1, 2, 4]) {
        assert.equal(stage.takeChanges().length, 1);
        await stage.advance(seconds * 1000 - 1);
        assert.deepEqual(stage.takeChanges(), [], `not before ${seconds} s`);
        await stage.advance(1);
        assert.equal(stage.verdicts(), 'a: KernelRefused');
      }
      assert.equal(stage.takeChanges().length, 1);
      await stage.advance(8_000);
      assert.equal(stage.verdicts(), 'a: ready');
      stage.takeChanges();
      await stage.advance(300_000);
      assert.deepEqual(stage.takeChanges(), []);
    }),
  );

  it(
    'starts again with a short delay after a success',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      for (let i = 0; i < 3; i++) stage.kernel.failNext('ENOBUFS');
      await stage.start();
      await stage.advance(7_000);
      assert.equal(stage.verdicts(), 'a: ready');
      stage.kernel.failNext('ENOBUFS');
      stage.put('b', { subnets: ['192.168.60.0/24'] });
      await stage.settle();
      await stage.advance(1_000);
      assert.equal(stage.verdicts(), 'a: ready, b: ready');
    }),
  );

  it(
    'is a lost route that could not be restored: it stays open in the drift entry until it is',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.start();
      stage.kernel.failNext('ENOBUFS');
      stage.kernel.deleteRoute(stage.our('192.168.50.0/24'));
      await stage.settle();
      assert.equal(stage.report.status.drift[0]?.restoredMicros, undefined);
      stage.kernel.micros += 1_000_000;
      await stage.advance(1_000);
      assert.equal(stage.report.status.drift[0]?.restoredMicros, 1_000_000);
    }),
  );

  it(
    'during removal keeps being tried, though no resource is left to name it',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.start();
      stage.kernel.failNext('EBUSY');
      stage.delete('a');
      await stage.settle();
      assert.equal(stage.kernel.ours().length, 1);
      await stage.advance(1_000);
      assert.deepEqual(stage.kernel.ours(), []);
    }),
  );
});

describe('a kernel that does not answer', () => {
  it(
    'is asked again, with growing delays, and nothing else happens meanwhile',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      stage.kernel.setUnavailable('the netlink socket is gone');
      await stage.start();
      assert.deepEqual(stage.summaries, []);
      assert.ok(stage.lines.includes('warn the netlink socket is gone; it is tried again'));
      const rounds = stage.kernel.rounds;
      await stage.advance(7_000);
      assert.equal(stage.kernel.rounds - rounds, 3);
      stage.kernel.setUnavailable(undefined);
      await stage.advance(8_000);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'between look and change is asked again as well',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      stage.kernel.onApply = () => stage.kernel.setUnavailable('the netlink socket is gone');
      await stage.start().catch(() => undefined);
      stage.kernel.onApply = () => {};
      stage.kernel.setUnavailable(undefined);
      await stage.advance(1_000);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );
});

describe('a bug', () => {
  it(
    'ends the agent loudly, and leaves the kernel as it is',
    scenario(async (stage) => {
      stage.put('a', { subnets: ['192.168.50.0/24'] });
      await stage.start();
      const before = stage.kernel.ours();
      stage.kernel.bug = new TypeError('undefined is not a function');
      stage.put('b', { subnets: ['192.168.60.0/24'] });
      await assert.rejects(stage.ending, TypeError);
      stage.kernel.bug = undefined;
      await stage.settle();
      assert.deepEqual(stage.kernel.ours(), before);
    }),
  );

  it(
    'of the sink ends it as well, though a report that cannot be written is none',
    scenario(async (stage) => {
      stage.cluster.write = () => Promise.reject(new TypeError('undefined is not a function'));
      await stage.start();
      await assert.rejects(stage.ending, TypeError);
      await assert.rejects(stage.stop(), TypeError);
    }),
  );
});
