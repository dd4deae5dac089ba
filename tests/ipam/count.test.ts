import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { allocate } from '../../src/ipam/allocate.ts';
import { countRanges } from '../../src/ipam/count.ts';
import type { Range } from '../../src/ipam/provider.ts';
import { whyReserved } from '../../src/ipam/reserved.ts';
import { prefix, range, records } from './builders.ts';
import { membersOf, smallRange, smallRanges } from './small-ranges.ts';

/** The same by looking at each address. */
function counted(each: Range, held: ReadonlySet<string>): object {
  const usable = membersOf(each.subnet).filter((address) => whyReserved(each, address) === undefined);
  const theirs = usable.filter(({ text }) => !held.has(text) && each.records.has(text) && each.records.get(text)?.node === undefined);
  const ours = usable.filter(({ text }) => held.has(text) || each.records.get(text)?.node !== undefined);
  const capacity = each.closed ? ours.length : usable.length - theirs.length;
  return { capacity, allocated: membersOf(each.subnet).filter(({ text }) => held.has(text)).length, free: capacity - ours.length };
}

describe('countRanges', () => {
  it('counts what nodes have, can have and can still get', () => {
    const recorded = records({ '10.0.0.2': 'n1', '10.0.0.3': undefined, '10.0.0.4': 'orphan', '10.0.0.1': undefined });
    const ranges = [
      range('10.0.0.0/28', { excluded: [prefix('10.0.0.12/30')], records: recorded }),
      range('fd00::/127', { gatewayText: 'fd00::1' }),
    ];
    assert.deepEqual(countRanges(ranges, new Set(['10.0.0.2', '10.0.0.13', 'fd00::'])), [
      { capacity: 9, allocated: 2, free: 7 },
      { capacity: 1, allocated: 1, free: 0 },
    ]);
  });

  it('has nothing free in a range that is marked as full', () => {
    assert.deepEqual(countRanges([range('10.0.0.0/24', { closed: true })], new Set(['10.0.0.2'])), [
      { capacity: 1, allocated: 1, free: 0 },
    ]);
  });

  it('counts a subnet that two zones share for both', () => {
    const ranges = [range('10.0.0.0/29', { zone: 'a' }), range('10.0.0.0/29', { zone: 'b' })];
    const same = { capacity: 5, allocated: 1, free: 4 };
    assert.deepEqual(countRanges(ranges, new Set(['10.0.0.2'])), [same, same]);
  });

  it('is not at a loss for large numbers', () => {
    const ranges = [range('10.0.0.0/8'), range('fd00::/64'), range('fd01::/76')];
    assert.deepEqual(
      countRanges(ranges, new Set(['fd01::9'])).map(({ free }) => free),
      [2 ** 24 - 3, Number.MAX_SAFE_INTEGER, 2 ** 52 - 3],
    );
  });

  it('agrees with looking at each address', () => {
    fc.assert(
      fc.property(smallRanges, fc.array(fc.tuple(fc.nat(4), fc.nat(15))), (ranges, picks) => {
        const held = new Set(
          picks.flatMap(([which, index]) => membersOf(ranges[which]?.subnet ?? prefix('192.0.2.0/28'))[index]?.text ?? []),
        );
        assert.deepEqual(
          countRanges(ranges, held),
          ranges.map((each) => counted(each, held)),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with what can be allocated, also beside what is kept for others', () => {
    fc.assert(
      fc.property(smallRange, fc.array(fc.nat(15)), (only, picks) => {
        const strangers = Array.from({ length: 70 }, (_, i) => ({ node: `x${i}`, zone: only.zone }));
        const kept = new Set(picks.flatMap((index) => membersOf(only.subnet)[index]?.text ?? []));
        const given = allocate(strangers, [only], kept).filter(({ outcome }) => outcome === 'allocated');
        assert.equal(countRanges([only], new Set(), kept)[0]?.free, given.length);
      }),
      { numRuns: 500 },
    );
  });
});
