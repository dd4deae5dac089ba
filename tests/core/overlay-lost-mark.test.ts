import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diff } from '../../src/core/diff.ts';
import type { InterfaceAddress, Link, NodeFacts } from '../../src/core/facts.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatChange } from '../../src/core/render.ts';
import { RouteIndex } from '../../src/core/route.ts';
import { identity, link, node, snapshot, staticRoute } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, planText, pool, QUIET_ETH1, REMEMBERED, TMP0, world } from './overlay-builders.ts';

const { alias: _, ...BARE } = TMP0;
/** The device after somebody has taken its alias, as the kernel adapter knows it again. */
const LOST: Link = { ...BARE, mode: 'bridge', likeOurs: true };
const RENAMED: Link = { ...LOST, alias: 'foo' };
const V4 = ours('192.168.100.4/24', LOST);
const resources = { ...EVERYTHING, staticRoutes: [staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } })] };
const DEVICE = 'device tmp0 link eth1 type macvlan mode bridge mtu 1500 alias fairlead:default';
const ADOPTED = new RegExp(`^${DEVICE}$`, 'm');
const ROUTED = /^192\.168\.50\.0\/24 via 192\.168\.100\.1 dev tmp0 proto 201 src 192\.168\.100\.4 metric 4201$/m;

function changes(at: NodeFacts): string[] {
  const who = identity({ probed: CLEAR, remembered: [...REMEMBERED] });
  const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...EVERYTHING }), at, who);
  return diff({ routes: RouteIndex.of([]), sysctls: REMEMBERED }, plan, at).map(formatChange);
}

function unmarked(text: string): InterfaceAddress {
  return ours(text, LOST, { ours: false });
}

describe('a device of ours that lost its alias', () => {
  it('gets it back in place, with all that is on it', () => {
    for (const device of [LOST, RENAMED]) {
      const at = world([device], [V4]);
      const text = planText(resources, at);
      assert.match(text, ADOPTED);
      assert.match(text, ROUTED);
      assert.doesNotMatch(text, /^!/m);
      assert.deepEqual(changes(at), [`~ ${DEVICE}`]);
    }
  });

  it('also without an address, and with those of router advertisements', () => {
    assert.deepEqual(changes(world([LOST])), [`~ ${DEVICE}`, '+ address 192.168.100.4/24 dev tmp0']);
    assert.deepEqual(changes(world([LOST], [V4, unmarked('2001:db8:7::7/64')])), [`~ ${DEVICE}`]);
  });

  it('is not taken when somebody else has an address on it: the message says how to go on, and what is there stays', () => {
    const at = world([LOST], [V4, unmarked('10.7.7.7/24')]);
    const text = planText(resources, at, identity({ probed: CLEAR, remembered: [...REMEMBERED] }));
    assert.match(
      text,
      /! n1\.default Conflict: node n1 has a device tmp0 that lost Fairlead’s alias and has 10\.7\.7\.7\/24 dev tmp0 from somebody else: take that off \("ip address delete 10\.7\.7\.7\/24 dev tmp0"\), or delete the device \("ip link delete tmp0"\), which is then made anew/,
    );
    assert.match(text, ROUTED);
    assert.match(text, /eth1\.arp_ignore = 1/);
    assert.deepEqual(changes(at), []);
  });

  it('that has another link-layer address than we give is not taken, and the parent does not answer for what is on it', () => {
    const { likeOurs: _, ...changed } = LOST;
    const at = world([changed], [V4]);
    assert.match(planText(resources, at, identity({ probed: CLEAR, remembered: [...REMEMBERED] })), /eth1\.arp_ignore = 1/);
    assert.deepEqual(changes(at), []);
    const plain = { ...EVERYTHING, overlayPools: [pool('default', { type: 'Address', parent: { name: 'gone' } })] };
    assert.doesNotMatch(planText(plain, world([changed], [V4], link(3, 'eth1'))), /arp_ignore/);
  });

  it('is not taken on another parent, nor with the address of another pool, nor when it is of another make', () => {
    const other = ours('192.168.100.9/24', LOST);
    const { likeOurs: _, ...foreign } = LOST;
    for (const [device, addresses] of [
      [{ ...LOST, parent: 2 }, [V4]],
      [LOST, [other]],
      [foreign, [V4]],
    ] as const) {
      const text = planText(resources, world([device], addresses));
      assert.match(
        text,
        /! n1\.default Conflict: node n1 has a device tmp0 that is not Fairlead’s: delete it there \("ip link delete tmp0"\)/,
      );
      assert.doesNotMatch(text, ADOPTED);
    }
  });
});

describe('an address of ours that lost its mark', () => {
  const at = world([TMP0], [ours('192.168.100.4/24', TMP0, { ours: false })]);

  it('gets it back in place on a device of ours', () => {
    assert.deepEqual(changes(at), ['~ address 192.168.100.4/24 dev tmp0']);
  });

  it('stays without it where the kernel has a label only, which cannot be changed', () => {
    assert.deepEqual(changes({ ...at, kernelRelease: '5.10.0-26-amd64' }), []);
  });

  it('is somebody else’s on the parent', () => {
    const plain = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [overlayIP()] };
    const text = planText(plain, world([], [ours('192.168.100.4/24', QUIET_ETH1, { ours: false })]));
    assert.match(text, /! n1\.default Conflict: node n1 has 192\.168\.100\.4\/24 dev eth1 from somebody else/);
  });
});

describe('a device of ours with another link-layer address', () => {
  it('gets its own back, and the gateway is told', () => {
    const changed = { ...TMP0, mac: '02:00:5e:00:53:77', formerMac: '06:a0:aa:fb:bf:ae' };
    const facts = world([changed, link(12, 'eth2')], [ours('192.168.100.4/24', changed)]);
    const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...EVERYTHING }), facts, identity({ probed: CLEAR }));
    const [first] = diff({ routes: RouteIndex.of([]), sysctls: REMEMBERED }, plan, facts).filter(({ op }) => op === 'set-link');
    assert.ok(first?.op === 'set-link');
    assert.deepEqual([first.device.name, first.announceTo?.map(String)], ['tmp0', ['192.168.100.1']]);
  });
});
