import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

const MINUTE = 60_000;

describe('a cluster that is restored from files', () => {
  it(
    'gives each node its address again when the NodeOverlayIPs come before the pool',
    scenario(3, async (stage) => {
      stage.start();
      stage.putPool();
      await stage.advance(5_000);
      stage.removeNode('n2');
      await stage.advance(12 * MINUTE);
      stage.join('n4');
      await stage.advance(5_000);
      const before = ['192.168.100.2 n1', '192.168.100.3 n4', '192.168.100.4 n3'];
      assert.deepEqual(stage.ledger(), before);
      const objects = ['n1', 'n3', 'n4'].map((node) => asRestored(stage.world.get(NODE_OVERLAY_IPS, { name: `${node}.default` })));
      const pool = asRestored(stage.world.get(OVERLAY_POOLS, { name: 'default' }));
      stage.world.delete(OVERLAY_POOLS, { name: 'default' });
      await stage.advance(MINUTE);
      assert.equal(stage.world.find(OVERLAY_POOLS, { name: 'default' }), undefined);
      for (const object of objects) stage.admin.put(object as never);
      await stage.advance(MINUTE);
      assert.match(stage.state('n1'), /NoSuchPool/);
      stage.admin.put(pool as never);
      await stage.advance(MINUTE);
      assert.deepEqual(stage.ledger(), before);
      for (const node of ['n1', 'n3', 'n4']) assert.match(stage.state(node), /Granted InPlace$/);
    }),
  );
});

describe('a range whose subnet becomes wider', () => {
  it(
    'leaves the length of what nodes have, until the NodeOverlayIP is deleted',
    scenario(1, async (stage) => {
      const lengthOf = () => stage.ip('n1')?.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
      stage.start();
      stage.putPool('default', { ranges: [{ subnet: '192.168.100.0/29', gateway: '192.168.100.1' }] });
      await stage.advance(5_000);
      stage.putPool('default', { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }] });
      await stage.advance(MINUTE);
      assert.deepEqual(lengthOf(), ['192.168.100.2/29']);
      stage.drop('n1');
      await stage.advance(MINUTE);
      assert.deepEqual(lengthOf(), ['192.168.100.2/24']);
      assert.match(stage.state('n1'), /Granted InPlace$/);
    }),
  );
});

/** What `kubectl apply` makes of an object in a file. */
function asRestored({ status: _, metadata, ...object }: ApiObject): object {
  const { uid: __, resourceVersion: ___, ...kept } = metadata;
  return { ...object, metadata: kept };
}
