import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { flattenLists, parseDocument } from '../../src/api/parse.ts';
import { manifest, spec } from './support.ts';

const KNOWN =
  'fairlead.dev/v1alpha1 StaticRoute, fairlead.dev/v1alpha1 OverlayPool, fairlead.dev/v1alpha1 NodeOverlayIP, fairlead.dev/v1alpha1 NodeReport, fairlead.dev/v1alpha1 ClusterNetwork, v1 Node, v1 Service, discovery.k8s.io/v1 EndpointSlice';

const PROBLEMS: Readonly<Record<string, readonly [value: unknown, message: string]>> = {
  'nothing at all': [null, 'is not a Kubernetes object: found empty'],
  'a text, which may be a secret': ['hunter2', 'is not a Kubernetes object: found a text'],
  'a number, which may be a secret': [4711, 'is not a Kubernetes object: found a number'],
  'a boolean': [true, 'is not a Kubernetes object: found a boolean'],
  'a list': [[1], 'is not a Kubernetes object: found a list'],
  'no kind': [{ apiVersion: 'v1' }, `has no kind: write one of ${KNOWN}`],
  'no apiVersion': [{ kind: 'StaticRoute' }, '"StaticRoute" has no apiVersion: write fairlead.dev/v1alpha1'],
  'no apiVersion, unknown kind': [{ kind: 'toString' }, '"toString" has no apiVersion'],
  'a kind of somebody else': [
    { apiVersion: 'apps/v1', kind: 'Deployment' },
    `"apps/v1" "Deployment" is not a kind that is read here: known are ${KNOWN}`,
  ],
  'a misspelt kind': [
    { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRout' },
    '"fairlead.dev/v1alpha1" "StaticRout" is not a kind that is read here: did you mean fairlead.dev/v1alpha1 StaticRoute?',
  ],
  'a wrong apiVersion': [
    { apiVersion: 'fairlead.dev/v1', kind: 'StaticRoute' },
    '"fairlead.dev/v1" "StaticRoute" is not a kind that is read here: did you mean fairlead.dev/v1alpha1 StaticRoute?',
  ],
  'our kind without a name': [manifest(spec(), {}), 'StaticRoute: metadata.name: is missing'],
  'our kind with an impossible name': [
    manifest(spec(), { name: 'a/b' }),
    'StaticRoute: metadata.name: "a/b" is not a name that Kubernetes allows (lower case letters, digits, "-" and ".")',
  ],
};

for (const [name, [value, message]] of Object.entries(PROBLEMS)) {
  test(`a document that says nothing of use: ${name}`, () => {
    assert.deepEqual(parseDocument(value, 'a.yaml:1'), { type: 'problem', message });
  });
}

test('a StaticRoute is read', () => {
  const parsed = parseDocument(manifest(spec()), 'a.yaml:1');
  assert.equal(parsed.type, 'static-route');
  assert.deepEqual(parsed.type === 'static-route' && parsed.value.meta, {
    ref: { kind: 'StaticRoute', name: 'on-prem' },
    source: 'a.yaml:1',
  });
});

test('a named object that is wrong keeps its identity', () => {
  const metadata = { name: 'on-prem', uid: 'u-1', generation: 4 };
  assert.deepEqual(parseDocument(manifest(spec({ mtu: 1 }), metadata), 'a.yaml:1'), {
    type: 'invalid',
    meta: { ref: { kind: 'StaticRoute', name: 'on-prem' }, uid: 'u-1', generation: 4, source: 'a.yaml:1' },
    message: 'spec.mtu: 1 is not between 68 and 65520',
  });
});

test('a cluster-wide kind with a namespace is wrong, and named without it', () => {
  assert.deepEqual(parseDocument(manifest(spec(), { name: 'on-prem', namespace: 'shop' }), 'a.yaml:1'), {
    type: 'invalid',
    meta: { ref: { kind: 'StaticRoute', name: 'on-prem' }, source: 'a.yaml:1' },
    message: 'metadata.namespace: a StaticRoute belongs to the whole cluster and has no namespace: remove it',
  });
});

for (const [apiVersion, kind, why] of [
  ['v1', 'Service', 'Service: no resource refers to it'],
  ['discovery.k8s.io/v1', 'EndpointSlice', 'EndpointSlice: no resource refers to it'],
  ['fairlead.dev/v1alpha1', 'NodeReport', 'NodeReport: it is written by Fairlead, not read'],
]) {
  test(`${kind} may stand among manifests`, () => {
    assert.deepEqual(parseDocument({ apiVersion, kind, metadata: { name: 'x' } }, 'a.yaml:1'), { type: 'ignored', why });
  });
}

test('a Node gives labels, pod ranges and addresses', () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-a', labels: { zone: 'a' }, annotations: {} },
    spec: { podCIDRs: ['10.244.1.0/24', '2001:db8:1::/64'], podCIDR: '10.244.1.0/24', taints: [] },
    status: {
      addresses: [
        { type: 'InternalIP', address: '10.0.0.5' },
        { type: 'Hostname', address: 'node-a' },
        { type: 'ExternalIP', address: '2001:DB8::5' },
      ],
      capacity: {},
    },
  };
  const parsed = parseDocument(node, 'a.yaml:1');
  assert.ok(parsed.type === 'node');
  assert.equal(parsed.value.name, 'node-a');
  assert.deepEqual([...parsed.value.labels], [['zone', 'a']]);
  assert.deepEqual(parsed.value.podCIDRs.map(String), ['10.244.1.0/24', '2001:db8:1::/64']);
  assert.deepEqual(parsed.value.addresses.map(String), ['10.0.0.5', '2001:db8::5']);
});

test('a Node with a name alone is enough', () => {
  const parsed = parseDocument({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a', labels: null } }, 'a.yaml:1');
  assert.deepEqual(parsed, { type: 'node', value: { name: 'node-a', labels: new Map(), podCIDRs: [], addresses: [] } });
});

test('a Node that is wrong is named, with every error', () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-a' },
    spec: { podCIDR: '10.244.1.1/24' },
    status: {
      addresses: [
        { type: 'Hostname', address: 'node-a' },
        { type: 'InternalIP', address: 'x' },
      ],
    },
  };
  assert.deepEqual(parseDocument(node, 'a.yaml:1'), {
    type: 'invalid',
    meta: { ref: { kind: 'Node', name: 'node-a' }, source: 'a.yaml:1' },
    message:
      'spec.podCIDRs[0]: "10.244.1.1/24" has host bits set: write 10.244.1.0/24\nstatus.addresses[1].address: "x" is not an IP address',
  });
});

test('a label of a Node that is not a text is named', () => {
  const parsed = parseDocument({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a', labels: { rack: 7 } } }, 'a.yaml:1');
  assert.equal(parsed.type === 'invalid' && parsed.message, 'metadata.labels.rack: must be a text, not the number 7: write "7" in quotes');
});

test('lists are flattened, also lists in lists', () => {
  const a = manifest(spec(), { name: 'a' });
  const b = manifest(spec(), { name: 'b' });
  assert.deepEqual(flattenLists(a), [a]);
  assert.deepEqual(flattenLists({ apiVersion: 'v1', kind: 'List', items: [a, { kind: 'StaticRouteList', items: [b] }, 7] }), [a, b, 7]);
  assert.deepEqual(flattenLists({ kind: 'List', items: [] }), []);
  const broken = { apiVersion: 'v1', kind: 'List', items: 'none' };
  assert.deepEqual(flattenLists(broken), [broken]);
  assert.deepEqual(flattenLists(null), [null]);
});

describe('a ClusterNetwork', () => {
  const object = (change: object = {}, name = 'cluster') => ({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'ClusterNetwork',
    metadata: { name },
    ...change,
  });

  it('is what the controller found, also when that is not all', () => {
    const parsed = parseDocument(object({ status: { podRanges: ['10.244.0.0/16'], futureField: 1, dnsAddresses: ['10.96.0.10'] } }), 'x');
    assert.equal(parsed.type, 'cluster-network');
    assert.deepEqual(parsed.value.podRanges.map(String), ['10.244.0.0/16']);
    assert.deepEqual(parsed.value.dnsAddresses.map(String), ['10.96.0.10']);
    assert.deepEqual(parsed.value.serviceRanges, []);
    assert.equal(parseDocument(object(), 'x').type, 'cluster-network');
  });

  it('has one name, and texts that mean something', () => {
    const other = parseDocument(object({}, 'mine'), 'x');
    assert.equal(other.type, 'invalid');
    assert.match(other.message, /metadata\.name: must be cluster/);
    const broken = parseDocument(object({ status: { podRanges: ['10.244.0.1/16'] } }), 'x');
    assert.equal(broken.type, 'invalid');
    assert.match(broken.message, /status\.podRanges\[0\].*10\.244\.0\.0\/16/);
  });
});
