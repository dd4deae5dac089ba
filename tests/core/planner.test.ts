import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { diff, plannedSysctls } from '../../src/core/diff.ts';
import { waitKey } from '../../src/core/planner/node.ts';
import { planNode } from '../../src/core/planner/plan-node.ts';
import type { StaticRoute } from '../../src/core/resources.ts';
import { type Route, RouteIndex } from '../../src/core/route.ts';
import {
  discover,
  ETH0,
  ETH1,
  facts,
  gateways,
  identity,
  link,
  matchLabels,
  node,
  onLink,
  planned,
  prefix,
  route,
  STANDARD_ROUTES,
  snapshot,
  staticRoute,
} from './builders.ts';

describe('discovery', () => {
  it('takes next hop and device of the longest foreign route that covers the prefix', () => {
    const world = facts({ routes: [...STANDARD_ROUTES, route('10.0.0.0/9', '10.1.0.7', ETH1), route('10.0.0.0/7', '10.1.0.8', ETH1)] });
    assert.equal(
      planned([staticRoute('on-prem')], world),
      '# StaticRoute on-prem\n192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201',
    );
  });

  it('prefers the lowest metric among equal prefixes', () => {
    const world = facts({
      routes: [route('10.0.0.0/8', '10.1.0.5', ETH1, { metric: 50 }), route('10.0.0.0/8', '10.1.0.6', ETH1, { metric: 20 })],
    });
    assert.match(planned([staticRoute('a')], world), /via 10\.1\.0\.6 /);
  });

  it('does not take the default route unless asked, and names both ways out', () => {
    const world = facts({ routes: [route('default', '203.0.113.1', ETH0)] });
    assert.equal(
      planned([staticRoute('a')], world),
      '# StaticRoute a\nhold 192.168.50.0/24 metric 4201\n' +
        '! a NoCoveringRoute: only the default route of node n1 covers 10.0.0.0/8: set via.discover.toward to 0.0.0.0/0 to use the default route, or name a gateway with via.gateway',
    );
    assert.match(planned([staticRoute('a', { via: discover('0.0.0.0/0') })], world), /192\.168\.50\.0\/24 via 203\.0\.113\.1 dev eth0/);
  });

  it('takes no next hop from a network that the node is itself connected to', () => {
    const world = facts({ routes: onLink('10.200.0.1/8', ETH1).routes });
    assert.match(
      planned([staticRoute('a')], world),
      /NoCoveringRoute: 10\.0\.0\.0\/8 lies in a network that node n1 is itself connected to \(10\.0\.0\.0\/8 dev eth1 proto kernel\)/,
    );
  });

  it('says which family has no prefix to look toward, and routes the other', () => {
    const text = planned([staticRoute('a', { subnets: ['192.168.50.0/24', '2001:db8:50::/48'] })]);
    assert.match(text, /^192\.168\.50\.0\/24 via 10\.1\.0\.1 dev eth1/m);
    assert.match(text, /NoGatewayForFamily: there are IPv6 subnets, but via\.discover\.toward has no IPv6 prefix/);
  });

  it('uses a next hop whose device is up', () => {
    const eth2 = link(4, 'eth2', { up: false });
    const world = facts({ links: [ETH0, ETH1, eth2], routes: [route('10.0.0.0/8', '10.1.0.1', eth2)] });
    assert.match(planned([staticRoute('a')], world), /has no usable next hop/);
  });
});

describe('gateways', () => {
  it('takes the first whose selector matches, per family', () => {
    const v6 = onLink('2001:db8::10/64', ETH1);
    const world = facts({ routes: [...STANDARD_ROUTES, ...v6.routes] });
    const via = gateways(
      { address: '10.1.0.2', nodeSelector: matchLabels({ zone: 'b' }) },
      { address: '10.1.0.3', nodeSelector: matchLabels({ zone: 'a' }) },
      '10.1.0.4',
      '2001:db8::1',
    );
    const resource = staticRoute('a', { via, subnets: ['192.168.50.0/24', '2001:db8:50::/48'] });
    assert.equal(
      planned([resource], world, identity(), [node('n1', { zone: 'a' })]),
      '# StaticRoute a\n192.168.50.0/24 via 10.1.0.3 dev eth1 proto 201 metric 4201\n2001:db8:50::/48 via 2001:db8::1 dev eth1 proto 201 metric 4201',
    );
  });

  it('refuses a gateway that is not on a link, and lists the networks', () => {
    const text = planned([staticRoute('a', { via: gateways('10.9.0.1') })]);
    assert.match(
      text,
      /GatewayNotOnLink: gateway 10\.9\.0\.1 is not on a link of node n1 \(it is connected to 203\.0\.113\.0\/24 on eth0, 10\.1\.0\.0\/24 on eth1\)/,
    );
  });

  it('accepts one that is vouched for by device and onLink', () => {
    const via = gateways({ address: '10.9.0.1', device: 'eth1', onLink: true });
    assert.match(planned([staticRoute('a', { via })]), /192\.168\.50\.0\/24 via 10\.9\.0\.1 dev eth1 onlink proto 201/);
  });

  it('accepts a link-local IPv6 gateway with its device', () => {
    const via = gateways({ address: 'fe80::1', device: 'eth1' });
    assert.match(planned([staticRoute('a', { via, subnets: ['2001:db8:50::/48'] })]), /2001:db8:50::\/48 via fe80::1 dev eth1 proto 201/);
  });

  it('refuses one on another device than the one named', () => {
    assert.match(
      planned([staticRoute('a', { via: gateways({ address: '10.1.0.1', device: 'eth0' }) })]),
      /GatewayNotOnLink: gateway 10\.1\.0\.1 is not on a link of node n1 on device eth0/,
    );
  });

  it('refuses an address of the node itself', () => {
    assert.match(
      planned([staticRoute('a', { via: gateways('10.1.0.10') })]),
      /GatewayIsLocal: gateway 10\.1\.0\.10 is an address of node n1 itself/,
    );
  });

  it('is fine inside a subnet that it serves, but not as the path to itself', () => {
    assert.match(
      planned([staticRoute('a', { subnets: ['10.0.0.0/8'], via: gateways('10.1.0.1'), metric: 5 })]),
      /^10\.0\.0\.0\/8 via 10\.1\.0\.1 dev eth1 proto 201 metric 5/m,
    );
    const loop = planned([staticRoute('a', { subnets: ['10.1.0.0/25', '192.168.50.0/24'], via: gateways('10.1.0.1') })]);
    assert.match(loop, /GatewayLoop: 10\.1\.0\.0\/25 would become the path to its own gateway 10\.1\.0\.1/);
    assert.match(loop, /^hold 192\.168\.50\.0\/24/m);
    assert.doesNotMatch(loop, /^192/m);
  });

  it('says that no gateway has the family of some subnets', () => {
    const text = planned([staticRoute('a', { subnets: ['2001:db8:50::/48'], via: gateways('10.1.0.1') })]);
    assert.match(text, /NoGatewayForFamily: there are IPv6 subnets, but no IPv6 gateway/);
  });
});

describe('device, unreachable, overlay', () => {
  it('routes on-link by a device', () => {
    assert.match(
      planned([staticRoute('a', { via: { type: 'device', device: 'eth1' } })]),
      /^192\.168\.50\.0\/24 dev eth1 proto 201 metric 4201$/m,
    );
  });

  it('waits for a device that is missing or down', () => {
    assert.match(
      planned([staticRoute('a', { via: { type: 'device', device: 'wg0' } })]),
      /hold 192\.168\.50\.0\/24 metric 4201\n! a DeviceMissing: node n1 has no device wg0 \(it has eth0, eth1\)/,
    );
    const world = facts({ links: [ETH0, link(3, 'eth1', { up: false })] });
    assert.match(
      planned([staticRoute('a', { via: { type: 'device', device: 'eth1' } })], world),
      /DeviceDown: device eth1 of node n1 is down: bring it up with "ip link set eth1 up"/,
    );
  });

  it('refuses the loopback', () => {
    assert.match(planned([staticRoute('a', { via: { type: 'device', device: 'lo' } })]), /DeviceUnsuitable/);
  });

  it('fails closed with unreachable', () => {
    assert.match(planned([staticRoute('a', { via: { type: 'unreachable' } })]), /^unreachable 192\.168\.50\.0\/24 proto 201 metric 4201$/m);
  });

  it('needs an address of the overlay', () => {
    assert.match(
      planned([staticRoute('a', { via: { type: 'overlay', pool: 'default' } })]),
      /NoOverlayAddress: node n1 has no address of an OverlayPool "default"/,
    );
  });
});

describe('onMissingGateway', () => {
  const missing = { via: gateways('10.9.0.1') };
  const late = identity({ overdue: new Set([waitKey({ kind: 'StaticRoute', name: 'a' }, 4)]) });

  it('holds what is there during the grace period', () => {
    assert.match(planned([staticRoute('a', missing)]), /^hold 192\.168\.50\.0\/24/m);
  });

  it('withdraws after it, and says why all the time', () => {
    assert.match(planned([staticRoute('a', missing)], facts(), late), /^# StaticRoute a\n! a GatewayNotOnLink/);
  });

  it('fails closed after it when told to', () => {
    const text = planned([staticRoute('a', { ...missing, onMissingGateway: 'Unreachable' })], facts(), late);
    assert.match(text, /^unreachable 192\.168\.50\.0\/24 proto 201 metric 4201\n! a GatewayNotOnLink/m);
  });
});

describe('node selection', () => {
  const selective = staticRoute('a', {
    nodeSelector: { matchLabels: new Map(), matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['edge'] }] },
  });

  it('follows labels', () => {
    assert.match(planned([selective]), /192\.168\.50\.0\/24 via/);
    assert.equal(planned([selective], facts(), identity(), [node('n1', { role: 'edge' })]), '');
  });

  it('changes nothing while the labels are not known', () => {
    assert.match(planned([selective], facts(), identity(), []), /hold 192\.168\.50\.0\/24 metric 4201\n! a NodeLabelsUnknown/);
  });
});

describe('conflicts', () => {
  it('gives a prefix to the older resource; the other keeps the rest', () => {
    const older = staticRoute('z', { created: '2026-01-01T00:00:00Z' });
    const younger = staticRoute('a', { created: '2026-01-02T00:00:00Z', subnets: ['192.168.50.0/24', '192.168.60.0/24'] });
    assert.equal(
      planned([younger, older]),
      '# StaticRoute z\n192.168.50.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201\n' +
        '# StaticRoute a\n192.168.60.0/24 via 10.1.0.1 dev eth1 proto 201 metric 4201\n' +
        '! a Conflict: 192.168.50.0/24 already belongs to StaticRoute z, which is older, with the same metric 4201: remove it from one of both, or set another metric',
    );
  });

  it('goes by name when there is no creation time, whatever the order', () => {
    const [a, b] = [staticRoute('a'), staticRoute('b')];
    assert.equal(planned([a, b]), planned([b, a]));
    assert.match(planned([b, a]), /! b Conflict: .* StaticRoute a/);
  });

  it('lets both have it with different metrics', () => {
    assert.doesNotMatch(planned([staticRoute('a'), staticRoute('b', { metric: 5000 })]), /Conflict/);
  });

  it('leaves an equal foreign route alone, identical or not', () => {
    for (const via of ['10.1.0.1', '10.1.0.9']) {
      const world = facts({ routes: [...STANDARD_ROUTES, route('192.168.50.0/24', via, ETH1, { metric: 4201, protocol: 4 })] });
      assert.equal(
        planned([staticRoute('a')], world),
        `# StaticRoute a\nhold 192.168.50.0/24 metric 4201\n! a Conflict: the node has the foreign route "192.168.50.0/24 via ${via} dev eth1 proto static metric 4201", which is left alone; beside it none of ours is added or changed: remove it, or set another metric`,
      );
    }
  });

  it('keeps a route of ours beside an equal foreign one that came later, and changes nothing of it', () => {
    const beside = facts({ routes: [...STANDARD_ROUTES, route('192.168.50.0/24', '10.1.0.99', ETH1, { metric: 4201, protocol: 4 })] });
    const { plan } = planNode(snapshot([staticRoute('a', { via: gateways('10.1.0.7') })]), beside, identity());
    const ours = route('192.168.50.0/24', '10.1.0.1', ETH1, { metric: 4201, protocol: 201 });
    assert.deepEqual(diff({ routes: RouteIndex.of([ours]), sysctls: [] }, plan, beside), []);
    assert.deepEqual(diff({ routes: new RouteIndex(), sysctls: [] }, plan, beside), []);
    const gone = planNode(snapshot([]), beside, identity()).plan;
    assert.deepEqual(diff({ routes: RouteIndex.of([ours]), sysctls: [] }, gone, beside), [{ op: 'remove-route', route: ours }]);
  });

  it('installs beside a better foreign route, and says that it is shadowed', () => {
    const world = facts({ routes: [...STANDARD_ROUTES, route('192.168.50.0/24', '10.1.0.9', ETH1)] });
    const text = planned([staticRoute('a')], world);
    assert.match(text, /^192\.168\.50\.0\/24 via 10\.1\.0\.1 dev eth1 proto 201 metric 4201$/m);
    assert.match(text, /! a Shadowed: the node prefers the foreign route "192\.168\.50\.0\/24 via 10\.1\.0\.9 dev eth1 proto boot"/);
  });

  it('does not let a refused resource claim anything', () => {
    const bad = staticRoute('a', { subnets: ['192.168.50.0/24', '203.0.113.0/25'] });
    const text = planned([bad, staticRoute('b', { subnets: ['192.168.50.0/24', '192.168.60.0/24'] })]);
    assert.match(text, /^192\.168\.50\.0\/24 via/m);
    assert.match(text, /^192\.168\.60\.0\/24 via/m);
    assert.match(text, /! a ProtectedPath/);
    assert.doesNotMatch(text, /hold|Conflict/);
  });
});

describe('attributes', () => {
  it('carries metric, mtu and source; the source serves its own family', () => {
    const resource = staticRoute('a', { metric: 77, mtu: 1400, source: prefix('10.1.0.10/32').first, subnets: ['192.168.50.0/24'] });
    assert.match(planned([resource]), /192\.168\.50\.0\/24 via 10\.1\.0\.1 dev eth1 proto 201 src 10\.1\.0\.10 metric 77 mtu 1400/);
  });

  it('refuses a source that the node does not have', () => {
    assert.match(
      planned([staticRoute('a', { source: prefix('10.1.0.99/32').first })]),
      /SourceNotLocal: spec\.source 10\.1\.0\.99 is not an address of node n1/,
    );
  });

  it('loosens the reverse path of the device only while it is strict', () => {
    const loose = staticRoute('a', { reversePath: 'Loose' });
    const strict = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 1 })] });
    assert.match(planned([loose], strict), /net\.ipv4\.conf\.eth1\.rp_filter = 2/);
    assert.match(planned([loose], facts({ rpFilterAll: 1 })), /net\.ipv4\.conf\.eth1\.rp_filter = 2/);
    assert.doesNotMatch(planned([loose], facts()), /rp_filter/);
    assert.doesNotMatch(planned([loose], { ...strict, rpFilterAll: 2 }), /rp_filter/);
  });

  it('loosens every device that the node has a way to the subnets by, or that a gateway of the resource is on', () => {
    const loose = staticRoute('a', { reversePath: 'Loose' });
    const eth2 = link(4, 'eth2');
    const loosened = (resource: StaticRoute, ...routes: readonly Route[]): string => {
      const connected = onLink('10.2.0.10/24', eth2);
      const world = facts({ links: [ETH0, ETH1, eth2], rpFilterAll: 1, routes: [...STANDARD_ROUTES, ...connected.routes, ...routes] });
      const { plan } = planNode(snapshot([resource]), { ...world, addresses: [...world.addresses, connected.address] }, identity());
      return plannedSysctls(plan)
        .map(({ device }) => device.name)
        .join(' ');
    };
    assert.equal(loosened(loose), 'eth1');
    assert.equal(
      loosened(loose, route('10.0.0.0/8', '10.2.0.1', eth2, { metric: 100 })),
      'eth1 eth2',
      'a spare way to what is looked toward',
    );
    assert.equal(loosened(loose, route('192.168.0.0/16', '10.2.0.1', eth2)), 'eth1 eth2', 'a wider way');
    assert.equal(loosened(loose, route('192.168.50.0/24', '10.2.0.1', eth2, { table: 100 })), 'eth1 eth2', 'a way of another table');
    assert.equal(loosened(loose, route('192.168.50.0/24', '10.2.0.1', eth2, { metric: 4201 })), 'eth1 eth2', 'an equal foreign way');
    assert.equal(loosened(loose, route('192.168.50.0/25', '10.2.0.1', eth2)), 'eth1', 'a way to a part only');
    assert.equal(
      loosened(loose, route('0.0.0.0/1', '10.2.0.1', eth2), route('128.0.0.0/1', '10.2.0.1', eth2)),
      'eth1',
      'a way to everything',
    );
    assert.equal(loosened(loose, route('192.168.0.0/16', undefined, undefined, { type: 'unreachable' })), 'eth1');
    const both = { reversePath: 'Loose', via: gateways('10.1.0.1', '10.2.0.1') } as const;
    assert.equal(loosened(staticRoute('a', both)), 'eth1 eth2', 'a second gateway');
    assert.equal(loosened(staticRoute('a', { ...both, reversePath: 'Preserve' })), '');
    const anywhere = staticRoute('a', { reversePath: 'Loose', via: discover('0.0.0.0/0') });
    assert.equal(loosened(anywhere, route('default', '10.2.0.1', eth2, { metric: 50 })), 'eth0 eth2', 'it looks toward everything');
  });

  it('keeps what is loose while the routes are held', () => {
    const ours = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 2 })] });
    const remembered = [{ device: { index: 3, name: 'eth1' }, name: 'rp_filter' as const, previous: 1, value: 2 }];
    const waiting = staticRoute('a', { reversePath: 'Loose', via: gateways('10.9.0.1') });
    assert.match(
      planned([waiting], ours, identity({ remembered })),
      /hold 192\.168\.50\.0\/24 metric 4201\nnet\.ipv4\.conf\.eth1\.rp_filter = 2/,
    );
    assert.doesNotMatch(planned([waiting], ours), /rp_filter/);
  });

  it('judges strictness by the value before ours', () => {
    const ours = facts({ links: [ETH0, link(3, 'eth1', { rpFilter: 2 })] });
    const loose = staticRoute('a', { reversePath: 'Loose' });
    const remembered = [{ device: { index: 3, name: 'eth1' }, name: 'rp_filter' as const, previous: 1, value: 2 }];
    assert.match(planned([loose], ours, identity({ remembered })), /rp_filter = 2/);
    assert.doesNotMatch(planned([loose], ours), /rp_filter/);
  });
});

describe('claims of many', () => {
  const subnet = fc.integer({ min: 0, max: 30 }).map((net) => `172.20.${net}.0/24`);
  const resources = fc.array(fc.tuple(fc.uniqueArray(subnet, { minLength: 1, maxLength: 8 }), fc.constantFrom(4201, 5000)), {
    maxLength: 6,
  });

  it('give each identity to exactly one resource: the first in order that wants it', () => {
    fc.assert(
      fc.property(resources, (wanted) => {
        const routes = wanted.map(([subnets, metric], i) => staticRoute(`r${i}`, { subnets, metric }));
        const { plan } = planNode(snapshot(routes, { nodes: [node('n1')] }), facts(), identity());
        const owners = plan.resources.flatMap(({ meta, routes: own }) =>
          own.map(({ prefix: to, spec }) => [`${to} ${spec.metric}`, meta.ref.name]),
        );
        const expected = new Map<string, string>();
        for (const [i, [subnets, metric]] of wanted.entries()) {
          for (const to of subnets) if (!expected.has(`${to} ${metric}`)) expected.set(`${to} ${metric}`, `r${i}`);
        }
        assert.deepEqual(owners.toSorted(), [...expected].toSorted());
      }),
    );
  });
});

it('takes no next hop from a connected network that a DHCP client made', () => {
  const network = onLink('10.200.0.1/8', ETH1);
  const [connected, ...local] = network.routes;
  assert.ok(connected);
  const base = facts({ routes: [{ ...connected, spec: { ...connected.spec, protocol: 16 } }, ...local] });
  const world = { ...base, addresses: [...base.addresses, network.address] };
  assert.match(planned([staticRoute('a')], world), /NoCoveringRoute: 10\.0\.0\.0\/8 lies in a network that node n1 is itself connected to/);
});
