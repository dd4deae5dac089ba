import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PROTOCOL_KERNEL, TABLE_LOCAL } from '../../src/core/route.ts';
import {
  address,
  ETH0,
  ETH1,
  facts,
  gateways,
  identity,
  node,
  onLink,
  planned,
  prefix,
  route,
  rule,
  STANDARD_ROUTES,
  staticRoute,
} from './builders.ts';

describe('protection', () => {
  const refusal = (subnet: string, world = facts(), who = identity(), nodes = [node('n1')]): string =>
    planned([staticRoute('a', { subnets: [subnet] })], world, who, nodes)
      .split('\n')
      .find((line) => line.startsWith('! a ProtectedPath')) ?? '';

  it('refuses to move a connected network, a part of it, or a gateway in use', () => {
    assert.match(
      refusal('203.0.113.128/25'),
      /203\.0\.113\.128\/25 would move 203\.0\.113\.0\/24 \(for example 203\.0\.113\.128\), the network connected to eth0, from "203\.0\.113\.0\/24 dev eth0 proto kernel" to "via 10\.1\.0\.1 dev eth1"/,
    );
    assert.match(
      refusal('203.0.113.0/25'),
      /would move 203\.0\.113\.1\/32, the gateway of "default via 203\.0\.113\.1 dev eth0 proto boot"/,
    );
  });

  it('allows a route that is less specific than what the node uses', () => {
    assert.equal(refusal('203.0.0.0/8'), '');
    assert.equal(refusal('203.0.112.0/23'), '');
  });

  it('allows a route that does not change the path', () => {
    assert.equal(refusal('10.7.0.0/16', facts(), identity({ protect: [prefix('10.7.1.0/24')] })), '');
  });

  it('refuses --protect destinations, pod ranges and addresses of other nodes', () => {
    assert.match(
      refusal('198.51.0.0/16', facts(), identity({ protect: [prefix('198.51.100.0/24')] })),
      /would move 198\.51\.100\.0\/24 \(for example 198\.51\.100\.0\), protected by --protect 198\.51\.100\.0\/24/,
    );
    const other = node('n2', {}, { podCIDRs: [prefix('172.20.2.0/24')], addresses: [prefix('203.0.114.9/32').first] });
    assert.match(refusal('172.20.0.0/16', facts(), identity(), [node('n1'), other]), /the pod range of node n2/);
    assert.match(refusal('203.0.114.0/24', facts(), identity(), [node('n1'), other]), /the address of node n2/);
  });

  it("refuses the cluster's own addresses", () => {
    const clusterNetwork = {
      name: 'cluster',
      podRanges: [prefix('172.20.0.0/16')],
      serviceRanges: [prefix('172.21.0.0/16')],
      nodeAddresses: [address('203.0.114.9')],
      apiServerEndpoints: [address('203.0.115.9')],
      dnsAddresses: [address('172.22.0.10')],
    };
    const why = (subnet: string): string =>
      planned([staticRoute('a', { subnets: [subnet] })], facts(), identity(), [node('n1')], clusterNetwork);
    assert.match(
      why('172.20.7.0/24'),
      /172\.20\.7\.0\/24 would move 172\.20\.0\.0\/16 \(for example 172\.20\.7\.0\), a pod range of the cluster/,
    );
    assert.match(why('172.21.0.0/16'), /a service range of the cluster/);
    assert.match(why('203.0.114.0/24'), /203\.0\.114\.9\/32, the address of a node/);
    assert.match(why('203.0.115.9/32'), /203\.0\.115\.9\/32, an address of the API server/);
    assert.match(why('172.22.0.0/24'), /172\.22\.0\.10\/32, the cluster DNS/);
    assert.doesNotMatch(why('172.23.0.0/16'), /ProtectedPath/);
  });

  it('looks at the part of a protected range that no longer route keeps', () => {
    const world = facts({
      routes: [...STANDARD_ROUTES, route('198.51.100.0/25', '203.0.113.1', ETH0), route('198.51.100.128/25', '203.0.113.1', ETH0)],
    });
    const who = identity({ protect: [prefix('198.51.100.0/24')] });
    assert.equal(refusal('198.51.100.0/24', world, who), '');
    const half = facts({ routes: [...STANDARD_ROUTES, route('198.51.100.0/25', '203.0.113.1', ETH0)] });
    assert.match(refusal('198.51.100.0/24', half, who), /for example 198\.51\.100\.128/);
  });

  it('follows the rules before the main table', () => {
    const vpn = route('198.51.100.0/24', '203.0.113.1', ETH0, { table: 52 });
    const base = facts();
    const world = { ...base, routes: [...base.routes, vpn], rules: [...base.rules, rule(4, 5270, 52)] };
    assert.equal(refusal('198.51.100.0/24', world, identity({ protect: [prefix('198.51.100.0/24')] })), '');
  });

  it('is not misled by a local route for the first address, such as the one for the routers of an IPv6 network', () => {
    const base = facts();
    const { address, routes } = onLink('fd00:1::8000:0:0:10/64', ETH1);
    const anycast = route('fd00:1::/128', undefined, ETH1, { type: 'anycast', table: TABLE_LOCAL, protocol: PROTOCOL_KERNEL });
    const world = { ...base, addresses: [...base.addresses, address], routes: [...base.routes, ...routes, anycast] };
    const wanted = staticRoute('a', { subnets: ['fd00:1::/112'], via: gateways({ address: 'fe80::1', device: 'eth0' }) });
    assert.match(planned([wanted], world), /^! a ProtectedPath: fd00:1::\/112 would move fd00:1::\/64 \(for example fd00:1::1\)/m);
  });

  it('knows the network of an address also when a DHCP client made its route', () => {
    const base = facts();
    const routes = base.routes.map((each) =>
      each.prefix.text === '203.0.113.0/24' ? { ...each, spec: { ...each.spec, protocol: 16 } } : each,
    );
    assert.match(refusal('203.0.113.128/25', { ...base, routes }), /the network connected to eth0/);
    const tunnel = route('192.168.0.0/16', undefined, ETH0, { protocol: 3 });
    const own = {
      device: { index: 2, name: 'eth0' },
      address: prefix('192.168.9.9/32').first,
      prefixLength: 24,
      ours: false,
      state: 'valid',
    } as const;
    assert.equal(refusal('192.168.50.0/24', { ...base, addresses: [...base.addresses, own], routes: [...base.routes, tunnel] }), '');
  });

  it('keeps what the refused resource has besides, and removes what does the harm', () => {
    const text = planned([staticRoute('a', { subnets: ['192.168.50.0/24', '203.0.113.128/25'] })]);
    assert.match(text, /^hold 192\.168\.50\.0\/24 metric 4201$/m);
    assert.doesNotMatch(text, /^hold 203/m);
  });
});
