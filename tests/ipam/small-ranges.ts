import fc from 'fast-check';
import { Address, type Family, WIDTH } from '../../src/core/ip/address.ts';
import { lastBits, Prefix } from '../../src/core/ip/prefix.ts';
import type { IpamRecord, Range } from '../../src/ipam/provider.ts';

/** Ranges small enough to look at each address, for holding what is clever against what is simple. */

const START: Readonly<Record<Family, Address>> = { 4: Address.parse('10.7.0.0'), 6: Address.parse('fd00:7::') };
const NODES = ['node-1', 'node-2', 'node-3', undefined, undefined];

export function membersOf(prefix: Prefix): Address[] {
  const members: Address[] = [];
  for (let bits = prefix.bits; bits <= lastBits(prefix); bits++) members.push(new Address(prefix.family, bits));
  return members;
}

/** At most 64 addresses, down to one; the subnets that `place` numbers do not overlap. */
export function subnetAt(family: Family, place: number, hostBits: number): Prefix {
  return Prefix.fromBits(family, START[family].bits + BigInt(place * 64), WIDTH[family] - hostBits);
}

function rangeIn(subnet: Prefix): fc.Arbitrary<Range> {
  const members = membersOf(subnet);
  const member = fc.constantFrom(...members);
  const excluded = fc.array(
    fc
      .tuple(member, fc.nat(3))
      .map(([inside, bits]) => Prefix.of(inside, WIDTH[subnet.family] - Math.min(bits, WIDTH[subnet.family] - subnet.length))),
    { maxLength: 4 },
  );
  const record = fc
    .tuple(member, fc.constantFrom(...NODES))
    .map(([{ text }, node]): [string, IpamRecord] => [text, { record: '1', node, holder: 'x' }]);
  return fc.record({
    zone: fc.constantFrom('a', 'b', undefined),
    subnet: fc.constant(subnet),
    gateway: member,
    excluded,
    closed: fc.constantFrom(false, false, false, true),
    records: fc.array(record, { maxLength: 8 }).map((entries) => new Map(entries)),
  });
}

export const smallRange: fc.Arbitrary<Range> = fc
  .tuple(fc.constantFrom<Family>(4, 6), fc.nat(6))
  .chain(([family, hostBits]) => rangeIn(subnetAt(family, 0, hostBits)));

/** Up to five that do not overlap. */
export const smallRanges: fc.Arbitrary<readonly Range[]> = fc
  .array(fc.tuple(fc.constantFrom<Family>(4, 6), fc.nat(4)), { maxLength: 5 })
  .chain((shapes) => fc.tuple(...shapes.map(([family, hostBits], place) => rangeIn(subnetAt(family, place, hostBits)))));
