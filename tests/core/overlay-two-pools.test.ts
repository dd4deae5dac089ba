import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identity, link } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, planText, pool, TMP0, world } from './overlay-builders.ts';

const TMP1 = link(10, 'tmp1', { parent: 3, kind: 'macvlan', alias: 'fairlead:late', arpIgnore: 1, arpAnnounce: 2 });
const LATE = { ref: { kind: 'NodeOverlayIP', name: 'n1.late' }, created: '2026-01-02' };
const probed = new Map([...CLEAR, ['tmp1 192.168.100.5', undefined], ['eth1 192.168.100.5', undefined]]);
const plan = (
  at = world([TMP0, TMP1]),
  late = ['192.168.100.5/24'],
  change = {},
  answers: ReadonlyMap<string, string | undefined> = probed,
): string => {
  const younger = overlayIP(late, { pool: 'late', meta: LATE });
  const overlayPools = [pool('default', change), pool('late', { name: 'tmp1', ...change })];
  return planText({ ...EVERYTHING, overlayPools, nodeOverlayIPs: [younger, overlayIP()] }, at, identity({ probed: answers }));
};
const OLDER = /^address 192\.168\.100\.4\/24 dev tmp0$/m;
const YOUNGER = /^address 192\.168\.100\.5\/24 dev tmp1$/m;
const FAULT =
  /! n1\.late OverlapsNetwork: 192\.168\.100\.0\/24 overlaps 192\.168\.100\.0\/24 of NodeOverlayIP n1\.default, on tmp0 of node n1: give one of the two pools another range/;

describe('two pools with overlapping networks', () => {
  it('the older gets its address, the younger is told whom it is against', () => {
    const text = plan();
    assert.match(text, OLDER);
    assert.doesNotMatch(text, YOUNGER);
    assert.match(text, FAULT);
  });

  it('before there is any device, too', () => {
    const text = plan(world([]));
    assert.match(text, FAULT);
    assert.match(text, /! n1\.default OverlayPending/);
  });

  it('the older has its address: nothing is wrong with it', () => {
    const text = plan(world([TMP0, TMP1], [ours('192.168.100.4/24')]));
    assert.match(text, OLDER);
    assert.match(text, FAULT);
    assert.doesNotMatch(text, /! n1\.default|^address .* dev tmp1/m);
  });

  it('both have theirs: both keep it, and the younger is at fault', () => {
    const text = plan(world([TMP0, TMP1], [ours('192.168.100.4/24'), ours('192.168.100.5/24', TMP1)]));
    assert.match(text, OLDER);
    assert.match(text, YOUNGER);
    assert.match(text, FAULT);
    assert.match(text, /another range; 192\.168\.100\.5 stays on tmp1 meanwhile/);
    assert.doesNotMatch(text, /! n1\.default/);
  });

  it('the younger has its own: it keeps it, and the older gets none', () => {
    const text = plan(world([TMP0, TMP1], [ours('192.168.100.5/24', TMP1)]));
    assert.match(text, YOUNGER);
    assert.doesNotMatch(text, OLDER);
    assert.match(text, /! n1\.default OverlapsNetwork: .*"192\.168\.100\.0\/24 dev tmp1 proto kernel"/);
    assert.doesNotMatch(text, /! n1\.late/);
  });

  it('an older one that is refused claims nothing', () => {
    const text = plan(undefined, undefined, {}, new Map([...probed, ['eth1 192.168.100.4', '02:00:00:00:00:07']]));
    assert.match(text, /! n1\.default AddressInUse/);
    assert.match(text, YOUNGER);
  });

  it('on the parent itself both are just more addresses', () => {
    const text = plan(world([]), undefined, { type: 'Address' });
    assert.match(text, /^address 192\.168\.100\.4\/24 dev eth1$/m);
    assert.match(text, /^address 192\.168\.100\.5\/24 dev eth1$/m);
  });

  it('networks apart are no concern', () => {
    const text = plan(undefined, ['192.168.101.5/24']);
    assert.match(text, /probe 192\.168\.101\.5 dev eth1/);
    assert.doesNotMatch(text, /OverlapsNetwork/);
  });
});

describe('two pools that come to want one device', () => {
  it('the younger keeps what it has under another name, and is told whose that device is', () => {
    const at = world([TMP0, TMP1], [ours('192.168.100.4/24'), ours('192.168.101.5/24', TMP1)]);
    const text = plan(at, ['192.168.101.5/24'], { name: 'ovl0' });
    assert.match(text, /^device ovl0 .* alias fairlead:default$/m);
    assert.match(text, /^# NodeOverlayIP n1\.late\nhold device tmp1\nhold address 192\.168\.101\.5$/m);
    assert.match(text, /! n1\.late Conflict: device ovl0 of node n1 is for NodeOverlayIP n1\.default/);
  });
});
