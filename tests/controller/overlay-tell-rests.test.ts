import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

describe('a controller whose word on a NodeOverlayIP is contradicted each time', () => {
  it(
    'says it once a second, and once more when the other one is silent',
    scenario(1, async (stage) => {
      const process = stage.start();
      stage.putPool();
      await stage.advance(5_000);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
      const contradict = (): void => {
        const object = stage.world.get(NODE_OVERLAY_IPS, { name: 'n1.default' });
        const status = JSON.parse(JSON.stringify(object['status']).replaceAll('has 192.168.100.2/24', 'is another’s'));
        stage.admin.put({ ...object, status } as never);
      };
      const told = () => process.api.calls.filter(({ verb, resource }) => verb !== 'get' && resource === 'nodeoverlayips/status').length;
      const before = told();
      for (let round = 0; round < 200; round++) {
        contradict();
        await stage.advance(50);
      }
      const times = told() - before;
      assert.ok(times >= 5 && times <= 11, `${times}`);
      await stage.advance(1_500);
      assert.equal(stage.ip('n1')?.told.ready?.message, 'node n1 has 192.168.100.2/24');
    }),
  );

  it(
    'says it less and less often where that changes nothing',
    scenario(1, async (stage) => {
      const process = stage.start();
      stage.putPool();
      await stage.advance(5_000);
      const object = stage.world.get(NODE_OVERLAY_IPS, { name: 'n1.default' });
      const before = process.api.calls.length;
      // A node without a zone: the controller writes none, so that of another stays.
      stage.admin.put({ ...object, status: { ...(object['status'] as object), zone: 'elsewhere' } } as never);
      await stage.advance(300_000);
      const told = process.api.calls.slice(before).filter(({ verb, resource }) => verb === 'apply' && resource === 'nodeoverlayips/status');
      assert.ok(told.length >= 1 && told.length <= 20, `${told.length}`);
    }),
  );
});
