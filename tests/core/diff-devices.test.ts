import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diff } from '../../src/core/diff.ts';
import type { Link, NodeFacts } from '../../src/core/facts.ts';
import { guard } from '../../src/core/guard.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatChange } from '../../src/core/render.ts';
import { RepairBudget } from '../../src/core/repair.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
import { type Route, RouteIndex } from '../../src/core/route.ts';
import { facts, identity, link, node, route, snapshot, staticRoute } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, pool, QUIET_ETH1, REMEMBERED, TMP0, world } from './overlay-builders.ts';

const viaOverlay = staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } });
const OURS = route('192.168.50.0/24', '192.168.100.1', TMP0, { protocol: 201, metric: 4201, source: ours('192.168.100.4/24').address });

function changes(resources: Partial<ResourceSnapshot>, at: NodeFacts, owned: readonly Route[] = []): string[] {
  const who = identity({ probed: CLEAR, remembered: [...REMEMBERED] });
  const { plan } = planNode(snapshot(resources.staticRoutes ?? [], { nodes: [node('n1')], ...resources }), at, who);
  return diff({ routes: RouteIndex.of(owned), sysctls: REMEMBERED }, plan, at).map(formatChange);
}

const DEVICE = 'device tmp0 link eth1 type macvlan mode bridge mtu 1500 alias fairlead:default';
const settled = world([TMP0], [ours('192.168.100.4/24')]);

describe('of what is being deleted', () => {
  const withoutSource = (resources: Partial<ResourceSnapshot>, at: NodeFacts): readonly string[] => {
    const who = identity({ probed: CLEAR, remembered: [...REMEMBERED] });
    const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...resources }), at, who);
    const all = diff({ routes: RouteIndex.of([]), sysctls: REMEMBERED }, plan, at);
    return guard(all, false, new RepairBudget(), 0).allowed.map(formatChange);
  };

  it('the device goes at once, whatever else is unknown: another node may be given the address', () => {
    const deleting = { ...EVERYTHING, nodeOverlayIPs: [{ ...overlayIP(), deleting: true }] };
    assert.deepEqual(withoutSource(deleting, settled), ['- device tmp0 alias fairlead:default']);
    assert.deepEqual(withoutSource({ ...EVERYTHING, nodeOverlayIPs: [] }, settled), []);
    const another = { ...overlayIP(), deleting: true, node: 'n2' };
    assert.deepEqual(withoutSource({ ...EVERYTHING, nodeOverlayIPs: [another] }, settled), []);
    const onlyOther = world([TMP0], [ours('192.168.100.9/24')]);
    assert.deepEqual(withoutSource(deleting, onlyOther), []);
  });

  it('an address of the parent does, and no other', () => {
    const plain = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [{ ...overlayIP(), deleting: true }] };
    const at = world([], [ours('192.168.100.4/24', QUIET_ETH1), ours('192.168.100.9/24', QUIET_ETH1)]);
    assert.deepEqual(withoutSource(plain, at), ['- address 192.168.100.4/24 dev eth1']);
  });
});

describe('devices and addresses', () => {
  it('a state that is right needs nothing', () => {
    assert.deepEqual(changes({ ...EVERYTHING, staticRoutes: [viaOverlay] }, settled, [OURS]), []);
  });

  it('come after sysctls, and before routes', () => {
    const all = changes({ ...EVERYTHING, staticRoutes: [staticRoute('plain')] }, facts());
    assert.deepEqual(all, [
      '~ net.ipv4.conf.eth1.arp_ignore = 1   # was 0',
      '~ net.ipv4.conf.eth1.arp_announce = 2   # was 0',
      `+ ${DEVICE}`,
      '+ 192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
    ]);
    assert.deepEqual(changes(EVERYTHING, world([TMP0])), ['+ address 192.168.100.4/24 dev tmp0']);
  });

  it('go after the routes, the address with its device, and the sysctls last', () => {
    assert.deepEqual(changes({}, settled, [OURS]), [
      '- 192.168.50.0/24 via 192.168.100.1 dev tmp0 proto 201 src 192.168.100.4 metric 4201',
      '- device tmp0 alias fairlead:default',
      '~ net.ipv4.conf.eth1.arp_ignore = 0   # was 1',
      '~ net.ipv4.conf.eth1.arp_announce = 0   # was 2',
    ]);
  });

  it('another address: the new one first, the route moves, then the old one goes', () => {
    const at = world([TMP0], [ours('192.168.100.4/24'), ours('192.168.100.9/24')]);
    const moved = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.9/24'])], staticRoutes: [viaOverlay] };
    const all = changes(moved, at, [OURS]);
    assert.match(all[0] ?? '', /^~ 192\.168\.50\.0\/24 .* src 192\.168\.100\.9 .*# was .* src 192\.168\.100\.4/);
    assert.deepEqual(all.slice(1), ['- address 192.168.100.4/24 dev tmp0']);
  });

  it('another parent or another name makes the device anew', () => {
    const old: Link = { ...TMP0, parent: 2 };
    assert.deepEqual(changes(EVERYTHING, world([old], [ours('192.168.100.4/24', old)])), [
      '- device tmp0 alias fairlead:default',
      `+ ${DEVICE}`,
    ]);
    const named = { ...EVERYTHING, overlayPools: [pool('default', { name: 'ovl0' })] };
    const [first, second] = changes(named, settled);
    assert.equal(first, '- device tmp0 alias fairlead:default');
    assert.match(second ?? '', /^\+ device ovl0 link eth1/);
  });

  it('a device that is down, has another MTU or answers for others is set right', () => {
    for (const wrong of [{ up: false }, { mode: 'other' as const }, { mtu: 1400 }, { arpIgnore: 0 }, { arpAnnounce: 0 }]) {
      assert.deepEqual(changes(EVERYTHING, world([{ ...TMP0, ...wrong }], [ours('192.168.100.4/24')])), [`~ ${DEVICE}`]);
    }
  });

  it('what lacks our mark is not looked at, nor a device under it that we could not have made', () => {
    const foreign = link(12, 'tmp1', { parent: 3, kind: 'macvlan' });
    const bridge = link(13, 'br0', { kind: 'bridge', alias: 'fairlead:default' });
    const at = world([foreign, bridge], [ours('192.168.7.7/24', foreign, { ours: false })]);
    assert.deepEqual(
      changes({}, at).filter((text) => !text.includes('arp_')),
      [],
    );
  });

  it('nothing goes that is held', () => {
    assert.deepEqual(
      changes({ ...EVERYTHING, overlayPools: [] }, settled).filter((text) => !text.includes('arp_')),
      [],
    );
  });

  it('plain addresses on the parent go one by one', () => {
    const eth1 = settled.links.find(({ name }) => name === 'eth1');
    assert.ok(eth1);
    const at = world([], [ours('192.168.100.4/24', eth1), ours('192.168.100.5/24', eth1)]);
    const plain = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [overlayIP()] };
    assert.deepEqual(
      changes(plain, at).filter((text) => !text.includes('arp_')),
      ['- address 192.168.100.5/24 dev eth1'],
    );
  });
});
