import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Address } from '../../src/core/ip/address.ts';
import { reservedOf, whyReserved } from '../../src/ipam/reserved.ts';
import { address, prefix, range } from './builders.ts';
import { membersOf, smallRange } from './small-ranges.ts';

/** What is never given of a range, by its last number. */
function never(subnet: string, gateway: string, ...excluded: readonly string[]): Record<string, string> {
  const bounds = range(subnet, { gatewayText: gateway, excluded: excluded.map(prefix) });
  const all = membersOf(bounds.subnet).flatMap((each) => {
    const why = whyReserved(bounds, each);
    return why === undefined ? [] : [[each.text, why] as const];
  });
  return Object.fromEntries(all);
}

describe('reserved addresses', () => {
  it('are the gateway, the network address and the broadcast address of an IPv4 subnet', () => {
    assert.deepEqual(never('192.168.1.8/30', '192.168.1.9'), {
      '192.168.1.8': 'it is the network address of 192.168.1.8/30',
      '192.168.1.9': 'it is the gateway',
      '192.168.1.11': 'it is the broadcast address of 192.168.1.8/30',
    });
  });

  it('are the gateway alone in a /31 and a /127', () => {
    assert.deepEqual(never('192.168.1.8/31', '192.168.1.9'), { '192.168.1.9': 'it is the gateway' });
    assert.deepEqual(never('192.168.1.8/31', '192.168.1.8'), { '192.168.1.8': 'it is the gateway' });
    assert.deepEqual(never('fd00::8/127', 'fd00::8'), { 'fd00::8': 'it is the gateway' });
  });

  it('are all there is in a /32 and a /128', () => {
    assert.deepEqual(never('192.168.1.8/32', '192.168.1.8'), { '192.168.1.8': 'it is the gateway' });
    assert.deepEqual(never('fd00::8/128', 'fd00::8'), { 'fd00::8': 'it is the gateway' });
  });

  it('are the gateway and the subnet-router anycast address of an IPv6 subnet, and not its last address', () => {
    assert.deepEqual(never('fd00::8/126', 'fd00::9'), {
      'fd00::8': 'it is the subnet-router anycast address of fd00::8/126',
      'fd00::9': 'it is the gateway',
    });
  });

  it('are what is excluded, by the prefix that says so', () => {
    assert.deepEqual(never('10.0.0.0/29', '10.0.0.1', '10.0.0.2/31', '10.0.0.6/32'), {
      '10.0.0.0': 'it is the network address of 10.0.0.0/29',
      '10.0.0.1': 'it is the gateway',
      '10.0.0.2': 'it is excluded (10.0.0.2/31)',
      '10.0.0.3': 'it is excluded (10.0.0.2/31)',
      '10.0.0.6': 'it is excluded (10.0.0.6/32)',
      '10.0.0.7': 'it is the broadcast address of 10.0.0.0/29',
    });
  });

  it('are the same one by one and as a set', () => {
    fc.assert(
      fc.property(smallRange, (bounds) => {
        const set = reservedOf(bounds);
        for (const each of membersOf(bounds.subnet)) assert.equal(set.has(each), whyReserved(bounds, each) !== undefined, each.text);
        const outside = new Address(bounds.subnet.family, bounds.subnet.bits ^ (1n << 31n));
        assert.equal(set.has(outside), false);
      }),
    );
  });

  it('of a subnet do not reach beyond it, whatever is excluded', () => {
    const bounds = range('10.1.0.0/16', { excluded: [prefix('10.0.0.0/8')] });
    assert.deepEqual(reservedOf(bounds).prefixes.map(String), ['10.1.0.0/16']);
    assert.equal(reservedOf(bounds).has(address('10.2.0.0')), false);
  });
});
