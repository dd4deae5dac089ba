import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODES } from '../../src/cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('an OverlayPool', () => {
  it(
    'that has nothing left says so, and gives what becomes free to whoever waits longest',
    scenario(6, async (stage) => {
      const process = stage.start();
      stage.putPool('default', { ranges: [{ subnet: '192.168.100.0/29', gateway: '192.168.100.1' }], reclaim: { delay: '0s' } });
      await stage.advance(10_000);
      stage.join('a-late');
      await stage.advance(10_000);
      assert.match(stage.message('default', 'ready'), /^False PoolExhausted: 2 nodes have no address \(n6, a-late\): no free IPv4 address/);
      assert.equal(stage.poolState(), 'False PoolExhausted 5/5/0');
      assert.deepEqual(
        (
          stage.world.get(OVERLAY_POOLS, { name: 'default' })['status'] as { readonly waiting: readonly { readonly node: string }[] }
        ).waiting.map(({ node }) => node),
        ['n6', 'a-late'],
      );
      assert.equal(process.events.filter((event) => event.startsWith('Warning PoolExhausted default')).length, 1);
      stage.removeNode('n3');
      await stage.advance(20_000);
      assert.equal(stage.state('n6'), '192.168.100.4 Granted InPlace');
      assert.equal(stage.state('a-late'), 'none');
    }),
  );

  it(
    'gives nothing of a range that an older pool has, or the cluster itself',
    scenario(0, async (stage) => {
      stage.start();
      stage.putNode('n1', { addresses: ['10.1.0.1'], podCIDRs: ['10.244.1.0/24'] });
      stage.admin.put({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: 'kubernetes' },
        spec: { cidrs: ['10.96.0.0/16'] },
      } as never);
      const range = (subnet: string) => ({ subnet, gateway: subnet.replace(/0\/\d+$/, '254') });
      stage.putPool('older', { ranges: [range('192.168.100.0/24')] });
      await stage.advance(3_000);
      stage.putPool('younger', { ranges: [range('192.168.0.0/16')] as never, nodeSelector: { matchLabels: { never: 'ever' } } });
      stage.putPool('pods', { ranges: [range('10.244.0.0/16')] as never });
      stage.putPool('services', { ranges: [range('10.96.8.0/24')] as never });
      stage.putPool('nodes', { ranges: [range('10.1.0.0/24'), range('10.77.0.0/24')] as never });
      await stage.advance(10_000);
      assert.match(
        stage.message('younger'),
        /^True Overlap: range 192.168.0.0\/16 overlaps 192.168.100.0\/24 of OverlayPool older, which is older/,
      );
      assert.match(stage.message('pods', 'ready'), /^False RangeUnusable/);
      assert.match(
        stage.message('pods'),
        /range 10.244.0.0\/16 overlaps 10.244.1.0\/24 of the pods of this cluster: nothing is given from it/,
      );
      assert.match(stage.message('services'), /range 10.96.8.0\/24 overlaps 10.96.0.0\/16 of the Services of this cluster/);
      assert.match(stage.message('nodes'), /range 10.1.0.0\/24 holds 10.1.0.1, an address of Node n1/);
      assert.equal(stage.state('n1', 'older'), '192.168.100.1 Granted InPlace');
      assert.equal(stage.state('n1', 'pods'), 'none');
      assert.equal(stage.state('n1', 'nodes'), '10.77.0.1 Granted InPlace');
    }),
  );

  it(
    'that has become smaller under its nodes says whose addresses are outside, and leaves them',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.putPool('default', { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude: ['192.168.100.3'] }] });
      await stage.advance(5_000);
      assert.match(
        stage.message(),
        /^True AddressesOutsideRanges: 1 address is in no range any more \(192.168.100.3 of node n2\): the nodes keep them/,
      );
      assert.match(stage.message('default', 'ready'), /^True AllNodesServed/);
      stage.putPool('default', { ranges: [{ subnet: '192.168.7.0/24', gateway: '192.168.7.1' }] });
      await stage.advance(5_000);
      assert.match(stage.message(), /3 addresses are in no range any more \(192.168.100.2 of node n1, 192.168.100.3 of node n2, /);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      stage.drop('n2');
      await stage.advance(10_000);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace', 'also when it is made anew');
    }),
  );

  it(
    'gives nobody what a silent agent may still have, though its NodeOverlayIP was forced away and a user asks for it',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool('default', { reclaim: { delay: '0s' } });
      await stage.advance(5_000);
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      stage.overlay.silent.add('n1');
      stage.putPool('default', { nodeSelector: { matchLabels: { never: 'ever' } }, reclaim: { delay: '0s' } });
      await stage.advance(1_000);
      const object = stage.world.get(NODE_OVERLAY_IPS, { name: 'n1.default' });
      stage.admin.put({ ...object, metadata: { ...object.metadata, finalizers: [] } } as never);
      if (stage.ip('n1')) stage.drop('n1');
      stage.ask('n1', ['192.168.100.2/24']);
      await stage.advance(60_000);
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing']);
    }),
  );

  it(
    'whose gateway becomes the address of a node says so',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.putPool('default', { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.3' }] });
      await stage.advance(5_000);
      assert.equal(
        stage.message('default', 'ready'),
        'False RangeUnusable: gateway 192.168.100.3 of range 192.168.100.0/24 is the address of node n2: write the address of the router as its gateway',
      );
      const gateways = (): readonly unknown[] => [...(stage.ip('n1')?.told.addresses.values() ?? [])].map(({ gateway }) => gateway);
      assert.deepEqual(gateways(), ['192.168.100.1']);
      // Until it is no node's any more.
      stage.removeNode('n2');
      await stage.advance(HOUR);
      assert.deepEqual(gateways(), ['192.168.100.3']);
      stage.putPool();
      stage.join('n2');
      await stage.advance(5_000);
      assert.deepEqual(gateways(), ['192.168.100.1']);
      stage.putPool();
      await stage.advance(5_000);
      assert.match(stage.message('default', 'ready'), /^True AllNodesServed/);
    }),
  );

  it(
    'that is deleted gives everything back first, and goes',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      assert.deepEqual(stage.world.get(OVERLAY_POOLS, { name: 'default' }).metadata.finalizers, ['fairlead.dev/release-ip']);
      stage.overlay.delay = () => 5_000;
      stage.world.delete(OVERLAY_POOLS, { name: 'default' });
      await stage.advance(3_000);
      assert.match(stage.message('default', 'ready'), /^False Releasing: 3 addresses are still to be given back/);
      assert.equal(stage.state('n1'), '192.168.100.2 Releasing InPlace deleting');
      await stage.advance(10_000);
      assert.equal(stage.world.find(OVERLAY_POOLS, { name: 'default' }), undefined);
      for (const node of ['n1', 'n2', 'n3']) assert.equal(stage.state(node) + stage.overlay.on(node), 'none');
    }),
  );

  it(
    'that has given nothing can be deleted at once',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      assert.equal(stage.world.get(OVERLAY_POOLS, { name: 'default' }).metadata.finalizers, undefined);
      stage.join('n1');
      await stage.advance(5_000);
      stage.removeNode('n1');
      await stage.advance(11 * MINUTE);
      assert.equal(stage.world.get(OVERLAY_POOLS, { name: 'default' }).metadata.finalizers, undefined);
      assert.match(stage.message('default', 'ready'), /^False NoNodesSelected: no Node matches/);
    }),
  );

  it(
    'that was restored without its ledger, or with an old one, has it again from what nodes use',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      const old = stage.world.get(OVERLAY_POOLS, { name: 'default' });
      stage.drop('n1');
      await stage.advance(1_000);
      stage.ask('n1', ['192.168.100.50/24']);
      stage.removeNode('n2');
      await stage.advance(12 * MINUTE);
      stage.join('n4');
      await stage.advance(5_000);
      const before = ['192.168.100.2 n4', '192.168.100.4 n3', '192.168.100.50 n1'];
      assert.deepEqual(stage.ledger(), before);
      const { status: _, ...bare } = stage.world.get(OVERLAY_POOLS, { name: 'default' });
      stage.admin.put(bare);
      await stage.advance(10_000);
      assert.deepEqual(stage.ledger(), before);
      stage.admin.put({ ...bare, status: old['status'] } as never);
      await stage.advance(30_000);
      assert.deepEqual(stage.ledger(), [...before.slice(0, 1), '192.168.100.3 n2 leaving', ...before.slice(1)]);
      await stage.advance(HOUR);
      assert.deepEqual(stage.ledger(), before);
      for (const node of ['n1', 'n3', 'n4']) assert.match(stage.state(node), /Granted InPlace$/);
    }),
  );

  it(
    'that is not there leaves what nodes use, and says so; deleted NodeOverlayIPs go all the same',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      const pool = stage.world.get(OVERLAY_POOLS, { name: 'default' });
      stage.admin.put({ ...pool, metadata: { ...pool.metadata, finalizers: [] } } as never);
      stage.world.delete(OVERLAY_POOLS, { name: 'default' });
      stage.ask('n3', ['10.0.0.1/24'], { pool: 'other' });
      stage.drop('n2');
      await stage.advance(5_000);
      assert.equal(stage.state('n1'), '192.168.100.2 NoSuchPool InPlace');
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      assert.equal(stage.state('n2'), 'none');
      assert.equal(stage.state('n3', 'other'), '10.0.0.1 NoSuchPool');
      assert.equal(stage.ip('n3', 'other')?.granted, false);
      stage.putPool();
      await stage.advance(5_000);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2', '192.168.100.4 n3']);
    }),
  );

  it(
    'keeps the conditions of others, and what it is told by hand does not last',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      const pool = stage.world.get(OVERLAY_POOLS, { name: 'default' });
      const status = pool['status'] as { readonly conditions: readonly object[] };
      const foreign = { type: 'Synced', status: 'True', reason: 'Argo', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
      stage.admin.put({ ...pool, status: { ...status, free: 7, conditions: [foreign, ...status.conditions] } } as never);
      await stage.advance(5_000);
      assert.equal(stage.poolState(), 'True AllNodesServed 253/1/252');
      assert.equal(stage.pool().told.foreign[0]?.['reason'], 'Argo');
    }),
  );
});

describe('an agent that is silent', () => {
  it(
    'keeps its address from others, but does not hold up the deletion for more than five minutes',
    scenario(0, async (stage) => {
      const process = stage.start();
      stage.putPool('default', { nodeSelector: { matchLabels: { overlay: 'yes' } }, reclaim: { delay: '0s' } });
      stage.join('n1', { overlay: 'yes' });
      await stage.advance(5_000);
      stage.overlay.silent.add('n1');
      const agent = stage.agents.get('n1') ?? assert.fail();
      agent.dead = true;
      stage.putNode('n1');
      await stage.advance(4 * MINUTE);
      assert.equal(stage.state('n1'), '192.168.100.2 Releasing InPlace deleting');
      await stage.advance(3 * MINUTE);
      assert.equal(stage.state('n1'), 'none');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing']);
      assert.match(
        stage.message(),
        /^True AgentSilent: nobody else gets 192.168.100.2 of node n1 before its agent says that it is out of use/,
      );
      assert.ok(process.events.some((event) => event.startsWith('Warning AgentSilent default')));
      stage.join('n2', { overlay: 'yes' });
      await stage.advance(5_000);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      agent.dead = false;
      agent.look();
      stage.overlay.begin('n1');
      await stage.advance(20_000);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
    }),
  );

  it(
    'is waited for no longer when its Node is deleted',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', { nodeSelector: { matchLabels: { overlay: 'yes' } }, reclaim: { delay: '0s' } });
      stage.join('n1', { overlay: 'yes' });
      await stage.advance(5_000);
      stage.overlay.silent.add('n1');
      stage.putNode('n1');
      await stage.advance(MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing']);
      stage.removeNode('n1');
      await stage.advance(5_000);
      assert.deepEqual(stage.ledger(), []);
      assert.equal(stage.state('n1'), 'none');
    }),
  );

  it(
    'of a node that is still selected has its NodeOverlayIP again after five minutes, with the same address',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.overlay.silent.add('n1');
      stage.drop('n1');
      await stage.advance(4 * MINUTE);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace deleting');
      await stage.advance(2 * MINUTE);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1']);
    }),
  );
});

describe('two pools', () => {
  it(
    'give a node an address each',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool('one');
      stage.putPool('two', { ranges: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }], interface: { name: 'two0' } });
      await stage.advance(5_000);
      assert.equal(stage.state('n1', 'one'), '192.168.100.2 Granted InPlace');
      assert.equal(stage.state('n1', 'two'), '10.9.0.2 Granted InPlace');
    }),
  );

  it(
    'of which one gets the range of the other do not give what nodes still have there',
    scenario(2, async (stage) => {
      stage.start();
      const other = { subnet: '10.9.0.0/24', gateway: '10.9.0.1' };
      stage.putPool('one', { nodeSelector: { matchLabels: { one: 'yes' } }, ranges: [other] });
      await stage.advance(2_000);
      stage.putPool('two');
      await stage.advance(5_000);
      stage.putPool('two', { ranges: [{ subnet: '192.168.7.0/24', gateway: '192.168.7.1' }] });
      stage.putPool('one', { nodeSelector: { matchLabels: { one: 'yes' } } });
      stage.join('n3', { one: 'yes' });
      await stage.advance(5_000);
      assert.equal(stage.state('n3', 'one'), '192.168.100.4 Granted InPlace');
    }),
  );
});

describe('a Node', () => {
  it(
    'that comes back under its name while its address is being given back gets one, perhaps another',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', { nodeSelector: { matchLabels: { overlay: 'yes' } }, reclaim: { delay: '0s' } });
      stage.join('n1', { overlay: 'yes' });
      await stage.advance(5_000);
      stage.overlay.delay = () => 10_000;
      stage.putNode('n1');
      await stage.advance(2_000);
      stage.putNode('n1', { labels: { overlay: 'yes' } });
      await stage.advance(60_000);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1']);
      assert.equal(stage.world.list(NODES, {}).items.length, 1);
    }),
  );
});
