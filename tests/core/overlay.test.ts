import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planNode } from '../../src/core/planner/plan-node.ts';
import { facts, identity, link, node, prefix, route, snapshot, staticRoute } from './builders.ts';
import { CLEAR, EVERYTHING, ours, overlayIP, planText, pool, QUIET_ETH1, REMEMBERED, TMP0, world } from './overlay-builders.ts';

const DEVICE = 'device tmp0 link eth1 type macvlan mode bridge mtu 1500 alias fairlead:default';
const ADDRESS = 'address 192.168.100.4/24 dev tmp0';
const HEAD = '# NodeOverlayIP n1.default';
const viaOverlay = staticRoute('on-prem', { via: { type: 'overlay', pool: 'default' } });

const lines = (text: string): string[] => text.split('\n');

describe('an overlay address comes step by step', () => {
  it('first the device, and a parent that does not answer for it', () => {
    const text = planText(EVERYTHING, facts());
    assert.deepEqual(lines(text), [
      HEAD,
      DEVICE,
      'net.ipv4.conf.eth1.arp_ignore = 1',
      'net.ipv4.conf.eth1.arp_announce = 2',
      '! n1.default OverlayPending: tmp0 of node n1 is made for 192.168.100.4/24',
    ]);
  });

  it('then it is asked whether somebody has the address', () => {
    const text = planText(EVERYTHING, world([TMP0]), identity({ remembered: [...REMEMBERED] }));
    // Not from the device itself: it has no address yet, and would teach the neighbours a wrong link-layer address of the node.
    assert.match(text, /^probe 192\.168\.100\.4 dev eth1$/m);
    assert.match(text, /OverlayPending: it is asked on eth1 of node n1 whether somebody else has 192\.168\.100\.4\/24/);
    assert.doesNotMatch(text, /^address/m);
  });

  it('then the address', () => {
    const text = planText(EVERYTHING, world([TMP0]));
    assert.ok(lines(text).includes(ADDRESS));
    assert.match(text, /OverlayPending: 192\.168\.100\.4\/24 is added to tmp0 of node n1/);
  });

  it('which its gateway is told of, that may have known it on another node; IPv6 is not', () => {
    const both = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])] };
    const { plan } = planNode(snapshot([], { nodes: [node('n1')], ...both }), world([TMP0]), identity({ probed: CLEAR }));
    const told = plan.resources.flatMap(({ addresses }) => addresses).map(({ address, announceTo }) => [address.text, announceTo?.text]);
    assert.deepEqual(told, [
      ['192.168.100.4', '192.168.100.1'],
      ['2001:db8:100::4', undefined],
    ]);
  });

  it('then the routes, by its gateway and from the address', () => {
    const text = planText({ ...EVERYTHING, staticRoutes: [viaOverlay] }, world([TMP0], [ours('192.168.100.4/24')]));
    assert.deepEqual(lines(text), [
      HEAD,
      DEVICE,
      ADDRESS,
      '# StaticRoute on-prem',
      '192.168.50.0/24 via 192.168.100.1 dev tmp0 proto 201 src 192.168.100.4 metric 4201',
    ]);
  });

  it('what the agent has set on the parent stays set', () => {
    const text = planText(EVERYTHING, world([TMP0], [ours('192.168.100.4/24')]), identity({ probed: CLEAR, remembered: [...REMEMBERED] }));
    assert.match(text, /eth1\.arp_ignore = 1\n.*eth1\.arp_announce = 2/);
  });

  it('what the administrator has set higher stays as it is', () => {
    const eth1 = link(3, 'eth1', { arpIgnore: 2, arpAnnounce: 2 });
    assert.doesNotMatch(planText(EVERYTHING, world([TMP0], [], eth1)), /arp_/);
  });
});

describe('both families', () => {
  const both = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])] };
  const v6 = staticRoute('on-prem', { subnets: ['192.168.50.0/24', '2001:db8:50::/48'], via: { type: 'overlay', pool: 'default' } });

  it('an IPv6 address needs no probe, the kernel asks by itself', () => {
    const text = planText(both, world([TMP0]), identity());
    assert.match(text, /^address 2001:db8:100::4\/64 dev tmp0$/m);
    assert.doesNotMatch(text, /^probe 2001/m);
  });

  it('routes of a family wait for the address of that family', () => {
    const tentative = ours('2001:db8:100::4/64', TMP0, { state: 'tentative' });
    const text = planText({ ...both, staticRoutes: [v6] }, world([TMP0], [ours('192.168.100.4/24'), tentative]));
    assert.match(text, /^192\.168\.50\.0\/24 via 192\.168\.100\.1 dev tmp0/m);
    assert.match(text, /^hold 2001:db8:50::\/48 metric 4201$/m);
    assert.match(text, /^address 2001:db8:100::4\/64 dev tmp0$/m);
  });

  it('and are there with it', () => {
    const text = planText({ ...both, staticRoutes: [v6] }, world([TMP0], [ours('192.168.100.4/24'), ours('2001:db8:100::4/64')]));
    assert.match(text, /^2001:db8:50::\/48 via 2001:db8:100::1 dev tmp0 proto 201 src 2001:db8:100::4 metric 4201$/m);
  });

  it('a family without an address is named', () => {
    const text = planText({ ...EVERYTHING, staticRoutes: [v6] }, world([TMP0], [ours('192.168.100.4/24')]));
    assert.match(text, /! on-prem NoGatewayForFamily: node n1 has no IPv6 address of OverlayPool default: give the pool an IPv6 range/);
    assert.match(text, /^192\.168\.50\.0\/24 via 192\.168\.100\.1/m);
  });

  it('a duplicate IPv6 address is taken off the device, and said', () => {
    const duplicate = ours('2001:db8:100::4/64', TMP0, { state: 'duplicate' });
    const text = planText(both, world([TMP0], [ours('192.168.100.4/24'), duplicate]));
    assert.match(text, /! n1\.default AddressInUse: another host answers for 2001:db8:100::4 on tmp0 of node n1/);
    assert.doesNotMatch(text, /^address 2001/m);
    assert.match(text, /^address 192/m);
  });
});

describe('what keeps an address away', () => {
  const refusal = (at = world([TMP0]), who = identity({ probed: CLEAR }), resources = EVERYTHING): string =>
    lines(planText(resources, at, who)).at(-1) ?? '';

  it('somebody who answers for it', () => {
    const text = planText(EVERYTHING, world([TMP0]), identity({ probed: new Map([['eth1 192.168.100.4', '02:00:00:00:00:07']]) }));
    assert.match(
      text,
      /! n1\.default AddressInUse: 02:00:00:00:00:07 answers for 192\.168\.100\.4 on eth1 of node n1, so the address is not used/,
    );
    assert.match(text, /^probe /m);
    assert.doesNotMatch(text, /^address/m);
  });

  it('not somebody who answers once it is ours', () => {
    const text = planText(
      EVERYTHING,
      world([TMP0], [ours('192.168.100.4/24')]),
      identity({ probed: new Map([['eth1 192.168.100.4', 'aa']]) }),
    );
    assert.doesNotMatch(text, /^!/m);
  });

  it('the network of the parent itself, which needs the type Address', () => {
    const own = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['10.1.0.44/24'])] };
    assert.match(
      refusal(world([TMP0]), identity(), own),
      /OverlapsNetwork: 10\.1\.0\.0\/24 overlaps a network that node n1 is connected to \("10\.1\.0\.0\/24 dev eth1 proto kernel"\): set interface\.type of the pool to Address/,
    );
    const plain = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [overlayIP(['10.1.0.44/24'])] };
    const probed = new Map([['eth1 10.1.0.44', undefined]]);
    assert.match(planText(plain, facts(), identity({ probed })), /^address 10\.1\.0\.44\/24 dev eth1$/m);
  });

  it('a network on another device', () => {
    const own = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['203.0.113.44/24'])] };
    assert.match(refusal(world([TMP0]), identity(), own), /OverlapsNetwork: .* dev eth0 proto kernel"\): use another range/);
  });

  it('a protected path, such as the pod range', () => {
    const network = {
      name: 'cluster',
      podRanges: [prefix('192.168.100.0/24')],
      serviceRanges: [],
      nodeAddresses: [],
      apiServerEndpoints: [],
      dnsAddresses: [],
    };
    const text = planText({ ...EVERYTHING, clusterNetwork: network }, world([TMP0]));
    assert.match(text, /! n1\.default ProtectedPath: 192\.168\.100\.0\/24 would move .*a pod range of the cluster.*: use another range/);
    assert.doesNotMatch(text, /^address/m);
  });

  it('a protected path, also when only the length of an address in place is another', () => {
    const wider = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/16'])] };
    const who = identity({ probed: CLEAR, protect: [prefix('192.168.7.1/32')] });
    const text = planText(wider, world([TMP0], [ours('192.168.100.4/24')]), who);
    assert.match(text, /! n1\.default ProtectedPath: 192\.168\.0\.0\/16 would move 192\.168\.7\.1\/32/);
    assert.doesNotMatch(text, /^address/m);
  });

  it('somebody else’s address', () => {
    const foreign = ours('192.168.100.4/32', TMP0, { ours: false });
    assert.match(
      refusal(world([TMP0], [foreign])),
      /Conflict: node n1 has 192\.168\.100\.4\/32 dev tmp0 from somebody else: delete it \("ip address delete/,
    );
  });

  it('somebody else’s device of that name', () => {
    assert.match(
      refusal(world([link(9, 'tmp0', { kind: 'macvlan', parent: 3 })])),
      /Conflict: node n1 has a device tmp0 that is not Fairlead’s: delete it there/,
    );
  });

  it('a device that carries something, which nobody is told to delete', () => {
    const macvlan = link(9, 'tmp0', { kind: 'macvlan', parent: 3 });
    const foreign = ours('192.168.7.7/24', macvlan, { ours: false });
    const base = world([macvlan]);
    for (const at of [
      world([link(9, 'tmp0')]),
      world([link(9, 'tmp0', { kind: 'bridge' })]),
      world([macvlan], [foreign]),
      world([macvlan, link(10, 'upper', { kind: 'macvlan', parent: 9 })]),
      { ...base, routes: [...base.routes, route('172.16.0.0/12', undefined, macvlan)] },
    ]) {
      assert.match(refusal(at), /Conflict: node n1 has a device tmp0 that is not Fairlead’s: give the pool another interface\.name$/m);
    }
    assert.match(
      refusal(world([{ ...TMP0, alias: 'fairlead:other' }])),
      /is that of OverlayPool other: give the pool another interface\.name$/m,
    );
    const parent = { ...EVERYTHING, overlayPools: [pool('default', { name: 'eth1' })] };
    assert.match(planText(parent, facts()), /has a device eth1 that is not Fairlead’s: give the pool another interface\.name$/m);
  });

  it('a parent that is not there, until it appears', () => {
    const named = { ...EVERYTHING, overlayPools: [pool('default', { parent: { name: 'eth7' } })] };
    const text = planText(named, world([TMP0], [ours('192.168.100.4/24')]));
    assert.match(text, /! n1\.default DeviceMissing: node n1 has no device eth7 for overlay addresses \(it has eth0, eth1\)/);
    assert.deepEqual(lines(text).slice(0, 3), [HEAD, 'hold device tmp0', 'hold address 192.168.100.4']);
  });

  it('a parent that no route leads to', () => {
    assert.match(refusal(facts({ routes: [] })), /NoCoveringRoute: no route of node n1 covers 10\.0\.0\.0\/8/);
  });

  it('a parent that is down', () => {
    const down = world([{ ...TMP0, up: false }], [], { ...QUIET_ETH1, up: false });
    const named = { ...EVERYTHING, overlayPools: [pool('default', { parent: { name: 'eth1' } })] };
    assert.match(refusal(down, undefined, named), /DeviceDown: device eth1, which carries tmp0 of node n1, is down/);
  });

  it('a parent that is down though the device on it is up', () => {
    const down = world([{ ...TMP0, carrier: false }], [], { ...QUIET_ETH1, up: false, carrier: false });
    const named = { ...EVERYTHING, overlayPools: [pool('default', { parent: { name: 'eth1' } })] };
    assert.match(refusal(down, identity(), named), /DeviceDown: device eth1, which carries tmp0 of node n1, is down: bring it up/);
  });

  it('a parent without a carrier: nobody on it can be asked', () => {
    const cut = world([{ ...TMP0, carrier: false }], [], { ...QUIET_ETH1, carrier: false });
    const text = planText(EVERYTHING, cut, identity());
    assert.match(
      text,
      /! n1\.default DeviceDown: device eth1, which carries tmp0 of node n1, has no carrier, so nobody can be asked whether 192\.168\.100\.4\/24 is free: mend its link/,
    );
    assert.doesNotMatch(text, /^(probe|address)/m);
  });

  it('a parent without a carrier: also the kernel asks nobody about an IPv6 address', () => {
    const tentative = ours('2001:db8:100::4/64', TMP0, { state: 'tentative' });
    const cut = world([{ ...TMP0, carrier: false }], [tentative], { ...QUIET_ETH1, carrier: false });
    const text = planText({ ...EVERYTHING, nodeOverlayIPs: [overlayIP(['2001:db8:100::4/64'])] }, cut);
    assert.match(
      text,
      /! n1\.default DeviceDown: device eth1, .* has no carrier, so nobody can be asked whether 2001:db8:100::4\/64 is free/,
    );
    assert.match(text, /^address 2001/m);
  });

  it('not a carrier that is lost once the address is in place', () => {
    const cut = world([{ ...TMP0, carrier: false }], [ours('192.168.100.4/24')], { ...QUIET_ETH1, carrier: false });
    assert.doesNotMatch(planText(EVERYTHING, cut), /^!/m);
  });

  it('a controller that has not granted it: nothing is added, nothing goes', () => {
    const waiting = { ...EVERYTHING, nodeOverlayIPs: [overlayIP(undefined, { granted: false })] };
    assert.deepEqual(lines(planText(waiting, world([TMP0], [ours('192.168.100.4/24')]))), [
      HEAD,
      'hold device tmp0',
      'hold address 192.168.100.4',
      '! n1.default AddressNotGranted: the addresses of n1.default are not granted to node n1: see "kubectl describe nodeoverlayip n1.default"',
    ]);
  });

  it('a pool that nobody knows', () => {
    assert.match(refusal(world([]), undefined, { ...EVERYTHING, overlayPools: [] }), /NoSuchPool: there is no OverlayPool "default"/);
  });
});

describe('several', () => {
  it('another node’s address, and one that is being deleted, are nobody’s here', () => {
    const others = [overlayIP(undefined, { node: 'n2' }), overlayIP(undefined, { deleting: true })];
    assert.equal(planText({ overlayPools: [pool()], nodeOverlayIPs: others }, facts()), '');
  });

  it('two pools on one device: the older has it', () => {
    const other = overlayIP(['192.168.101.4/24'], {
      pool: 'late',
      meta: { ref: { kind: 'NodeOverlayIP', name: 'n1.late' }, created: '2026-01-02' },
    });
    const text = planText({ overlayPools: [pool(), pool('late')], nodeOverlayIPs: [other, overlayIP()] }, facts());
    assert.match(
      text,
      /! n1\.late Conflict: device tmp0 of node n1 is for NodeOverlayIP n1\.default: give one of the two pools another interface\.name/,
    );
    assert.match(text, /^device tmp0 .* alias fairlead:default$/m);
  });

  it('a route by way of a pool of which the node has no address', () => {
    const text = planText({ staticRoutes: [viaOverlay] }, facts());
    assert.match(text, /! on-prem NoOverlayAddress: node n1 has no address of an OverlayPool "default"/);
  });

  it('where the kernel cannot mark an IPv6 address at all, it is refused', () => {
    const old = { ...world([TMP0]), kernelRelease: '5.15.0-100-generic' };
    const text = planText({ ...EVERYTHING, nodeOverlayIPs: [overlayIP(['192.168.100.4/24', '2001:db8:100::4/64'])] }, old);
    assert.match(text, /! n1\.default KernelTooOld: Linux 5\.15\.0-100-generic of node n1 cannot mark 2001:db8:100::4 as Fairlead's/);
    // Without the label nobody could tell later that it is ours: it would be read back as somebody else's, a Conflict for good.
    assert.match(text, /^address 192\.168\.100\.4\/24 dev tmp0 label tmp0:fl$/m);
    assert.doesNotMatch(text, /^address 2001/m);
  });

  it('where the kernel cannot mark an address, its label does', () => {
    const old = { ...facts(), kernelRelease: '5.10.0-26-amd64' };
    const plain = { overlayPools: [pool('default', { type: 'Address' })], nodeOverlayIPs: [overlayIP()] };
    assert.match(planText(plain, old), /^address 192\.168\.100\.4\/24 dev eth1 label eth1:fl$/m);
    assert.match(planText(plain, facts()), /^address 192\.168\.100\.4\/24 dev eth1$/m);
    const long = { ...EVERYTHING, overlayPools: [pool('default', { name: 'overlay-default' })] };
    const device = { ...TMP0, name: 'overlay-default' };
    assert.match(
      planText(long, { ...world([device]), kernelRelease: '5.17.9' }),
      /^address .* dev overlay-default label overlay-defa:fl$/m,
    );
  });

  it('the MTU follows the parent', () => {
    assert.match(planText(EVERYTHING, world([TMP0], [], { ...QUIET_ETH1, mtu: 9000 })), /^device tmp0 .* mtu 9000 /m);
  });

  it('discovery of the parent does not follow routes that leave by the overlay itself', () => {
    const at = world([TMP0], [ours('192.168.100.4/24')]);
    const wide = {
      ...at,
      routes: [...at.routes, route('10.0.0.0/7', '192.168.100.1', TMP0), route('10.0.0.0/8', '192.168.100.1', TMP0, { metric: 0 })],
    };
    assert.doesNotMatch(planText(EVERYTHING, wide), /NoCoveringRoute|DeviceUnsuitable/);
  });
});

describe('a StaticRoute to a network that the node is in', () => {
  const within = (subnet: string, at = world([TMP0], [ours('192.168.100.4/24')])): string =>
    planText({ ...EVERYTHING, staticRoutes: [staticRoute('on-prem', { subnets: [subnet] })] }, at);

  it('of an overlay names whose it is, and nothing that cannot be done', () => {
    assert.match(
      within('192.168.100.0/24'),
      /! on-prem Shadowed: the node prefers its own way to 192\.168\.100\.0\/24, for that is the network of NodeOverlayIP n1\.default, on tmp0: give its OverlayPool another range, or take the subnet out of this resource$/m,
    );
  });

  it('of a device of its own', () => {
    const device = link(20, 'docker0');
    const base = world([TMP0, device], [ours('192.168.100.4/24')]);
    const network = route('172.17.0.0/16', undefined, device, { protocol: 2, metric: 0 });
    assert.match(
      within('172.17.0.0/16', { ...base, routes: [...base.routes, network] }),
      /! on-prem Shadowed: the node prefers its own way to 172\.17\.0\.0\/16, for that is a network that the node is itself in, by device docker0: take it out of this resource$/m,
    );
  });
});
