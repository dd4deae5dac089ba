import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStaticRoute } from '../../src/api/kinds/static-route.ts';
import type { StaticRoute } from '../../src/core/resources.ts';
import { manifest, plain, spec } from './support.ts';

test('what is absent gets its default', () => {
  const route = accepted(manifest({ subnets: ['192.168.50.0/24', '2001:DB8:50::/48'] }));
  assert.deepEqual(plain(route), {
    meta: { ref: { kind: 'StaticRoute', name: 'on-prem' }, source: 'routes.yaml:1' },
    subnets: ['192.168.50.0/24', '2001:db8:50::/48'],
    via: { type: 'discover', toward: { 4: '10.0.0.0/8' } },
    nodeSelector: { matchLabels: {}, matchExpressions: [] },
    metric: 4201,
    onMissingGateway: 'Withdraw',
    reversePath: 'Preserve',
  });
});

test('everything that can be written arrives', () => {
  const written = {
    subnets: ['192.168.50.0/24'],
    via: {
      gateways: [
        { address: '10.1.0.1', nodeSelector: { matchLabels: { 'topology.kubernetes.io/zone': 'a' } } },
        { address: 'fe80::1', device: 'eth1', onLink: true },
      ],
    },
    nodeSelector: { matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['edge'] }] },
    metric: 4294967295,
    mtu: 1400,
    source: '10.1.0.9',
    onMissingGateway: 'Unreachable',
    reversePath: 'Loose',
  };
  const created = '2027-01-31T12:00:00Z';
  const metadata = { name: 'on-prem', uid: 'u-1', generation: 3, creationTimestamp: created, labels: { a: 'b' }, resourceVersion: '7' };
  const route = accepted({ ...manifest(written, metadata), status: { anything: true } });
  assert.deepEqual(plain(route), {
    meta: { ref: { kind: 'StaticRoute', name: 'on-prem' }, uid: 'u-1', generation: 3, created, source: 'routes.yaml:1' },
    subnets: ['192.168.50.0/24'],
    via: {
      type: 'gateways',
      choices: [
        { address: '10.1.0.1', onLink: false, nodeSelector: { matchLabels: { 'topology.kubernetes.io/zone': 'a' }, matchExpressions: [] } },
        { address: 'fe80::1', device: 'eth1', onLink: true, nodeSelector: { matchLabels: {}, matchExpressions: [] } },
      ],
    },
    nodeSelector: { matchLabels: {}, matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['edge'] }] },
    metric: 4294967295,
    mtu: 1400,
    source: '10.1.0.9',
    onMissingGateway: 'Unreachable',
    reversePath: 'Loose',
  });
});

const EVERY_NODE = { matchLabels: {}, matchExpressions: [] };

const VIA: Readonly<Record<string, readonly [via: unknown, core: unknown]>> = {
  'an empty via discovers': [{}, { type: 'discover', toward: { 4: '10.0.0.0/8' } }],
  'discover without toward': [{ discover: {} }, { type: 'discover', toward: { 4: '10.0.0.0/8' } }],
  'discover in both families, default routes': [
    { discover: { toward: ['::/0', '0.0.0.0/0'] } },
    { type: 'discover', toward: { 4: '0.0.0.0/0', 6: '::/0' } },
  ],
  'a gateway is a list of one choice': [
    { gateway: '10.176.162.129' },
    { type: 'gateways', choices: [{ address: '10.176.162.129', onLink: false, nodeSelector: EVERY_NODE }] },
  ],
  'an IPv4 link-local gateway needs no device': [
    { gateway: '169.254.1.1' },
    { type: 'gateways', choices: [{ address: '169.254.1.1', onLink: false, nodeSelector: EVERY_NODE }] },
  ],
  overlay: [{ overlay: { pool: 'default' } }, { type: 'overlay', pool: 'default' }],
  device: [{ device: 'eth1.100' }, { type: 'device', device: 'eth1.100' }],
  unreachable: [{ unreachable: {} }, { type: 'unreachable' }],
};

for (const [name, [via, core]] of Object.entries(VIA)) {
  test(`via: ${name}`, () => assert.deepEqual(plain(accepted(manifest(spec({ via }))).via), core));
}

for (const prefix of ['10.0.0.0/8', 'fc00::/7', '203.0.113.7/32', '2001:db8::1/128', '126.0.0.0/8', '0.1.0.0/16', '240.0.0.0/8']) {
  test(`subnet accepted: ${prefix}`, () => {
    assert.deepEqual(plain(accepted(manifest({ subnets: [prefix] })).subnets), [prefix]);
  });
}

test('4096 subnets are accepted', () => {
  const subnets = Array.from({ length: 4096 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  assert.deepEqual(plain(accepted(manifest({ subnets })).subnets), subnets);
});

function accepted(object: unknown): StaticRoute {
  const parsed = parseStaticRoute(object, 'routes.yaml:1');
  assert.deepEqual(parsed.ok ? [] : parsed.errors, []);
  assert.ok(parsed.ok);
  return parsed.value;
}
