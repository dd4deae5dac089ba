import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { route } from '../core/builders.ts';
import { type Stage, scenario } from './stage.ts';

const LINE = '192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201';
const CLOSED = 'unreachable 192.168.50.0/24 proto 201 metric 4201';

async function lose(stage: Stage, onMissingGateway: string): Promise<void> {
  stage.put('a', { subnets: ['192.168.50.0/24'], onMissingGateway });
  await stage.start();
  stage.takeChanges();
  stage.kernel.deleteRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
  await stage.settle();
}

async function giveBack(stage: Stage): Promise<void> {
  stage.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
  await stage.settle();
}

describe('a missing next hop', () => {
  it(
    'changes nothing when it comes back within ten seconds, but is reported at once',
    scenario(async (stage) => {
      await lose(stage, 'Withdraw');
      assert.equal(stage.verdicts(), 'a: NoCoveringRoute');
      await stage.advance(9_999);
      assert.deepEqual(stage.kernel.ours(), [LINE]);
      await giveBack(stage);
      await stage.advance(60_000);
      assert.deepEqual(stage.takeChanges(), []);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'withdraws the routes after ten seconds, and restores them when it is back',
    scenario(async (stage) => {
      await lose(stage, 'Withdraw');
      await stage.advance(10_000);
      assert.deepEqual(stage.takeChanges(), [`- ${LINE}`]);
      assert.equal(stage.verdicts(), 'a: NoCoveringRoute');
      await giveBack(stage);
      assert.deepEqual(stage.takeChanges(), [`+ ${LINE}`]);
      assert.equal(stage.verdicts(), 'a: ready');
    }),
  );

  it(
    'closes the routes after ten seconds when the resource says Unreachable, in place',
    scenario(async (stage) => {
      await lose(stage, 'Unreachable');
      await stage.advance(10_000);
      assert.deepEqual(stage.takeChanges(), [`~ ${CLOSED}   # was ${LINE}`]);
      assert.equal(stage.verdicts(), 'a: NoCoveringRoute');
      await giveBack(stage);
      assert.deepEqual(stage.takeChanges(), [`~ ${LINE}   # was ${CLOSED}`]);
    }),
  );

  it(
    'counts the ten seconds anew each time',
    scenario(async (stage) => {
      await lose(stage, 'Withdraw');
      await stage.advance(9_000);
      await giveBack(stage);
      stage.kernel.deleteRoute(route('10.0.0.0/8', '10.1.0.1', stage.eth1));
      await stage.settle();
      await stage.advance(9_999);
      assert.deepEqual(stage.takeChanges(), []);
      await stage.advance(1);
      assert.deepEqual(stage.takeChanges(), [`- ${LINE}`]);
    }),
  );

  it(
    'of one family does not touch the other',
    scenario(async (stage) => {
      stage.kernel.addAddress('eth1', '2001:db8:1::10/64');
      const gateways = [{ address: '10.1.0.1' }, { address: '2001:db8:1::1' }];
      stage.put('a', { subnets: ['192.168.50.0/24', '2001:db8:50::/48'], via: { gateways } });
      await stage.start();
      stage.takeChanges();
      stage.kernel.removeAddress('eth1', '2001:db8:1::10/64');
      await stage.settle();
      await stage.advance(10_000);
      assert.deepEqual(stage.takeChanges(), ['- 2001:db8:50::/48 via 2001:db8:1::1 dev eth1 proto 201 metric 4201']);
      assert.deepEqual(stage.kernel.ours(), [LINE]);
    }),
  );

  it(
    'is not late because something else keeps failing',
    scenario(async (stage) => {
      await lose(stage, 'Withdraw');
      stage.put('b', { subnets: ['192.168.60.0/24'], via: { device: 'eth1' } });
      for (let i = 0; i < 4; i++) stage.kernel.failNext('ENOBUFS');
      await stage.advance(10_000);
      assert.ok(stage.takeChanges().includes(`- ${LINE}`));
    }),
  );
});
