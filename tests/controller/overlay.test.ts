import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlayScenario as scenario } from './overlay-stage.ts';

describe('overlay addresses', () => {
  it(
    'are given to every selected node, and put in place',
    scenario(3, async (stage) => {
      const process = stage.start();
      stage.putPool();
      await stage.advance(5_000);
      assert.deepEqual(
        process.log.filter((line) => !line.startsWith('leader')),
        [],
      );
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2', '192.168.100.4 n3']);
      assert.equal(stage.state('n2'), '192.168.100.3 Granted InPlace');
      assert.equal(stage.overlay.on('n3'), '192.168.100.4');
      assert.equal(stage.poolState(), 'True AllNodesServed 253/3/250');
      assert.equal(stage.message(), 'False NoProblem: nothing is wrong');
    }),
  );
});
