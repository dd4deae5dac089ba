import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Address } from '../../src/core/ip/address.ts';
import { type OverlayStage, overlayScenario as scenario } from './overlay-stage.ts';

const OWN = { subnet: '192.168.100.0/24', gateway: '192.168.100.1' } as const;
const OTHER = { subnet: '192.168.101.0/24', gateway: '192.168.101.1' } as const;
const YOUNGER = { ranges: [OTHER], nodeSelector: { matchLabels: { of: 'younger' } } } as const;
const selecting = (range: typeof OWN | typeof OTHER) => ({ ranges: [range], nodeSelector: { matchLabels: { of: 'older' } } });

describe('two OverlayPools', () => {
  for (const { fate, before, after } of [
    { fate: 'is under way', before: 4_000, after: 0 },
    { fate: 'has been answered to nobody', before: 0, after: 4_000 },
  ]) {
    it(
      `never give one address, though one gets the range of the other while the write of the other ${fate}`,
      scenario(0, async (stage) => {
        const process = stage.start();
        stage.putPool('older', selecting(OWN));
        await stage.advance(1_000);
        stage.putPool('younger', YOUNGER);
        await stage.advance(5_000);
        const late = (milliseconds: number) => (call: { readonly resource: string; readonly name?: string }) =>
          call.resource === 'overlaypools/status' && call.name === 'younger' ? pause(stage, milliseconds) : undefined;
        process.api.before = late(before);
        process.api.after = late(after);
        // What the watch shows is old as well.
        if (after > 0) process.api.lag = (resource) => (resource === 'overlaypools' ? pause(stage, 50) : undefined);
        stage.join('n1', { of: 'younger' });
        await stage.advance(20);
        stage.putPool('older', selecting(OTHER));
        stage.join('n2', { of: 'older' });
        await stage.advance(30_000);
        assert.equal(stage.state('n1', 'younger'), '192.168.101.2 Granted InPlace');
        assert.equal(stage.state('n2', 'older'), '192.168.101.3 Granted InPlace');
      }),
    );
  }

  it(
    'that have one address all the same both say so',
    scenario(0, async (stage) => {
      stage.start();
      stage.putPool('older', selecting(OWN));
      await stage.advance(1_000);
      stage.putPool('younger', YOUNGER);
      stage.join('n1', { of: 'younger' });
      stage.join('n2', { of: 'older' });
      await stage.advance(5_000);
      assert.match(stage.message('older'), /^False NoProblem/);
      stage.putLedger([{ address: Address.parse('192.168.101.2'), node: 'gone', since: '' }], 'older');
      await stage.advance(5_000);
      assert.match(
        stage.message('younger'),
        /^True AddressTaken: 192.168.101.2 of node n1 is one of OverlayPool older as well: delete the NodeOverlayIP of one of the two \(here NODE.younger\)/,
      );
      assert.match(stage.message('older'), /192.168.101.2 of node gone is one of OverlayPool younger as well/);
    }),
  );
});

function pause(stage: OverlayStage, milliseconds: number): Promise<void> {
  return new Promise((resolve) => stage.after(milliseconds, resolve));
}
