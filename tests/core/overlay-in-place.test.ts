import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InterfaceAddress, Link, NodeFacts } from '../../src/core/facts.ts';
import { facts, link, onLink, route, staticRoute } from './builders.ts';
import { EVERYTHING, ours, overlayIP, planText, pool, QUIET_ETH1, TMP0, world } from './overlay-builders.ts';

const V4 = ours('192.168.100.4/24');
const V6 = ours('2001:db8:100::4/64');
const DOCKER0 = link(20, 'docker0');
const KEPT = /^address 192\.168\.100\.4\/24 dev tmp0$/m;
const ROUTED = /^192\.168\.50\.0\/24 via 192\.168\.100\.1 dev tmp0 proto 201 src 192\.168\.100\.4 metric 4201$/m;
const resources = { ...EVERYTHING, staticRoutes: [staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } })] };

/** Somebody else's address, with the route that the kernel makes for it. */
function beside(at: NodeFacts, device: Link, text: string): NodeFacts {
  const { address, routes } = onLink(text, device);
  const links = at.links.some(({ index }) => index === device.index) ? at.links : [...at.links, device];
  return { ...at, links, addresses: [...at.addresses, address], routes: [...at.routes, ...routes] };
}

describe('what others do beside an address in place is said, and takes nothing away', () => {
  it('a network that overlaps', () => {
    const text = planText(resources, beside(world([TMP0], [V4]), DOCKER0, '192.168.96.1/20'));
    assert.match(text, KEPT);
    assert.match(text, ROUTED);
    assert.match(
      text,
      /! n1\.default OverlapsNetwork: 192\.168\.100\.0\/24 overlaps .*\("192\.168\.96\.0\/20 dev docker0 proto kernel"\): use another range; 192\.168\.100\.4 stays on tmp0 meanwhile/,
    );
    assert.doesNotMatch(text, /! on-prem/);
  });

  it('the same network on the parent, from a router advertisement', () => {
    const both = { ...resources, nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])] };
    const at = world([TMP0], [V4, V6]);
    const advertised = route('2001:db8:100::/64', undefined, link(3, 'eth1'), { protocol: 2, metric: 256 });
    const text = planText(both, { ...at, routes: [...at.routes, advertised] });
    assert.match(text, KEPT);
    assert.match(text, /^address 2001:db8:100::4\/64 dev tmp0$/m);
    assert.match(text, /! n1\.default OverlapsNetwork: .*; 2001:db8:100::4 stays on tmp0 meanwhile/);
  });

  it('the same address on another device', () => {
    const text = planText(resources, beside(world([TMP0], [V4]), DOCKER0, '192.168.100.4/32'));
    assert.match(text, KEPT);
    assert.match(text, ROUTED);
    assert.match(
      text,
      /! n1\.default Conflict: node n1 has 192\.168\.100\.4\/32 dev docker0 from somebody else: delete it \("ip address delete 192\.168\.100\.4\/32 dev docker0"\), so that only tmp0 has it; 192\.168\.100\.4 stays on tmp0 meanwhile/,
    );
  });

  it('the same address on another device, before it is in place, keeps it away', () => {
    const text = planText(resources, beside(world([TMP0]), DOCKER0, '192.168.100.4/32'));
    assert.doesNotMatch(text, /^address/m);
    assert.match(text, /! n1\.default Conflict: .*, so that only tmp0 has it$/m);
  });
});

describe('an address that has lost our mark', () => {
  const unmarked = (device: Link): InterfaceAddress => ours('192.168.100.4/24', device, { ours: false });

  it('is ours nevertheless on a device of ours', () => {
    const text = planText(resources, world([TMP0], [unmarked(TMP0)]));
    assert.match(text, KEPT);
    assert.match(text, ROUTED);
    assert.doesNotMatch(text, /^!/m);
  });

  it('is somebody else’s on the parent', () => {
    const plain = { ...resources, overlayPools: [pool('default', { type: 'Address' })] };
    const text = planText(plain, beside(facts(), link(3, 'eth1'), '192.168.100.4/24'));
    assert.match(text, /! n1\.default Conflict: node n1 has 192\.168\.100\.4\/24 dev eth1 from somebody else: delete it/);
    assert.doesNotMatch(text, /^address/m);
  });
});

describe('an address in place while its parent is down', () => {
  const down = { ...QUIET_ETH1, up: false };
  const named = {
    ...resources,
    overlayPools: [pool('default', { parent: { name: 'eth1' } })],
    nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])],
  };
  const DOWN =
    /! n1\.default DeviceDown: device eth1, which carries tmp0 of node n1, is down: bring it up with "ip link set eth1 up"\n! on-prem DeviceDown/;

  it('stays, and it is said that nothing gets through', () => {
    const text = planText(named, world([TMP0], [V4, V6], down));
    assert.match(text, KEPT);
    assert.match(text, /^address 2001:db8:100::4\/64 dev tmp0$/m);
    assert.match(text, DOWN);
    assert.match(text, /^hold 192\.168\.50\.0\/24 metric 4201$/m);
  });

  it('the kernel cannot ask then whether somebody else has it', () => {
    const text = planText(named, world([TMP0], [V4, { ...V6, state: 'tentative' }], down));
    assert.match(text, /^address 2001:db8:100::4\/64 dev tmp0$/m);
    assert.match(text, DOWN);
  });
});
