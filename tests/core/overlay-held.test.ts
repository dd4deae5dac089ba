import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Link, NodeFacts } from '../../src/core/facts.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
import { ETH0, identity, link, route, staticRoute } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, planText, pool, QUIET_ETH1, REMEMBERED, TMP0, world } from './overlay-builders.ts';

const V4 = ours('192.168.100.4/24');
const IN_PLACE = world([TMP0], [V4]);
const uncovered = (at: NodeFacts = IN_PLACE): NodeFacts => ({
  ...at,
  routes: at.routes.filter(({ prefix }) => prefix.text !== '10.0.0.0/8'),
});
const ungranted = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(undefined, { granted: false })] };

/** As an agent that has made everything. */
const plan = (resources: Partial<ResourceSnapshot>, at: NodeFacts): string =>
  planText(resources, at, identity({ probed: CLEAR, remembered: [...REMEMBERED] }));

describe('while it is not known where an address goes, the parent keeps from answering for it', () => {
  const QUIET =
    /^hold device tmp0\nhold address 192\.168\.100\.4\nnet\.ipv4\.conf\.eth1\.arp_ignore = 1\nnet\.ipv4\.conf\.eth1\.arp_announce = 2$/m;

  it('without a grant', () => {
    assert.match(plan(ungranted, IN_PLACE), QUIET);
  });

  it('without a covering route', () => {
    const text = plan(EVERYTHING, uncovered());
    assert.match(text, QUIET);
    assert.match(text, /! n1\.default NoCoveringRoute/);
  });

  it('without a parent of that name, under its new one', () => {
    const named = { ...EVERYTHING, overlayPools: [pool('default', { parent: { name: 'eth1' } })] };
    const text = plan(named, world([TMP0], [V4], { ...QUIET_ETH1, name: 'lan0' }));
    assert.match(text, /^net\.ipv4\.conf\.lan0\.arp_ignore = 1$/m);
    assert.match(text, /! n1\.default DeviceMissing/);
  });

  it('without a pool', () => {
    assert.match(plan({ ...EVERYTHING, overlayPools: [] }, IN_PLACE), QUIET);
  });

  it('but a parent without a device of ours is let be', () => {
    const other = link(9, 'tmp0', { parent: 3, kind: 'macvlan', alias: 'fairlead:other' });
    assert.doesNotMatch(plan(ungranted, world([other])), /arp_/);
  });
});

describe('while it is not known where an address goes, routes by one in place stay', () => {
  const routed = { ...EVERYTHING, staticRoutes: [staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } })] };
  const named = { ...routed, overlayPools: [pool('default', { parent: { name: 'eth7' } })] };
  const late = identity({ probed: CLEAR, remembered: [...REMEMBERED], overdue: new Set(['StaticRoute on-prem IPv4']) });
  const ROUTED = /^192\.168\.50\.0\/24 via 192\.168\.100\.1 dev tmp0 proto 201 src 192\.168\.100\.4 metric 4201$/m;

  it('without a covering route', () => {
    const text = planText(routed, uncovered(), late);
    assert.match(text, ROUTED);
    assert.doesNotMatch(text, /! on-prem/);
    assert.match(text, /! n1\.default NoCoveringRoute/);
  });

  it('without a grant, or the parent that is named', () => {
    assert.match(planText({ ...routed, ...ungranted }, IN_PLACE, late), ROUTED);
    assert.match(planText(named, IN_PLACE, late), ROUTED);
  });

  it('on the parent itself, where its mark tells that it is ours', () => {
    const plain = { ...named, overlayPools: [pool('default', { type: 'Address', parent: { name: 'eth7' } })] };
    const on = (mark: boolean): string => planText(plain, world([], [ours('192.168.100.4/24', QUIET_ETH1, { ours: mark })]), late);
    assert.match(on(true), /^192\.168\.50\.0\/24 via 192\.168\.100\.1 dev eth1 /m);
    assert.doesNotMatch(on(false), /^192/m);
  });

  it('but not without the address, or while the device or its parent is down', () => {
    for (const at of [
      world([TMP0]),
      world([{ ...TMP0, up: false }], [V4]),
      world([TMP0], [V4], { ...QUIET_ETH1, up: false }),
      world([TMP0], [{ ...V4, state: 'tentative' }]),
    ]) {
      const text = planText(named, at, late);
      assert.doesNotMatch(text, /^192/m);
      assert.match(text, /! on-prem DeviceMissing/);
    }
  });
});

describe('a device that cannot carry a macvlan device', () => {
  const { mac: _, ...tun0 } = link(20, 'tun0');
  const vpn = { ...uncovered(), links: [...IN_PLACE.links, tun0], routes: [...uncovered().routes, route('10.0.0.0/8', undefined, tun0)] };

  it('does not take the place of one that does, when a better route leads there', () => {
    const text = plan(EVERYTHING, vpn);
    assert.match(text, /^hold device tmp0\nhold address 192\.168\.100\.4$/m);
    assert.doesNotMatch(text, /^device/m);
    assert.match(
      text,
      /! n1\.default DeviceUnsuitable: device tun0 of node n1 cannot carry overlay addresses, it has no Ethernet address .*: name another one with interface\.parent\.name/,
    );
  });
});

describe('a better route that leads to another Ethernet device', () => {
  const moved = (change: Partial<Link> = {}, eth1: Partial<Link> = {}): NodeFacts => ({
    ...uncovered(),
    links: IN_PLACE.links.map((each) => ({ ...each, ...(each.name === 'eth0' && change), ...(each.name === 'eth1' && eth1) })),
    routes: [...uncovered().routes, route('10.0.0.0/8', '203.0.113.1', ETH0)],
  });

  it('takes the device along', () => {
    assert.match(plan(EVERYTHING, moved()), /^device tmp0 link eth0 /m);
  });

  it('does not while nothing would get through there: what works stays', () => {
    for (const [change, why] of [
      [{ carrier: false }, 'has no carrier: mend its link'],
      [{ up: false }, 'is down: bring it up with "ip link set eth0 up"'],
    ] as const) {
      const text = plan(EVERYTHING, moved(change));
      assert.match(text, /^hold device tmp0\nhold address 192\.168\.100\.4\nnet\.ipv4\.conf\.eth1\.arp_ignore = 1$/m);
      assert.ok(
        text.includes(`! n1.default DeviceDown: device eth0, to which tmp0 of node n1 is to move, ${why}; tmp0 stays on eth1 meanwhile`),
        text,
      );
    }
  });

  it('does so when nothing gets through on either', () => {
    assert.match(plan(EVERYTHING, moved({ carrier: false }, { carrier: false })), /^device tmp0 link eth0 /m);
  });
});
