import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { EXTERNAL, ExternalIpam } from './external-ipam.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

const V4 = '10.9.0.0/24';
const V6 = '2001:db8:9::/64';
const AT_ONCE = { ipam: EXTERNAL, reclaim: { delay: '0s' } };

describe('records in an external IPAM', () => {
  it(
    'are deleted also where nothing can be given any more',
    scenario(2, async (stage) => {
      const ipam = new ExternalIpam(V4);
      const first = stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      assert.equal(stage.state('n2'), '10.9.0.3 Granted InPlace');
      await first.controller.close();
      ipam.unusable.add(V4);
      stage.removeNode('n2');
      stage.start('b', ipam.options);
      await stage.advance(60_000);
      assert.deepEqual([ipam.released, [...ipam.records.keys()], stage.ledger()], [['10.9.0.3'], ['10.9.0.2'], ['10.9.0.2 n1']]);
    }),
  );

  it(
    'that nobody can see keep the address in the ledger, and the pool says what to mend',
    scenario(2, async (stage) => {
      const ipam = new ExternalIpam(V4);
      const first = stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      await first.controller.close();
      ipam.hidden.add(V4);
      stage.removeNode('n2');
      stage.start('b', ipam.options);
      await stage.advance(60_000);
      assert.match(
        stage.message(),
        /; 1 address cannot be given back \(10\.9\.0\.3 of node n2\): no usable subnet .* mend .* or change spec\.ipam back/,
      );
      assert.deepEqual(ipam.released, []);
      assert.equal(stage.ledger().length, 2);
      ipam.hidden.clear();
      await stage.advance(60_000);
      assert.deepEqual([ipam.released, [...ipam.records.keys()], stage.ledger()], [['10.9.0.3'], ['10.9.0.2'], ['10.9.0.2 n1']]);
    }),
  );

  it(
    'that were never made do not hold up a pool which got its addresses from ranges of its own before',
    scenario(2, async (stage) => {
      const ipam = new ExternalIpam(V4);
      stage.start('a', { openProvider: (pool) => (pool.ipam.type === 'cluster' ? openClusterIpam(pool.ipam) : ipam) });
      const ranges = [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }];
      stage.putPoolSpec('default', { ipam: { cluster: { ranges } }, reclaim: { delay: '0s' } });
      await stage.advance(5_000);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      assert.match(stage.message(), /^True AddressesOutsideRanges/);
      stage.overlay.delay = () => 10_000;
      stage.world.delete(OVERLAY_POOLS, { name: 'default' });
      await stage.advance(5_000);
      assert.doesNotMatch(stage.message(), /AddressesOutsideRanges|cannot be given back/);
      await stage.advance(60_000);
      assert.deepEqual([stage.world.find(OVERLAY_POOLS, { name: 'default' }), stage.state('n1'), ipam.released], [undefined, 'none', []]);
    }),
  );

  it(
    'are asked for before a deleted NodeOverlayIP is made again, and its node waits where nobody answers',
    scenario(2, async (stage) => {
      const ipam = new ExternalIpam(V4);
      stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address');
      ipam.away = true;
      stage.drop('n2');
      await stage.advance(1_000);
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address, or is getting it');
      await stage.advance(60_000);
      const { waiting } = stage.world.get(OVERLAY_POOLS, { name: 'default' })['status'] as { readonly waiting: readonly object[] };
      assert.deepEqual(
        waiting.map((each) => ({ ...each, message: '' })),
        [{ node: 'n2', reason: 'IPAMUnavailable', message: '' }],
      );
      assert.match(stage.message('default', 'ready'), /^False IPAMUnavailable/);
      ipam.away = false;
      await stage.advance(120_000);
      assert.equal(stage.state('n2'), '10.9.0.3 Granted InPlace');
    }),
  );

  it(
    'of nodes that are in no ledger are deleted, also where nothing can be given',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4, '10.8.0.0/24');
      ipam.unusable.add('10.8.0.0/24');
      ipam.record('10.8.0.7', 'long-gone');
      ipam.record('10.8.0.8', undefined);
      stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(10_000);
      assert.deepEqual([ipam.released, [...ipam.records.keys()]], [['10.8.0.7'], ['10.8.0.8', '10.9.0.2']]);
    }),
  );

  it(
    'are deleted once, however long the ledger takes to be written',
    scenario(3, async (stage) => {
      const ipam = new ExternalIpam(V4);
      stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      for (const name of ['n1', 'n2', 'n3']) stage.removeNode(name);
      await stage.advance(60_000);
      assert.deepEqual(ipam.released.sort(), ['10.9.0.2', '10.9.0.3', '10.9.0.4']);
    }),
  );

  it(
    'that are due, while nobody answers, do not keep the controller busy',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4);
      const first = stage.start('a', ipam.options);
      stage.putPoolSpec('default', { ipam: EXTERNAL, reclaim: { delay: '1m' } });
      await stage.advance(5_000);
      await first.controller.close();
      ipam.away = true;
      stage.removeNode('n1');
      const { clock } = stage.start('b', ipam.options);
      await stage.advance(120_000);
      assert.deepEqual(stage.ledger(), ['10.9.0.2 n1 leaving']);
      const after = clock.after.bind(clock);
      let timers = 0;
      clock.after = (milliseconds, callback) => {
        timers++;
        return after(milliseconds, callback);
      };
      await stage.advance(60_000);
      assert.ok(timers < 300, `${timers} timers in a minute`);
    }),
  );
});

describe('a controller that is to end', () => {
  it(
    'does so while an address is claimed, and one that somebody has deleted is claimed again, and the provider does not answer',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4);
      const { controller } = stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      ipam.records.delete('10.9.0.2');
      ipam.hangs = true;
      await stage.advance(601_000);
      stage.join('n2');
      await stage.advance(5_000);
      assert.deepEqual(ipam.claimed, ['10.9.0.2']);
      await controller.close();
      assert.equal(stage.ledger().length, 2);
    }),
  );
});

describe('a NodeOverlayIP of a user', () => {
  for (const annotations of [{}, { 'fairlead.dev/adopt': 'true' }]) {
    it(
      `stays when what it asks for is somebody else's, and gets it when it is free ${JSON.stringify(annotations)}`,
      scenario(1, async (stage) => {
        const ipam = new ExternalIpam(V4);
        ipam.unseen.add('10.9.0.50');
        stage.start('a', ipam.options);
        stage.ask('n1', ['10.9.0.50/24'], { annotations });
        const { uid } = stage.ip('n1') ?? assert.fail();
        stage.putPoolSpec('default', AT_ONCE);
        await stage.advance(60_000);
        assert.equal(stage.state('n1'), '10.9.0.50 AddressTaken');
        assert.match(stage.ip('n1')?.told.ready?.message ?? '', /^10\.9\.0\.50 is that of printer-7: free it there, or delete this object/);
        assert.deepEqual([stage.ledger(), ipam.claimed], [[], ['10.9.0.50']]);
        ipam.unseen.clear();
        await stage.advance(600_000);
        assert.equal(stage.state('n1'), '10.9.0.50 Granted InPlace');
        assert.equal(stage.ip('n1')?.uid, uid);
        assert.deepEqual(stage.ledger(), ['10.9.0.50 n1']);
      }),
    );
  }
});

describe('a node of two families', () => {
  it(
    'gets another address when one is taken at the provider, and never one without the other',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4, V6);
      ipam.unseen.add('2001:db8:9::2');
      stage.start('a', ipam.options);
      stage.putPoolSpec('default', { ipam: EXTERNAL });
      const states = new Set<string>();
      await stage.advance(10_000, () =>
        states.add(
          stage
            .ip('n1')
            ?.addresses.map(({ address }) => address.text)
            .join(' ') ?? 'none',
        ),
      );
      assert.deepEqual([...states], ['none', '10.9.0.2 2001:db8:9::3']);
      assert.equal(stage.state('n1'), '10.9.0.2 2001:db8:9::3 Granted InPlace');
      assert.deepEqual(stage.ledger(), ['10.9.0.2 n1', '2001:db8:9::3 n1']);
    }),
  );

  it(
    'waits with the one that it has while the other family has nothing to give',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4, '2001:db8:9::/126');
      for (const last of [2, 3]) ipam.unseen.add(`2001:db8:9::${last}`);
      stage.start('a', ipam.options);
      stage.putPoolSpec('default', { ipam: EXTERNAL });
      await stage.advance(1_000);
      for (const last of [2, 3]) ipam.record(`2001:db8:9::${last}`, undefined);
      await stage.advance(20_000);
      assert.equal(stage.state('n1'), 'none');
      assert.match(stage.message('default', 'ready'), /^False PoolExhausted/);
      ipam.unseen.clear();
      ipam.records.delete('2001:db8:9::3');
      await stage.advance(60_000);
      assert.equal(stage.state('n1'), '10.9.0.2 2001:db8:9::3 Granted InPlace');
    }),
  );
});

describe('an OverlayPool whose spec cannot be read', () => {
  it(
    'leaves its nodes what they have, and they say so',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.putPoolSpec('default', { ipam: {} });
      stage.join('n2');
      stage.ask('n2', ['192.168.100.9/24']);
      await stage.advance(30_000);
      assert.equal(stage.state('n2'), '192.168.100.9 InvalidSpec');
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
      assert.match(stage.message(), /InvalidSpec/);
    }),
  );

  it(
    'and is deleted, gives nothing back before it can see what is recorded, and says what to do',
    scenario(1, async (stage) => {
      const ipam = new ExternalIpam(V4);
      const first = stage.start('a', ipam.options);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(5_000);
      await first.controller.close();
      stage.putPoolSpec('default', { ...AT_ONCE, interface: { type: 'Newer' } });
      stage.world.delete(OVERLAY_POOLS, { name: 'default' });
      stage.start('b', ipam.options);
      await stage.advance(60_000);
      assert.match(
        stage.message(),
        /InvalidSpec: .* nothing is given or given back until it can \(a pool that is being deleted can still be edited\)/,
      );
      assert.deepEqual([stage.ledger(), ipam.released], [['10.9.0.2 n1'], []]);
      stage.putPoolSpec('default', AT_ONCE);
      await stage.advance(30_000);
      assert.deepEqual([ipam.released, [...ipam.records.keys()]], [['10.9.0.2'], []]);
      assert.equal(stage.world.find(OVERLAY_POOLS, { name: 'default' }), undefined);
    }),
  );
});
