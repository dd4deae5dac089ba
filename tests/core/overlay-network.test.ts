import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diff } from '../../src/core/diff.ts';
import type { InterfaceAddress, NodeFacts } from '../../src/core/facts.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { formatChange } from '../../src/core/render.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';
import { type Route, RouteIndex, TABLE_MAIN } from '../../src/core/route.ts';
import { identity, link, node, onLink, route, snapshot } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, planText, pool, QUIET_ETH1, REMEMBERED, TMP0, world } from './overlay-builders.ts';

const V4 = ours('192.168.100.4/24');
const V6 = ours('2001:db8:100::4/64');
const BOTH = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])] };
const PLAIN = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [overlayIP()] };

function changes(resources: Partial<ResourceSnapshot>, at: NodeFacts): string[] {
  const who = identity({ probed: CLEAR, remembered: [...REMEMBERED] });
  const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...resources }), at, who);
  return diff({ routes: RouteIndex.of([]), sysctls: REMEMBERED }, plan, at)
    .map(formatChange)
    .filter((text) => !text.includes('arp_'));
}

/** The routes to these networks are gone. */
function without(at: NodeFacts, ...networks: readonly string[]): NodeFacts {
  return { ...at, routes: at.routes.filter(({ prefix, spec }) => spec.table !== TABLE_MAIN || !networks.includes(prefix.text)) };
}

function withRoute(at: NodeFacts, added: Route): NodeFacts {
  return { ...at, routes: [...at.routes, added] };
}

describe('the route to the network of an address', () => {
  it('is made again as the kernel makes it, of each family', () => {
    assert.deepEqual(changes(BOTH, without(world([TMP0], [V4, V6]), '192.168.100.0/24')), [
      '+ 192.168.100.0/24 dev tmp0 proto kernel src 192.168.100.4',
    ]);
    assert.deepEqual(changes(BOTH, without(world([TMP0], [V4, V6]), '2001:db8:100::/64')), [
      '+ 2001:db8:100::/64 dev tmp0 proto kernel metric 256',
    ]);
    assert.deepEqual(changes(BOTH, world([TMP0], [V4, V6])), []);
  });

  it('is not made where the kernel makes none: for one address alone, on a device that is down, before it uses the address', () => {
    const single = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/32'])] };
    assert.deepEqual(changes(single, without(world([TMP0], [ours('192.168.100.4/32')]), '192.168.100.4/32')), []);
    const down = { ...TMP0, up: false };
    const all = changes(EVERYTHING, without(world([down], [V4]), '192.168.100.0/24'));
    assert.equal(all.length, 1);
    assert.match(all[0] ?? '', /^~ device tmp0/);
    const states: readonly InterfaceAddress['state'][] = ['tentative', 'duplicate'];
    for (const state of states) {
      assert.deepEqual(
        changes(BOTH, without(world([TMP0], [V4, { ...V6, state }]), '2001:db8:100::/64')).filter((text) => text.includes('proto kernel')),
        [],
      );
    }
  });

  it('is not needed where another one leads there by the same device, as the network of the parent does', () => {
    const at = without(world([], [ours('192.168.100.4/24', QUIET_ETH1)]), '192.168.100.0/24');
    assert.deepEqual(changes(PLAIN, withRoute(at, route('192.168.100.0/24', undefined, QUIET_ETH1, { protocol: 16, metric: 100 }))), []);
    assert.deepEqual(changes(PLAIN, at), ['+ 192.168.100.0/24 dev eth1 proto kernel src 192.168.100.4']);
  });

  it('is not ours to make where it is that of an address of somebody else', () => {
    const eth1 = onLink('192.168.100.9/24', QUIET_ETH1);
    const at = without(world([], [eth1.address, ours('192.168.100.4/24', QUIET_ETH1)]), '192.168.100.0/24');
    assert.deepEqual(changes(PLAIN, at), []);
  });

  it('whose place somebody else’s has taken is a conflict', () => {
    const at = without(world([TMP0], [V4]), '192.168.100.0/24');
    const taken = withRoute(at, route('192.168.100.0/24', '10.1.0.9', link(3, 'eth1'), { protocol: 3, metric: 0 }));
    assert.deepEqual(changes(EVERYTHING, taken), []);
    assert.match(
      planText(EVERYTHING, taken),
      /! n1\.default Conflict: node n1 has the route "192\.168\.100\.0\/24 via 10\.1\.0\.9 dev eth1 proto boot" in place of the one to the network of 192\.168\.100\.4\/24 on tmp0, so its gateway may not be reached: delete it \("ip route delete 192\.168\.100\.0\/24 via 10\.1\.0\.9 dev eth1 proto boot"\)/,
    );
  });
});
