import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Link, poolOf } from '../../src/core/facts.ts';
import { linkAddress } from '../../src/kernel/link-address.ts';
import { deviates } from '../../src/kernel/own-links.ts';

const PARENT: Link = {
  ...{ index: 3, name: 'eth1', up: true, carrier: true, loopback: false, mtu: 1500 },
  ...{ rpFilter: 0, arpIgnore: 0, arpAnnounce: 0, mac: '52:54:00:12:34:56' },
};
const OURS: Link = {
  ...{ ...PARENT, index: 4, name: 'tmp0', arpIgnore: 1, arpAnnounce: 2 },
  ...{ parent: 3, kind: 'macvlan', alias: 'fairlead:default', mac: '06:a0:aa:fb:bf:ae' },
};

test('what others may do to a device of ours without it being another one, and what not', () => {
  const { parent: _, ...orphan } = OURS;
  const { alias: __, ...unmarked } = OURS;
  for (const [now, other] of [
    [OURS, false],
    [{ ...OURS, carrier: false }, false],
    [{ ...OURS, mac: '02:00:00:00:00:01' }, true],
    [{ ...OURS, rpFilter: 1 }, false],
    [{ ...OURS, arpIgnore: 2 }, false],
    [{ ...OURS, up: false }, true],
    [{ ...OURS, mode: 'other' }, true],
    [{ ...OURS, mode: 'bridge' }, false],
    [{ ...OURS, name: 'port' }, true],
    [{ ...OURS, mtu: 1400 }, true],
    [{ ...OURS, arpIgnore: 0 }, true],
    [{ ...OURS, arpAnnounce: 1 }, true],
    [{ ...OURS, alias: 'fairlead:second' }, true],
    [unmarked, true],
    [orphan, true],
  ] as const) {
    assert.equal(deviates(OURS, now, PARENT), other, JSON.stringify(now));
  }
});

test('an MTU that sinks with that of the parent is the work of the kernel; one that rises is not', () => {
  const small = { ...OURS, mtu: 1400 };
  assert.equal(deviates(OURS, small, { ...PARENT, mtu: 1400 }), false);
  assert.equal(deviates(OURS, small, undefined), true);
  assert.equal(deviates(small, OURS, PARENT), true);
});

test('a device that is set up again, or is stricter again, is not another one', () => {
  assert.equal(deviates({ ...OURS, up: false, arpIgnore: 0, arpAnnounce: 0 }, OURS, PARENT), false);
  assert.equal(deviates({ ...OURS, arpIgnore: 2 }, OURS, PARENT), false);
});

test('only a macvlan with our mark is ours to set and to remove', () => {
  const pools = [OURS, PARENT, { ...OURS, kind: 'veth' }, { ...OURS, alias: 'mine' }].map(poolOf);
  assert.deepEqual(pools, ['default', undefined, undefined, undefined]);
});

test('a link-layer address is local, of one station, and the same for ever: neighbours know it', () => {
  assert.equal(linkAddress('52:54:00:12:34:56', 'tmp0'), '32:58:a4:7f:9a:57');
  const seen = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const mac = linkAddress(`52:54:00:12:34:${(i & 255).toString(16).padStart(2, '0')}`, `tmp${i}`);
    assert.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    seen.add(mac);
  }
  assert.equal(seen.size, 1000);
});
