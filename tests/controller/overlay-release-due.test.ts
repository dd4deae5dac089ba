import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readLedger } from '../../src/controller/overlay/ledger.ts';
import { releaseDue } from '../../src/controller/overlay/release-due.ts';

const clock = { now: () => 5_000, date: () => new Date('2027-01-01T00:00:10.000Z') };

function due(...entries: readonly object[]): number {
  return releaseDue(readLedger(entries.map((entry, i) => ({ address: `10.0.0.${i}`, node: `n${i}`, ...entry }))), clock);
}

describe('when an address is to be given back next', () => {
  it('is the first time that is still to come', () => {
    assert.equal(due({ releaseAfter: '2027-01-01T00:00:30.000Z' }, { releaseAfter: '2027-01-01T00:00:12.000Z' }, {}), 7_000);
  });

  it('is never because of one that has been due before: it waits for something else', () => {
    assert.equal(due({ releaseAfter: '2027-01-01T00:00:01.000Z' }), Number.POSITIVE_INFINITY);
    assert.equal(due({ releaseAfter: '2027-01-01T00:00:01.000Z' }, { releaseAfter: '2027-01-01T00:00:12.000Z' }), 7_000);
  });

  it('is never because of one that is being given back, or whose time is none', () => {
    assert.equal(
      due({ releaseAfter: '2027-01-01T00:00:12.000Z', releasing: true }, { releaseAfter: 'soon' }, {}),
      Number.POSITIVE_INFINITY,
    );
  });
});
