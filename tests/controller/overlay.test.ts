import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

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
      assert.match(stage.message('default', 'ready'), /; 1 node has no address \(lost\): there is no label topology.kubernetes.io\/zone/);
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
      assert.equal(stage.poolState(), 'True AllNodesServed 253/2/249');
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
