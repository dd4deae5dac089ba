import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ControlPlane } from '../lab/control-plane.ts';
import type { Api } from '../lab/kubernetes/api.ts';
import { createNode, podToken } from '../lab/kubernetes/objects.ts';
import { eventually, NAMESPACE, startWithAccounts } from './accounts.ts';
import { denied, forbidden, NOT_FOR, verdict } from './policy-words.ts';

const ADDRESSES = '/apis/fairlead.dev/v1alpha1/nodeoverlayips';
const APPLY = '?fieldManager=fairlead-agent&force=true';

let plane: ControlPlane;
/** Of node n1. */
let agent: Api;

before(async () => {
  plane = await startWithAccounts();
  for (const name of ['n1', 'n2']) {
    await createNode(plane.api, name);
    await plane.api.post(ADDRESSES, address(name));
  }
  agent = plane.apiAs({ token: await podToken(plane.api, NAMESPACE, 'fairlead-agent', 'n1') });
  // The API server hears of a policy, and of its binding, a moment after they were made.
  const attempt = () => agent.patch(`${ADDRESSES}/n2.default/status${APPLY}&dryRun=All`, answered('n2', {}), 'apply');
  await eventually(async () => NOT_FOR('n2').test(await verdict(attempt())));
});
after(() => plane.stop());

const address = (node: string) => ({
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'NodeOverlayIP',
  metadata: { name: `${node}.default` },
  spec: { node, pool: 'default', addresses: ['192.168.100.4/24'] },
});

const condition = (type: string, status = 'True') => ({
  type,
  status,
  reason: 'Granted',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const DECIDED = {
  zone: 'a',
  addresses: [{ address: '192.168.100.4/24', gateway: '192.168.100.1' }],
  interface: { parent: { name: 'eth1' }, name: 'tmp0', type: 'Macvlan' },
};

const answered = (node: string, status: object) => {
  const { spec, ...object } = address(node);
  return { ...object, status };
};

describe('the agent of n1', () => {
  it('may say what it has made of its own overlay addresses, also when nothing is decided yet', async () => {
    const first = answered('n1', { device: { name: 'tmp0' }, conditions: [condition('DeviceReady', 'False')] });
    assert.equal(await verdict(agent.patch(`${ADDRESSES}/n1.default/status${APPLY}`, first, 'apply')), 'accepted');
    const { status } = answered('n1', { ...DECIDED, conditions: [condition('Ready'), condition('Degraded', 'False')] });
    await plane.api.patch(`${ADDRESSES}/n1.default/status?fieldManager=fairlead-controller`, { ...answered('n1', status) }, 'apply');
    const second = answered('n1', { device: { name: 'tmp0', mtu: 1400 }, conditions: [condition('DeviceReady')] });
    assert.equal(await verdict(agent.patch(`${ADDRESSES}/n1.default/status${APPLY}`, second, 'apply')), 'accepted');
    const last = answered('n1', { conditions: [condition('DeviceReady', 'False')] });
    assert.equal(await verdict(agent.patch(`${ADDRESSES}/n1.default/status${APPLY}`, last, 'apply')), 'accepted');
    const { metadata, ...fields } = await plane.api.get(`${ADDRESSES}/n1.default`);
    const { conditions, ...decided } = fields.status as { readonly conditions: readonly object[] };
    assert.deepEqual([decided, conditions.length], [DECIDED, 3]);
  });

  it('may not decide about them, in whatever way', async () => {
    const WORDS = denied('of the status of a NodeOverlayIP an agent may write device and the condition DeviceReady, and nothing else');
    const path = `${ADDRESSES}/n1.default/status`;
    const changes: Readonly<Record<string, unknown>> = {
      'the zone': { zone: 'b' },
      'a gateway': { addresses: [{ address: '192.168.100.4/24', gateway: '192.168.100.66' }] },
      'a record': { addresses: [{ ...DECIDED.addresses[0], ipamID: '7' }] },
      'the interface': { interface: { ...DECIDED.interface, name: 'eth0' } },
      'the generation that was seen': { observedGeneration: 7 },
      'no addresses': { addresses: null },
      'a refusal': { conditions: [condition('Ready', 'False'), condition('Degraded', 'False')] },
      'another condition': { conditions: [condition('Ready'), condition('Degraded', 'False'), condition('Granted')] },
      'no conditions': { conditions: null },
      'nothing at all': null,
    };
    for (const [what, status] of Object.entries(changes)) assert.match(await verdict(agent.patch(path, { status })), WORDS, what);
    const forced = answered('n1', { conditions: [condition('Ready', 'False')] });
    assert.match(await verdict(agent.patch(`${path}?fieldManager=x&force=true`, forced, 'apply')), WORDS);
    const posing = answered('n1', { zone: 'b' });
    assert.match(await verdict(agent.patch(`${path}?fieldManager=fairlead-controller&force=true`, posing, 'apply')), WORDS);
    const replaced = [{ op: 'replace', path: '/status/zone', value: 'b' }];
    assert.match(await verdict(agent.patch(path, replaced, 'json')), WORDS);
  });

  it('changes nothing but the status by writing that', async () => {
    const before = await plane.api.get(`${ADDRESSES}/n1.default`);
    const change = { metadata: { finalizers: ['x.example.org/y'], labels: { a: 'b' } }, spec: { pool: 'other' } };
    assert.equal(await verdict(agent.patch(`${ADDRESSES}/n1.default/status`, change)), 'accepted');
    assert.deepEqual(await plane.api.get(`${ADDRESSES}/n1.default`), before);
  });

  it('may not write those of n2, in whatever way', async () => {
    const path = `${ADDRESSES}/n2.default/status`;
    const status = { conditions: [condition('DeviceReady')] };
    assert.match(await verdict(agent.patch(`${path}${APPLY}`, answered('n2', status), 'apply')), NOT_FOR('n2'));
    assert.match(await verdict(agent.patch(path, { status })), NOT_FOR('n2'));
    const added = [{ op: 'add', path: '/status', value: status }];
    assert.match(await verdict(agent.patch(path, added, 'json')), NOT_FOR('n2'));
  });

  it('may not make, change or delete any overlay addresses', async () => {
    const object = address('n1');
    const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => agent.post(ADDRESSES, { ...object, metadata: { name: 'n1.other' }, spec: { ...object.spec, pool: 'other' } }),
      patch: () => agent.patch(`${ADDRESSES}/n1.default`, { metadata: { labels: { a: 'b' } } }),
      update: () => agent.put(`${ADDRESSES}/n1.default`, object),
      delete: () => agent.delete(`${ADDRESSES}/n1.default`),
    };
    for (const [verb, attempt] of Object.entries(verbs)) {
      assert.match(await verdict(attempt()), forbidden(`${verb} resource "nodeoverlayips"`), verb);
    }
    assert.match(await verdict(agent.get('/apis/fairlead.dev/v1alpha1/overlaypools')), forbidden('list resource "overlaypools"'));
  });
});

describe('overlay addresses themselves', () => {
  it('could not be written by an agent, if somebody granted it', async () => {
    const group = '/apis/rbac.authorization.k8s.io/v1';
    const head = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'too-much-of-addresses' } };
    const rules = [{ apiGroups: ['fairlead.dev'], resources: ['nodeoverlayips'], verbs: ['create', 'patch'] }];
    await plane.api.post(`${group}/clusterroles`, { ...head, kind: 'ClusterRole', rules });
    await plane.api.post(`${group}/clusterrolebindings`, {
      ...head,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: head.metadata.name },
      subjects: [{ kind: 'ServiceAccount', namespace: NAMESPACE, name: 'fairlead-agent' }],
    });
    const WORDS = denied('an agent may write the status of a NodeOverlayIP, not the object itself');
    const patch = () => verdict(agent.patch(`${ADDRESSES}/n1.default`, { metadata: { labels: { a: 'b' } } }));
    await eventually(async () => !(await patch()).includes('is forbidden: User'));
    assert.match(await patch(), WORDS);
    const made = { ...address('n1'), metadata: { name: 'n1.other' }, spec: { ...address('n1').spec, pool: 'other' } };
    assert.match(await verdict(agent.post(ADDRESSES, made)), WORDS);
    await plane.api.delete(`${group}/clusterrolebindings/${head.metadata.name}`);
  });
});
