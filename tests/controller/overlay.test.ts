import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODES } from '../../src/cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('overlay addresses', () => {
  it(
    'are given to every selected node, and put in place',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putPool();
      await stage.advance(5_000);
      assert.deepEqual(
        process.log.filter((line) => !line.startsWith('leader')),
        ['OverlayPool default: 192.168.100.2 for node n1, and 2 more'],
      );
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2', '192.168.100.4 n3']);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      assert.equal(stage.overlay.on('n3'), '192.168.100.4');
      assert.equal(stage.poolState(), 'True AllNodesServed 253/3/250');
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );

  it(
    'come with all that an agent needs, from one write by whom it is to say so',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool('default', { interface: { parent: { name: 'eth1' }, name: 'ov0' } });
      await stage.advance(5_000);
      const { metadata, ...object } = stage.world.get(NODE_OVERLAY_IPS, { name: 'n1.default' });
      assert.deepEqual(metadata.finalizers, ['fairlead.dev/release-ip']);
      assert.deepEqual(metadata.labels, { 'app.kubernetes.io/managed-by': 'fairlead-controller' });
      assert.deepEqual(object['spec'], { node: 'n1', pool: 'default', addresses: ['192.168.100.2/24'] });
      const { conditions, ...status } = object['status'] as { readonly conditions: readonly Readonly<Record<string, unknown>>[] };
      assert.deepEqual(status, {
        observedGeneration: 1,
        addresses: [{ address: '192.168.100.2/24', gateway: '192.168.100.1' }],
        interface: { parent: { name: 'eth1' }, name: 'ov0', type: 'Macvlan' },
      });
      assert.equal(conditions.find(({ type }) => type === 'Ready')?.['message'], 'node n1 has 192.168.100.2/24');
    }),
  );

  it(
    'go to nodes of a zone from its ranges, of both families or not at all',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', {
        ranges: [
          { zone: 'a', subnet: '192.168.100.0/24', gateway: '192.168.100.1' },
          { zone: 'a', subnet: '2001:db8:100::/64', gateway: '2001:db8:100::1' },
          { zone: 'b', subnet: '192.168.101.0/24', gateway: '192.168.101.1' },
        ],
      });
      stage.join('new', { 'topology.kubernetes.io/zone': 'a' });
      stage.join('old', { 'failure-domain.beta.kubernetes.io/zone': 'b' });
      stage.join('lost');
      stage.join('far', { 'topology.kubernetes.io/zone': 'c' });
      await stage.advance(10_000);
      assert.equal(stage.state('new'), '192.168.100.2 2001:db8:100::2 Granted InPlace');
      assert.equal(stage.state('old'), '192.168.101.2 Granted InPlace');
      assert.equal(stage.state('lost'), 'none');
      assert.equal(stage.state('far'), 'none');
      assert.match(stage.message('default', 'ready'), /; 1 node has no address \(lost\): it has no label topology.kubernetes.io\/zone/);
      assert.match(stage.message('default', 'ready'), /^False NoRangeForZone: 1 node has no address \(far\): no range serves zone c/);
      assert.equal(stage.poolState(), 'False NoRangeForZone 506/2/504');
      stage.putNode('far', { labels: { 'topology.kubernetes.io/zone': 'b' } });
      stage.putNode('lost', { labels: { 'topology.kubernetes.io/zone': 'b' } });
      await stage.advance(10_000);
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address');
    }),
  );

  it(
    'stay what they are when the pool is edited, another controller leads, or the zone of the node changes',
    scenario(3, async (stage) => {
      const first = stage.start('a');
      stage.putPool();
      await stage.advance(5_000);
      const before = stage.ledger();
      await first.controller.close();
      stage.start('b');
      await stage.advance(30_000);
      stage.putPool('default', {
        ranges: [
          { subnet: '192.168.50.0/24', gateway: '192.168.50.1' },
          { subnet: '192.168.100.0/24', gateway: '192.168.100.254' },
        ],
        interface: { name: 'other0' },
      });
      stage.putNode('n2', { labels: { 'topology.kubernetes.io/zone': 'z' } });
      await stage.advance(30_000);
      assert.deepEqual(stage.ledger(), before);
      const status = stage.world.get(NODE_OVERLAY_IPS, { name: 'n2.default' })['status'] as Readonly<Record<string, unknown>>;
      assert.deepEqual(
        [status['zone'], status['addresses'], status['interface']],
        [
          'z',
          [{ address: '192.168.100.3/24', gateway: '192.168.100.254' }],
          { parent: { toward: '10.0.0.0/8' }, name: 'other0', type: 'Macvlan' },
        ],
      );
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
    }),
  );

  it(
    'cost a few writes of the ledger, and for each node one object and one status',
    scenario(1000, async (stage) => {
      const process = stage.start();
      stage.putPool('default', { ranges: [{ subnet: '10.200.0.0/16', gateway: '10.200.0.1' }] });
      await stage.advance(30_000);
      assert.equal(stage.poolState(), 'True AllNodesServed 65533/1000/64533');
      const { writes } = process.api;
      assert.equal(writes.get('create nodeoverlayips'), 1000);
      assert.equal(writes.get('apply nodeoverlayips/status'), 1000);
      assert.ok((writes.get('replace overlaypools/status') ?? 0) <= 4, `${writes.get('replace overlaypools/status')} writes of the ledger`);
      assert.equal(writes.get('replace overlaypools'), 1);
      const reads = process.api.calls.filter(({ verb, resource }) => verb === 'get' && resource === 'overlaypools').length;
      assert.ok(reads <= 60, `the ledger was read ${reads} times`);
      const before = process.api.calls.length;
      await stage.advance(60_000);
      const calls = process.api.calls.slice(before).filter(({ resource }) => resource !== 'leases');
      assert.deepEqual(calls, []);
    }),
  );
});

describe('the address of a node', () => {
  it(
    'is kept for a while when its Node goes, and is its own again when it comes back in time',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.removeNode('n1');
      await stage.advance(9 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 leaving', '192.168.100.3 n2']);
      assert.equal(stage.state('n1'), '192.168.100.2 NodeGone InPlace');
      stage.join('n1');
      await stage.advance(5 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2']);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
    }),
  );

  it(
    'is free after that, measured from when the Node went, whoever leads meanwhile',
    scenario(2, async (stage) => {
      const first = stage.start('a');
      stage.putPool();
      await stage.advance(5_000);
      stage.removeNode('n1');
      await stage.advance(6 * MINUTE);
      await first.controller.close();
      stage.start('b');
      await stage.advance(5 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
      stage.join('n3');
      await stage.advance(5_000);
      assert.equal(stage.state('n3'), '192.168.100.2 Granted InPlace');
    }),
  );

  it(
    'goes sooner when the delay becomes shorter, and not later when it becomes longer',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool('default', { reclaim: { delay: '1h' } });
      await stage.advance(5_000);
      stage.removeNode('n1');
      await stage.advance(MINUTE);
      stage.putPool('default', { reclaim: { delay: '2m' } });
      await stage.advance(5_000);
      stage.putPool('default', { reclaim: { delay: '1h' } });
      await stage.advance(MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 leaving', '192.168.100.3 n2']);
      await stage.advance(2 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
    }),
  );

  it(
    'is taken away from a node that is no longer selected, after the delay, and only when its agent says so',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', { nodeSelector: { matchLabels: { overlay: 'yes' } }, reclaim: { delay: '1m' } });
      for (const name of ['n1', 'n2']) stage.join(name, { overlay: 'yes' });
      stage.join('n3');
      await stage.advance(5_000);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2']);
      stage.putNode('n1');
      await stage.advance(30_000);
      assert.equal(stage.state('n1'), '192.168.100.2 NotSelected InPlace');
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      stage.overlay.delay = () => 20_000;
      await stage.advance(40_000);
      assert.equal(stage.state('n1'), '192.168.100.2 Releasing InPlace deleting');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing', '192.168.100.3 n2']);
      await stage.advance(30_000);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
      assert.equal(stage.overlay.on('n1'), '');
    }),
  );

  it(
    'comes back two seconds after somebody has deleted its NodeOverlayIP',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      const { uid } = stage.ip('n1') ?? assert.fail();
      stage.drop('n1');
      await stage.advance(1_000);
      assert.equal(stage.state('n1'), 'none');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2']);
      await stage.advance(3_000);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
      assert.notEqual(stage.ip('n1')?.uid, uid);
    }),
  );

  it(
    'is another one when somebody asks for it in those two seconds; the old one is free when the new one is in place',
    scenario(2, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.drop('n1');
      await stage.advance(1_000);
      stage.ask('n1', ['192.168.100.77/24']);
      stage.overlay.delay = () => 5_000;
      await stage.advance(3_000);
      assert.equal(stage.state('n1'), '192.168.100.77 Granted');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2', '192.168.100.77 n1']);
      await stage.advance(5_000);
      assert.equal(stage.state('n1'), '192.168.100.77 Granted InPlace');
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2', '192.168.100.77 n1']);
      assert.equal(stage.overlay.on('n1'), '192.168.100.77');
    }),
  );
});

describe('an address that somebody asks for', () => {
  it(
    'is given when it is free, before the node would get another',
    scenario(1, async (stage) => {
      stage.putPool();
      stage.ask('n1', ['192.168.100.44/24']);
      stage.start();
      await stage.advance(5_000);
      assert.equal(stage.state('n1'), '192.168.100.44 Granted InPlace');
      assert.deepEqual(stage.world.get(NODE_OVERLAY_IPS, { name: 'n1.default' }).metadata.finalizers, ['fairlead.dev/release-ip']);
      assert.deepEqual(stage.ledger(), ['192.168.100.44 n1']);
    }),
  );

  it(
    'waits for its Node, and nobody else gets it meanwhile',
    scenario(2, async (stage) => {
      stage.putPool('default', { nodeSelector: { matchExpressions: [{ key: 'no', operator: 'DoesNotExist' }] } });
      stage.join('n3', { no: 'thanks' });
      stage.ask('later', ['192.168.100.2/24']);
      stage.ask('n3', ['192.168.100.3/24']);
      stage.start();
      await stage.advance(5_000);
      assert.deepEqual(stage.ledger(), ['192.168.100.4 n1', '192.168.100.5 n2']);
      assert.equal(stage.state('later'), '192.168.100.2 NotSelected');
      assert.equal(stage.ip('later')?.told.ready?.message, 'there is no Node later: it gets the address when there is');
      assert.match(stage.ip('n3')?.told.ready?.message ?? '', /^OverlayPool default does not select node n3: change the labels/);
      assert.equal(stage.message('default', 'ready'), 'True AllNodesServed: every selected node has its address');
      stage.join('later');
      await stage.advance(5_000);
      assert.equal(stage.state('later'), '192.168.100.2 Granted InPlace');
    }),
  );

  it(
    'is refused when another node has it, or asked first, with the name of the holder',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.join('n4');
      stage.join('n5');
      stage.ask('n4', ['192.168.100.3/24']);
      await stage.advance(5_000);
      assert.equal(stage.state('n4'), '192.168.100.3 AddressTaken');
      assert.equal(
        stage.ip('n4')?.told.ready?.message,
        '192.168.100.3 is that of node n2: free it there, or delete this object and ask for another',
      );
      assert.match(
        stage.message('default', 'ready'),
        /^False AddressTaken: 1 node has no address \(n4\): 192.168.100.3 is that of node n2/,
      );
      assert.ok(process.events.some((event) => event.startsWith('Warning AddressTaken n4.default: 192.168.100.3 is that of node n2')));
      assert.equal(stage.state('n5'), '192.168.100.5 Granted InPlace');
      stage.drop('n4');
      await stage.advance(5_000);
      assert.equal(stage.state('n4'), '192.168.100.6 Granted InPlace');
    }),
  );

  it(
    'is refused when no range for its node has it, and says which have',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('default', {
        ranges: [
          { zone: 'a', subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude: ['192.168.100.64/28'] },
          { zone: 'b', subnet: '192.168.101.0/24', gateway: '192.168.101.1' },
        ],
      });
      const asked = {
        'other-zone': ['192.168.101.9/24', /gives zone a addresses of 192.168.100.0\/24, and 192.168.101.9 is not among them/],
        'wrong-length': ['192.168.100.9/25', /is of subnet 192.168.100.0\/24: delete this object, and ask for 192.168.100.9\/24/],
        gateway: ['192.168.100.1/24', /192.168.100.1 is never given: it is the gateway/],
        excluded: ['192.168.100.70/24', /it is excluded \(192.168.100.64\/28\)/],
        'no-family': ['2001:db8::9/64', /has no IPv6 range for zone a/],
      } as const;
      for (const [node, [address]] of Object.entries(asked)) {
        stage.join(node, { 'topology.kubernetes.io/zone': 'a' });
        stage.ask(node, [address]);
      }
      await stage.advance(5_000);
      for (const [node, [, message]] of Object.entries(asked)) {
        assert.equal(stage.ip(node)?.told.ready?.reason, 'AddressOutsidePool', node);
        assert.match(stage.ip(node)?.told.ready?.message ?? '', message);
      }
      assert.deepEqual(stage.ledger(), []);
    }),
  );
});

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
      await stage.advance(5_000);
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
      assert.match(stage.message(), /^True AgentSilent: the agents of n1 do not say that the addresses of these nodes are out of use/);
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
