import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FAMILIES } from '../../src/core/ip/address.ts';
import { type Allocation, allocate, type Wish } from '../../src/ipam/allocate.ts';
import type { Range, UnusableRange } from '../../src/ipam/provider.ts';
import { whyReserved } from '../../src/ipam/reserved.ts';
import { prefix, range, records } from './builders.ts';
import { membersOf, smallRange, smallRanges } from './small-ranges.ts';

const NONE: ReadonlySet<string> = new Set();

function wishes(count: number, zone?: string): Wish[] {
  return Array.from({ length: count }, (_, i) => ({ node: `n${i + 1}`, zone }));
}

/** `n1 192.168.1.2`, `n2 PoolExhausted`. */
function told(allocations: readonly Allocation[]): string[] {
  return allocations.map((each) =>
    each.outcome === 'waiting' ? `${each.node} ${each.reason}` : `${each.node} ${each.addresses.map(({ address }) => address).join(' ')}`,
  );
}

function messageOf(allocation: Allocation | undefined): string {
  assert.ok(allocation?.outcome === 'waiting');
  return allocation.message;
}

describe('allocate', () => {
  it('gives the lowest free addresses, node after node', () => {
    const ranges = [range('192.168.1.0/29', { records: records({ '192.168.1.3': undefined }) })];
    const given = allocate(wishes(5), ranges, new Set(['192.168.1.2']));
    assert.deepEqual(told(given), ['n1 192.168.1.4', 'n2 192.168.1.5', 'n3 192.168.1.6', 'n4 PoolExhausted', 'n5 PoolExhausted']);
    assert.equal(
      messageOf(given[3]),
      'no free IPv4 address for nodes without a zone: 192.168.1.0/29 has no free address left: add a range, or free addresses',
    );
  });

  it('goes on to the next range of the zone when one is full', () => {
    const ranges = [range('10.0.0.0/30', { zone: 'a' }), range('10.9.0.0/24', { zone: 'b' }), range('10.0.1.0/30', { zone: 'a' })];
    const given = allocate(wishes(3, 'a'), ranges, NONE);
    assert.deepEqual(told(given), ['n1 10.0.0.2', 'n2 10.0.1.2', 'n3 PoolExhausted']);
    assert.equal(
      messageOf(given[2]),
      'no free IPv4 address for zone a: 10.0.0.0/30 and 10.0.1.0/30 have no free address left: add a range, or free addresses',
    );
  });

  it('gives an address of each family that the zone has ranges for, or none at all', () => {
    const ranges = [range('10.0.0.0/29'), range('fd00::/126')];
    const given = allocate(wishes(3), ranges, NONE);
    assert.deepEqual(told(given), ['n1 10.0.0.2 fd00::2', 'n2 10.0.0.3 fd00::3', 'n3 PoolExhausted']);
    assert.match(messageOf(given[2]), /^no free IPv6 address/);
    const [later] = allocate([{ node: 'v4', zone: undefined, families: [4] }], ranges, new Set(['10.0.0.2', '10.0.0.3']));
    assert.deepEqual(told(later ? [later] : []), ['v4 10.0.0.4'], 'n3 has not taken the IPv4 address with it');
  });

  it('gives a node only the family that it lacks', () => {
    const ranges = [range('10.0.0.0/29'), range('fd00::/64')];
    assert.deepEqual(told(allocate([{ node: 'n1', zone: undefined, families: [6] }], ranges, NONE)), ['n1 fd00::2']);
  });

  it('serves a zone from its own ranges, and from those of every zone where it has none of that family', () => {
    const ranges = [range('10.0.0.0/24', { zone: 'a' }), range('10.1.0.0/24'), range('fd00::/64')];
    const given = allocate([...wishes(1, 'a'), { node: 'b', zone: 'b' }, { node: 'nowhere', zone: undefined }], ranges, NONE);
    assert.deepEqual(told(given), ['n1 10.0.0.2 fd00::2', 'b 10.1.0.2 fd00::3', 'nowhere 10.1.0.3 fd00::4']);
  });

  it('says which label or range is missing', () => {
    const ranges = [range('10.0.0.0/24', { zone: 'b' }), range('10.1.0.0/24', { zone: 'a' })];
    const [nowhere, other] = allocate(
      [
        { node: 'x', zone: undefined },
        { node: 'y', zone: 'c' },
      ],
      ranges,
      NONE,
    );
    assert.equal(
      messageOf(nowhere),
      'there is no label topology.kubernetes.io/zone, and the pool has ranges for the zones a and b alone: label every node, or add a range for every zone',
    );
    assert.equal(
      messageOf(other),
      'no range serves zone c; the pool has ranges for the zones a and b alone: add one for this zone, or one for every zone',
    );
    assert.deepEqual(told([nowhere, other].flatMap((each) => each ?? [])), ['x NoZone', 'y NoRangeForZone']);
    assert.match(messageOf(allocate(wishes(1), [], NONE)[0]), /the pool has no range that can be used/);
  });

  it('names no more than five ranges', () => {
    const ranges = Array.from({ length: 8 }, (_, i) => range(`10.0.${i}.0/32`, { zone: 'a', gatewayText: `10.0.${i}.0` }));
    assert.match(messageOf(allocate(wishes(1, 'a'), ranges, NONE)[0]), /10\.0\.3\.0\/32, 10\.0\.4\.0\/32 and 3 more have no free/);
  });

  it('gives nothing more from a range that is marked as full', () => {
    const ranges = [range('10.0.0.0/24', { closed: true }), range('10.0.1.0/30')];
    const given = allocate(wishes(2), ranges, NONE);
    assert.deepEqual(told(given), ['n1 10.0.1.2', 'n2 PoolExhausted']);
    assert.match(messageOf(given[1]), /10\.0\.0\.0\/24 \(marked as full\) and 10\.0\.1\.0\/30/);
  });

  it('lets a node whose only range cannot be used wait, instead of sending it elsewhere', () => {
    const ranges = [range('10.1.0.0/24')];
    const broken: readonly UnusableRange[] = [{ zone: 'a', family: 4 }];
    const given = allocate([...wishes(1, 'a'), { node: 'b', zone: 'b' }], ranges, NONE, broken);
    assert.deepEqual(told(given), ['n1 RangeUnusable', 'b 10.1.0.2']);
    assert.equal(messageOf(given[0]), 'a range for zone a cannot be used: mend what the OverlayPool says about it');
  });

  it('lets a broken range hold up nobody who has another one', () => {
    const ranges = [range('10.0.0.0/24', { zone: 'a' }), range('fd00::/64')];
    assert.deepEqual(told(allocate(wishes(1, 'a'), ranges, NONE, [{ zone: 'a', family: 4 }])), ['n1 10.0.0.2 fd00::2']);
    const unknown = [{ zone: 'a', family: undefined }];
    assert.deepEqual(told(allocate(wishes(1, 'a'), ranges, NONE, unknown)), ['n1 10.0.0.2'], 'it may be the IPv6 range of the zone');
    assert.deepEqual(told(allocate(wishes(1, 'b'), ranges, NONE, unknown)), ['n1 fd00::2']);
    assert.deepEqual(told(allocate(wishes(1, 'c'), [], NONE, [{ zone: undefined, family: undefined }])), ['n1 RangeUnusable']);
  });

  it('takes up what is already recorded for a node', () => {
    const recorded = records({ '10.0.0.9': 'n2', '10.0.0.7': 'n2', '10.0.0.1': 'n1', '10.0.0.8': 'n3' });
    const given = allocate(wishes(3), [range('10.0.0.0/28', { records: recorded })], new Set(['10.0.0.8']));
    assert.deepEqual(told(given), ['n1 10.0.0.2', 'n2 10.0.0.7', 'n3 10.0.0.3'], 'not the gateway, the lowest, and none that is held');
  });

  it('gives no address twice where two zones share a subnet', () => {
    const ranges = [range('10.0.0.0/29', { zone: 'a' }), range('10.0.0.0/29', { zone: 'b' })];
    const given = allocate([...wishes(2, 'a'), { node: 'b', zone: 'b' }], ranges, NONE);
    assert.deepEqual(told(given), ['n1 10.0.0.2', 'n2 10.0.0.3', 'b 10.0.0.4']);
  });

  it('finds addresses in a /8 and a /64 without looking at each', () => {
    const half = range('10.0.0.0/8', { excluded: [prefix('10.0.0.0/9'), prefix('10.128.0.0/10'), prefix('10.255.255.254/32')] });
    const wide = range('fd00::/64', { excluded: [prefix('fd00::/65')] });
    const given = allocate(wishes(2), [half, wide], NONE);
    assert.deepEqual(told(given), ['n1 10.192.0.0 fd00::8000:0:0:0', 'n2 10.192.0.1 fd00::8000:0:0:1']);
    const held = new Set(Array.from({ length: 20_000 }, (_, i) => `10.${192 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`));
    const many = allocate(wishes(10_000), [half], held);
    assert.equal(told(many).at(-1), 'n10000 10.192.117.47');
  });

  it('gives no address that is reserved, recorded, held or given before, and each that is not', () => {
    fc.assert(
      fc.property(smallRange, fc.array(fc.nat(63)), (only, indexes) => {
        const members = membersOf(only.subnet);
        const held = new Set(indexes.flatMap((index) => members[index]?.text ?? []));
        const given = allocate(wishes(70, only.zone), [only], held).flatMap((each) => (each.outcome === 'allocated' ? each.addresses : []));
        const free = members.filter(
          (each) => !only.closed && whyReserved(only, each) === undefined && !held.has(each.text) && !only.records.has(each.text),
        );
        assert.deepEqual(
          given.map(({ address }) => address.text),
          free.map(String),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('keeps its promises whatever the ranges, records and zones are', () => {
    const wish = fc.record({
      node: fc.constantFrom('node-1', 'node-2', 'node-3', 'x', 'y'),
      zone: fc.constantFrom('a', 'b', 'c', undefined),
    });
    const many = fc.uniqueArray(wish, { maxLength: 5, selector: ({ node }) => node });
    const broken = fc.array(
      fc.record({ zone: fc.constantFrom('a', undefined), family: fc.constantFrom(4 as const, 6 as const, undefined) }),
      { maxLength: 1 },
    );
    fc.assert(
      fc.property(smallRanges, many, broken, (ranges, wanted, unusable) => {
        const allocations = allocate(wanted, ranges, NONE, unusable);
        assert.deepEqual(allocate(wanted, ranges, NONE, unusable), allocations);
        assert.deepEqual(
          allocations.map(({ node }) => node),
          wanted.map(({ node }) => node),
        );
        const texts = allocations.flatMap((each) =>
          each.outcome === 'allocated' ? each.addresses.map(({ address }) => address.text) : [],
        );
        assert.equal(new Set(texts).size, texts.length, 'one address for two nodes');
        for (const [i, each] of allocations.entries()) checkAllocation(each, wanted[i]?.zone, ranges);
      }),
      { numRuns: 500 },
    );
  });
});

function checkAllocation(allocation: Allocation, zone: string | undefined, ranges: readonly Range[]): void {
  if (allocation.outcome === 'waiting') return;
  const families = allocation.addresses.map(({ address }) => address.family);
  const served = FAMILIES.filter((family) => ranges.some((each) => each.subnet.family === family && each.zone === zone));
  assert.deepEqual([...new Set(families)], families, 'at most one of each family');
  for (const family of served) assert.ok(families.includes(family), 'a family of the own zone is missing');
  for (const { address, range: from } of allocation.addresses) {
    assert.ok(from.subnet.has(address) && whyReserved(from, address) === undefined);
    assert.ok(from.zone === zone || (from.zone === undefined && !served.includes(address.family)), 'from the range of another zone');
    const recorded = from.records.get(address.text);
    assert.ok(recorded === undefined || recorded.node === allocation.node, 'recorded for somebody else');
  }
}
