import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Address, type Family, InvalidAddress, WIDTH } from '../../src/core/ip/address.ts';
import { hullsOf } from '../../src/core/ip/hull.ts';
import { comparePrefixes, Prefix } from '../../src/core/ip/prefix.ts';
import { PrefixMap } from '../../src/core/ip/prefix-map.ts';
import { PrefixSet } from '../../src/core/ip/prefix-set.ts';

const family = fc.constantFrom<Family>(4, 6);
const address = family.chain((f) => fc.bigInt({ min: 0n, max: (1n << BigInt(WIDTH[f])) - 1n }).map((bits) => new Address(f, bits)));
const plain = address.filter((a) => !(a.family === 6 && a.bits >> 32n === 0xffffn));
/** Close together, so that overlaps and merges really occur. */
const close = fc
  .tuple(family, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 8 }))
  .map(([f, low, host]) => Prefix.of(new Address(f, BigInt(low)), WIDTH[f] - host));
const closeSet = fc.array(close, { maxLength: 12 }).map((members) => PrefixSet.of(members));

/** The low 256 addresses of both families, as plain membership: the model that prefix sets are held against. */
function membersOf(set: PrefixSet): Set<string> {
  const all = ([4, 6] as const).flatMap((f) => Array.from({ length: 256 }, (_, i) => new Address(f, BigInt(i))));
  return new Set(all.filter((a) => set.has(a)).map(String));
}

function accepts(text: string): boolean {
  try {
    Address.parse(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof InvalidAddress);
    return false;
  }
}

describe('Address', () => {
  it('parses what it formats', () => {
    fc.assert(fc.property(plain, (a) => assert.ok(Address.parse(a.text).equals(a))));
  });

  it('writes IPv6 as RFC 5952 does', () => {
    const cases = {
      '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
      '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '::': '::',
      '1::': '1::',
      '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    };
    for (const [text, canonical] of Object.entries(cases)) assert.equal(Address.parse(text).text, canonical);
  });

  it('refuses what is not an address', () => {
    const bad = [
      '',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '01.2.3.4',
      '1..2.3',
      ' 1.2.3.4',
      '1.2.3.4 ',
      ':',
      ':::',
      '1::2::3',
      '12345::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      'g::',
      '::1.2.3',
      'localhost',
      '1.2.3.4/8',
    ];
    for (const text of bad) assert.throws(() => Address.parse(text), InvalidAddress, text);
  });

  it('accepts exactly what Node does, but for zones and IPv4-mapped IPv6', () => {
    const piece = fc.constantFrom('', ':', '::', '.', '0', '1', '9', '25', '256', 'a', 'F', '00', 'ffff', '12345', '1.2.3.4', '1:2:3', 'g');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
        (text) => {
          const accepted = accepts(text);
          if (!/^(::|0*:)+ffff:/i.test(text)) assert.equal(accepted, isIP(text) !== 0, text);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('refuses IPv4-mapped IPv6 and says what to write', () => {
    assert.throws(() => Address.parse('::ffff:10.0.0.1'), { message: '"::ffff:10.0.0.1" is an IPv4-mapped IPv6 address: write 10.0.0.1' });
  });
});

describe('Prefix', () => {
  it('parses what it formats', () => {
    fc.assert(
      fc.property(plain, fc.nat(128), (a, n) => {
        const prefix = Prefix.of(a, n % (WIDTH[a.family] + 1));
        if (prefix.family === 6 && prefix.bits >> 32n === 0xffffn) return;
        const parsed = Prefix.parse(prefix.text);
        assert.deepEqual([parsed.bits, parsed.length, parsed.text], [prefix.bits, prefix.length, prefix.text]);
      }),
    );
  });

  it('names the corrected prefix', () => {
    const cases = {
      '192.168.50.7/24': '"192.168.50.7/24" has host bits set: write 192.168.50.0/24',
      '2001:db8::1/64': '"2001:db8::1/64" has host bits set: write 2001:db8::/64',
      '10.1.2.3': '"10.1.2.3" has no prefix length: write 10.1.2.3/32',
      '::ffff:10.1.0.0/112': '"::ffff:10.1.0.0/112" is an IPv4-mapped IPv6 prefix: write 10.1.0.0/16',
      '10.0.0.0/33': '"10.0.0.0/33" has no prefix length between 0 and 32',
      '10.0.0.0/08': '"10.0.0.0/08" has no prefix length between 0 and 32',
      office: '"office" is not an IPv4 prefix: write it as 10.1.0.0/16',
    };
    for (const [text, message] of Object.entries(cases)) assert.throws(() => Prefix.parse(text), { name: 'InvalidAddress', message });
  });

  it('contains exactly the addresses between first and last', () => {
    fc.assert(
      fc.property(close, fc.bigInt({ min: 0n, max: 300n }), (prefix, bits) => {
        const expected = bits >= prefix.first.bits && bits <= prefix.last.bits;
        assert.equal(prefix.has(new Address(prefix.family, bits)), expected);
      }),
    );
  });

  it('sorts a prefix just before what it contains', () => {
    fc.assert(
      fc.property(fc.array(close), (prefixes) => {
        const sorted = prefixes.toSorted(comparePrefixes);
        for (const [i, outer] of sorted.entries()) {
          for (const inner of sorted.slice(0, i))
            assert.ok(!outer.contains(inner) || outer.text === inner.text, `${inner} sorts before ${outer}`);
        }
      }),
    );
  });
});

describe('PrefixSet', () => {
  it('is the fewest disjoint prefixes with the same members', () => {
    fc.assert(
      fc.property(fc.array(close, { maxLength: 12 }), (prefixes) => {
        const set = PrefixSet.of(prefixes);
        for (const [i, a] of set.prefixes.entries()) for (const b of set.prefixes.slice(i + 1)) assert.ok(!a.overlaps(b));
        for (const a of prefixes) assert.ok(set.overlapping(a).some((member) => member.contains(a)));
        assert.deepEqual(PrefixSet.of(set.prefixes).prefixes, set.prefixes);
      }),
    );
  });

  it('unites, subtracts and intersects as sets of addresses do', () => {
    fc.assert(
      fc.property(closeSet, closeSet, (a, b) => {
        const [inA, inB] = [membersOf(a), membersOf(b)];
        assert.deepEqual(membersOf(a.union(b)), inA.union(inB));
        assert.deepEqual(membersOf(a.subtract(b)), inA.difference(inB));
        assert.deepEqual(membersOf(a.intersect(b)), inA.intersection(inB));
      }),
      { numRuns: 60 },
    );
  });

  it('finds what overlaps as a plain search does', () => {
    fc.assert(
      fc.property(closeSet, close, (set, prefix) => {
        assert.deepEqual(
          set.overlapping(prefix),
          set.prefixes.filter((member) => member.overlaps(prefix)),
        );
      }),
    );
  });
});

describe('PrefixMap', () => {
  it('matches the longest prefix, as a plain search does', () => {
    fc.assert(
      fc.property(fc.array(close), fc.bigInt({ min: 0n, max: 300n }), family, (prefixes, bits, f) => {
        const table = new PrefixMap<Prefix>();
        for (const prefix of prefixes) table.set(prefix, prefix);
        const destination = new Address(f, bits);
        const expected = prefixes.filter((prefix) => prefix.has(destination)).toSorted((a, b) => b.length - a.length)[0];
        assert.equal(table.longest(destination)?.text, expected?.text);
      }),
    );
  });
});

describe('hulls', () => {
  it('contain their members, one per family, and no half of them does', () => {
    fc.assert(
      fc.property(fc.array(close, { minLength: 1 }), (prefixes) => {
        const members = prefixes.map((prefix) => ({ prefix }));
        const hulls = hullsOf(members);
        assert.deepEqual(new Set(hulls.map((hull) => hull.family)), new Set(prefixes.map((prefix) => prefix.family)));
        for (const { prefix } of members) assert.ok(hulls.some((hull) => hull.contains(prefix)));
        for (const hull of hulls.filter(({ length }) => length < 32)) {
          const own = prefixes.filter((prefix) => prefix.family === hull.family);
          for (const half of hull.split()) assert.ok(!own.every((prefix) => half.contains(prefix)));
        }
      }),
    );
  });
});
