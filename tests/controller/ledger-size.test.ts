import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Entry, writtenLedger } from '../../src/controller/overlay/ledger.ts';
import { bytesOf, MOST_BYTES } from '../../src/controller/overlay/ledger-size.ts';
import { Address } from '../../src/core/ip/address.ts';
import { overlayScenario as scenario } from './overlay-stage.ts';

describe('the size of a ledger', () => {
  it('is what it is written as, when everything of it is being given back', () => {
    const time = '2027-01-01T00:00:00.000Z';
    const entry: Entry = { address: Address.parse('10.0.0.7'), node: 'node-7', since: time };
    const leaving: Entry = { ...entry, releaseAfter: time, releasing: true, record: '1234567890' };
    const [written] = writtenLedger(new Map([['10.0.0.7', leaving]]));
    const length = JSON.stringify(written).length + 1;
    assert.deepEqual([bytesOf(entry), bytesOf(leaving)], [length, length]);
  });

  it(
    'has an end, and the pool says so to the nodes that wait',
    scenario(1, async (stage) => {
      stage.start();
      stage.putPool('default', { ranges: [{ subnet: '10.200.0.0/16', gateway: '10.200.0.1' }] });
      await stage.advance(5_000);
      const name = 'x'.repeat(60);
      const bulk = Array.from({ length: 8_000 }, (_, i): Entry => {
        const address = Address.parse(`10.200.${100 + Math.floor(i / 250)}.${i % 250}`);
        return { address, node: `${name}${i}`, since: stage.date(), releaseAfter: '2028-01-01T00:00:00.000Z' };
      });
      assert.ok(bulk.reduce((sum, entry) => sum + bytesOf(entry), 0) > MOST_BYTES);
      stage.putLedger(bulk);
      stage.join('late');
      await stage.advance(30_000);
      assert.equal(stage.state('n1'), '10.200.0.2 Granted InPlace');
      assert.equal(stage.state('late'), 'none');
      assert.match(stage.message('default', 'ready'), /^False LedgerFull: 1 node has no address \(late\): .*8001 entries/);
    }),
  );
});
