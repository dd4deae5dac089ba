import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type OverlayStage, overlayScenario as scenario } from './overlay-stage.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

/** Nobody else has been given what is still on the device of n1. */
function assertKept(stage: OverlayStage): void {
  const used = stage.overlay.on('n1');
  if (used !== '') assert.ok(stage.ledger().some((line) => line.startsWith(`${used} n1`)));
}

async function given(stage: OverlayStage, delay: string): Promise<void> {
  stage.start();
  stage.putPool('default', { reclaim: { delay } });
  await stage.advance(5 * SECOND);
  assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2']);
}

describe('the address of a Node that somebody has deleted', () => {
  it(
    'is given back when the agent that runs on has taken it off, however long that takes',
    scenario(2, async (stage) => {
      await given(stage, '0s');
      stage.overlay.delay = () => 10 * SECOND;
      stage.forgetNode('n1');
      await stage.advance(9 * SECOND, () => assertKept(stage));
      assert.equal(stage.overlay.on('n1'), '192.168.100.2');
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing', '192.168.100.3 n2']);
      await stage.advance(12 * SECOND, () => assertKept(stage));
      assert.equal(stage.overlay.on('n1'), '');
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
    }),
  );

  it(
    'is kept from others while its agent is heard and does not say that it is off, though its report is deleted again and again',
    scenario(2, async (stage) => {
      await given(stage, '0s');
      stage.overlay.silent.add('n1');
      stage.forgetNode('n1');
      stage.agents.get('n1')?.look();
      await stage.advance(MINUTE);
      const words = 'nobody else gets 192.168.100.2 of node n1 before its agent says that it is out of use';
      await stage.advance(20 * MINUTE, () => {
        assertKept(stage);
        assert.equal(stage.message(), `True AgentSilent: ${words}: Node n1 was deleted, and its agent runs on: end it there`);
      });
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing', '192.168.100.3 n2']);
      stage.overlay.begin('n1');
      await stage.advance(10 * SECOND);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
    }),
  );

  it(
    'is kept from others when its agent, asked for it before, cannot take it off',
    scenario(2, async (stage) => {
      await given(stage, '0s');
      stage.overlay.silent.add('n1');
      stage.drop('n1');
      await stage.advance(SECOND);
      stage.say('n1', { status: 'True', reason: 'Removing', message: 'node n1 has it from somebody else' });
      await stage.advance(MINUTE);
      stage.forgetNode('n1');
      stage.agents.get('n1')?.look();
      await stage.advance(3 * MINUTE, () => assertKept(stage));
      assert.equal(
        stage.message(),
        'True ReleaseFailed: 192.168.100.2 of node n1 cannot be given back yet: node n1 has it from somebody else',
      );
      stage.switchOff('n1');
      await stage.advance(6 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
    }),
  );

  it(
    'is given back when such an agent falls silent as well',
    scenario(2, async (stage) => {
      await given(stage, '0s');
      stage.overlay.silent.add('n1');
      stage.forgetNode('n1');
      stage.agents.get('n1')?.look();
      await stage.advance(5 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing', '192.168.100.3 n2']);
      const agent = stage.agents.get('n1') ?? assert.fail();
      agent.removed = true;
      stage.overlay.vanish('n1');
      await stage.advance(4 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
    }),
  );

  it(
    'is given back after fifteen seconds when the machine is no more, also by a controller that knows only its report',
    scenario(2, async (stage) => {
      const first = stage.start('a');
      stage.putPool('default', { reclaim: { delay: '0s' } });
      await stage.advance(5 * SECOND);
      stage.removeNode('n1');
      await stage.advance(5 * SECOND);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1 releasing', '192.168.100.3 n2']);
      await first.controller.close();
      stage.start('b');
      await stage.advance(18 * SECOND);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
      assert.equal(stage.state('n1'), 'none');
    }),
  );

  it(
    'is given back at once when the machine has been gone for as long as the pool waits',
    scenario(2, async (stage) => {
      await given(stage, '2m');
      stage.removeNode('n1');
      await stage.advance(2 * MINUTE + SECOND);
      assert.deepEqual(stage.ledger(), ['192.168.100.3 n2']);
    }),
  );

  it(
    'is its own again when the Node comes back while its agent has not answered',
    scenario(2, async (stage) => {
      await given(stage, '1m');
      stage.forgetNode('n1');
      await stage.advance(30 * SECOND);
      stage.join('n1');
      await stage.advance(5 * MINUTE);
      assert.deepEqual(stage.ledger(), ['192.168.100.2 n1', '192.168.100.3 n2']);
      assert.equal(stage.state('n1'), '192.168.100.2 Granted InPlace');
    }),
  );
});
