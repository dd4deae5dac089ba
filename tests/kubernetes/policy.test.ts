import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { reportStatus } from '../controller/objects.ts';
import type { ControlPlane } from '../lab/control-plane.ts';
import type { Api } from '../lab/kubernetes/api.ts';
import { createNode, createToken, podToken } from '../lab/kubernetes/objects.ts';
import { eventually, NAMESPACE, startWithAccounts } from './accounts.ts';
import { denied, forbidden, NOT_FOR, verdict } from './policy-words.ts';

const REPORTS = '/apis/fairlead.dev/v1alpha1/nodereports';
const EVENTS = '/apis/events.k8s.io/v1/namespaces/default/events';
const APPLY = '?fieldManager=fairlead-agent&force=true';
/** Longer than the 128 characters that an event has for it. */
const LONG = `n-${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}`;

let plane: ControlPlane;
/** Of node n1. */
let agent: Api;
let agentOfLong: Api;
let controller: Api;
/** Of the agent's account, but of no node. */
let nowhere: Api;

before(async () => {
  // The token of a Secret, as before Kubernetes 1.24, is made by the controller manager.
  plane = await startWithAccounts({ controllerManager: true });
  for (const name of ['n1', 'n2']) await createNode(plane.api, name);
  const of = async (account: string, node: string) => plane.apiAs({ token: await podToken(plane.api, NAMESPACE, account, node) });
  agent = await of('fairlead-agent', 'n1');
  agentOfLong = plane.apiAs({ token: await longNameToken() });
  controller = await of('fairlead-controller', 'n1');
  nowhere = plane.apiAs({ token: await createToken(plane.api, { namespace: NAMESPACE, serviceAccount: 'fairlead-agent' }) });
  await plane.api.post(REPORTS, report('n2'));
  await inForce();
});
after(() => plane.stop());

async function longNameToken(): Promise<string> {
  await plane.api.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: LONG } });
  const pods = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const spec = { nodeName: LONG, serviceAccountName: 'fairlead-agent', containers: [{ name: 'main', image: 'none' }] };
  await plane.api.post(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'long' }, spec });
  return createToken(plane.api, { namespace: NAMESPACE, serviceAccount: 'fairlead-agent', pod: 'long' });
}

/** The API server hears of a policy, and of its binding, a moment after they were made. */
function inForce(): Promise<void> {
  const attempt = () => agent.patch(`${REPORTS}/n2${APPLY}&dryRun=All`, report('n2'), 'apply');
  return eventually(async () => (await verdict(attempt())).startsWith('403 '));
}

const report = (name: string) => ({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'NodeReport', metadata: { name } });

const filled = (name: string) => ({ ...report(name), status: reportStatus([], '2026-01-01T00:00:00Z') });

function event(name: string, instance: string, change: object = {}) {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'fairlead.dev/agent',
    reportingInstance: instance,
    action: 'Reconcile',
    type: 'Warning',
    reason: 'NoGateway',
    note: 'a note',
    regarding: { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', name: 'on-prem' },
    ...change,
  };
}

const LATER = { status: { lastSync: '2026-01-01T00:00:01Z' } };

describe('the agent of n1', () => {
  it('may write the report of n1', async () => {
    assert.equal(await verdict(agent.patch(`${REPORTS}/n1${APPLY}`, report('n1'), 'apply')), 'accepted');
    assert.equal(await verdict(agent.patch(`${REPORTS}/n1/status${APPLY}`, filled('n1'), 'apply')), 'accepted');
    assert.equal(await verdict(agent.patch(`${REPORTS}/n1/status`, LATER)), 'accepted');
    await plane.api.delete(`${REPORTS}/n1`);
    assert.equal(await verdict(agent.post(REPORTS, report('n1'))), 'accepted');
  });

  it('may not write that of n2, in whatever way', async () => {
    await plane.api.patch(`${REPORTS}/n2/status${APPLY}`, filled('n2'), 'apply');
    const ways: Readonly<Record<string, () => Promise<unknown>>> = {
      apply: () => agent.patch(`${REPORTS}/n2${APPLY}`, report('n2'), 'apply'),
      'apply of the status': () => agent.patch(`${REPORTS}/n2/status${APPLY}`, filled('n2'), 'apply'),
      'merge patch': () => agent.patch(`${REPORTS}/n2`, { metadata: { labels: { a: 'b' } } }),
      'merge patch of the status': () => agent.patch(`${REPORTS}/n2/status`, LATER),
      'json patch': () =>
        agent.patch(`${REPORTS}/n2/status`, [{ op: 'replace', path: '/status/lastSync', value: LATER.status.lastSync }], 'json'),
      'another manager': () => agent.patch(`${REPORTS}/n2/status?fieldManager=x&force=true`, filled('n2'), 'apply'),
    };
    for (const [way, attempt] of Object.entries(ways)) assert.match(await verdict(attempt()), NOT_FOR('n2'), way);
  });

  it('may not make one for a node that has none', async () => {
    assert.match(await verdict(agent.post(REPORTS, report('n3'))), NOT_FOR('n3'));
    assert.match(await verdict(agent.patch(`${REPORTS}/n3${APPLY}`, report('n3'), 'apply')), NOT_FOR('n3'));
    const generated = { ...report(''), metadata: { generateName: 'n1' } };
    assert.match(await verdict(agent.post(REPORTS, generated)), NOT_FOR('n1[a-z0-9]+'));
  });

  it('may not rename its own', async () => {
    const renamed = await verdict(agent.patch(`${REPORTS}/n1`, { metadata: { name: 'n2' } }));
    assert.match(renamed, /^(400|422) .*name/);
  });

  it('may not delete, replace or read any report', async () => {
    assert.match(await verdict(agent.delete(`${REPORTS}/n1`)), forbidden('delete resource "nodereports"'));
    assert.match(await verdict(agent.delete(REPORTS)), forbidden('deletecollection resource "nodereports"'));
    assert.match(await verdict(agent.put(`${REPORTS}/n1`, report('n1'))), forbidden('update resource "nodereports"'));
    assert.match(await verdict(agent.get(REPORTS)), forbidden('list resource "nodereports"'));
    assert.match(await verdict(agent.get(`${REPORTS}/n2`)), forbidden('get resource "nodereports"'));
  });

  it('may not write what others decide', async () => {
    const routes = '/apis/fairlead.dev/v1alpha1/staticroutes';
    const route = {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'StaticRoute',
      metadata: { name: 'mine' },
      spec: { subnets: ['10.9.0.0/16'] },
    };
    assert.match(await verdict(agent.post(routes, route)), forbidden('create resource "staticroutes"'));
    assert.match(await verdict(agent.patch(`${routes}/mine/status`, { status: {} })), forbidden('patch resource "staticroutes/status"'));
    const network = '/apis/fairlead.dev/v1alpha1/clusternetworks/cluster';
    assert.match(await verdict(agent.patch(network, { metadata: {} })), forbidden('patch resource "clusternetworks"'));
    assert.match(await verdict(agent.patch('/api/v1/nodes/n1', { metadata: { labels: { a: 'b' } } })), forbidden('patch resource "nodes"'));
    assert.match(await verdict(agent.get('/api/v1/namespaces/default/secrets')), forbidden('list resource "secrets"'));
  });

  it('may write events of its own, and count them', async () => {
    assert.equal(await verdict(agent.patch(`${EVENTS}/own${APPLY}`, event('own', 'n1'), 'apply')), 'accepted');
    const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
    assert.equal(await verdict(agent.patch(`${EVENTS}/own${APPLY}`, event('own', 'n1', { series }), 'apply')), 'accepted');
  });

  it('may not write them for another node, or as another program', async () => {
    assert.match(await verdict(agent.post(EVENTS, event('x', 'n2'))), NOT_FOR('n2'));
    assert.match(await verdict(agent.patch(`${EVENTS}/x${APPLY}`, event('x', 'n2'), 'apply')), NOT_FOR('n2'));
    const kubelet = event('x', 'n1', { reportingController: 'kubelet' });
    assert.match(await verdict(agent.post(EVENTS, kubelet)), denied('an agent may not write events as kubelet'));
  });

  it('may not take over an event of others', async () => {
    await plane.api.post(EVENTS, event('theirs', 'n2'));
    assert.match(
      await verdict(agent.patch(`${EVENTS}/theirs`, { reportingInstance: 'n1' })),
      /^422 .*reportingInstance: .*field is immutable/,
    );
    assert.match(await verdict(agent.patch(`${EVENTS}/theirs`, { metadata: { labels: { a: 'b' } } })), NOT_FOR('n2'));
    // As the kubelet of this very node writes them.
    const core = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'core' }, involvedObject: { namespace: 'default' } };
    const posted = { ...core, reportingComponent: 'kubelet', reportingInstance: 'n1' };
    await plane.api.post('/api/v1/namespaces/default/events', posted);
    const words = await verdict(agent.patch(`${EVENTS}/core`, { metadata: { labels: { a: 'b' } } }));
    assert.match(words, denied('an agent may not write events as kubelet'));
  });

  it('may not write events by the older API, or in other namespaces', async () => {
    const core = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'x' }, involvedObject: { namespace: 'default' } };
    assert.match(
      await verdict(agent.post('/api/v1/namespaces/default/events', core)),
      forbidden('create resource "events" in API group ""'),
    );
    const elsewhere = event('x', 'n1', { metadata: { name: 'x', namespace: 'kube-system' } });
    assert.match(
      await verdict(agent.post(EVENTS.replace('default', 'kube-system'), elsewhere)),
      forbidden('create resource "events" in API group "events.k8s.io" in the namespace "kube-system"'),
    );
  });
});

describe('the older API of events', () => {
  it('would be held to the same, if somebody granted it', async () => {
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' };
    const subjects = [{ kind: 'ServiceAccount', namespace: NAMESPACE, name: 'fairlead-agent' }];
    const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
    await plane.api.post('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'events' },
      rules: [{ apiGroups: [''], resources: ['events'], verbs: ['create'] }],
    });
    await plane.api.post(bindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'too-much' },
      roleRef: { ...role, name: 'events' },
      subjects,
    });
    const core = (instance: string) => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: 'x' },
      involvedObject: { namespace: 'default' },
      reportingComponent: 'fairlead.dev/agent',
      reportingInstance: instance,
    });
    const post = (instance: string) => verdict(agent.post('/api/v1/namespaces/default/events', core(instance)));
    await eventually(async () => (await post('n1')) === 'accepted');
    assert.match(await post('n2'), NOT_FOR('n2'));
  });
});

describe('another version of a report', () => {
  it('is held to the same', async () => {
    interface Definition {
      readonly spec: { readonly versions: readonly object[] };
    }
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodereports.fairlead.dev';
    const definition = await plane.api.get<Definition>(path);
    const versions = definition.spec.versions.flatMap((version) => [version, { ...version, name: 'v1', storage: false }]);
    await plane.api.put(path, { ...definition, spec: { ...definition.spec, versions } });
    const newer = REPORTS.replace('v1alpha1', 'v1');
    await plane.api.until(newer, () => true);
    const of = (name: string) => ({ ...report(name), apiVersion: 'fairlead.dev/v1' });
    assert.equal(await verdict(agent.patch(`${newer}/n1${APPLY}`, of('n1'), 'apply')), 'accepted');
    assert.match(await verdict(agent.patch(`${newer}/n2${APPLY}`, of('n2'), 'apply')), NOT_FOR('n2'));
    assert.match(await verdict(agent.patch(`${newer}/n2/status`, LATER)), NOT_FOR('n2'));
  });
});

describe('a node with a long name', () => {
  it('has events under as much of it as there is room for', async () => {
    assert.equal(await verdict(agentOfLong.post(EVENTS, event('long', LONG.slice(0, 128)))), 'accepted');
    assert.match(await verdict(agentOfLong.post(EVENTS, event('longer', LONG.slice(0, 127)))), /may not write for node/);
    assert.equal(await verdict(agentOfLong.post(REPORTS, report(LONG))), 'accepted');
    assert.match(await verdict(agentOfLong.post(REPORTS, report(LONG.slice(0, 128)))), /may not write for node/);
  });
});

describe('a token that names no node', () => {
  const WORDS = denied(
    'the token of this agent names no node; it must be one that the kubelet got for a pod \\(Kubernetes 1\\.31 or later\\)',
  );

  it('of no pod is refused, with the reason', async () => {
    assert.match(await verdict(nowhere.post(REPORTS, report('n4'))), WORDS);
    assert.match(await verdict(nowhere.post(EVENTS, event('x', 'n1'))), WORDS);
    assert.match(await verdict(nowhere.patch(`${REPORTS}/n1/status${APPLY}`, filled('n1'), 'apply')), WORDS);
  });

  it('of a Secret is refused, with the reason', async () => {
    const secrets = `/api/v1/namespaces/${NAMESPACE}/secrets`;
    const annotations = { 'kubernetes.io/service-account.name': 'fairlead-agent' };
    await plane.api.post(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'old', annotations },
      type: 'kubernetes.io/service-account-token',
    });
    interface Secret {
      readonly data?: { readonly token?: string };
    }
    const { data } = await plane.api.until<Secret>(`${secrets}/old`, (secret) => secret.data?.token !== undefined);
    const old = plane.apiAs({ token: Buffer.from(data?.token ?? '', 'base64').toString() });
    assert.match(await verdict(old.post(REPORTS, report('n1'))), WORDS);
  });
});

describe('others', () => {
  it('are not touched by the policy', async () => {
    assert.equal(await verdict(plane.api.patch(`${REPORTS}/n2/status${APPLY}`, filled('n2'), 'apply')), 'accepted');
    assert.equal(await verdict(plane.api.post(EVENTS, event('any', 'somebody', { reportingController: 'kubelet' }))), 'accepted');
    const node = plane.apiAs({ name: 'system:node:n1', groups: ['system:nodes'] });
    const core = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'kubelet' }, involvedObject: { namespace: 'default' } };
    assert.equal(await verdict(node.post('/api/v1/namespaces/default/events', core)), 'accepted');
  });

  it('are the controllers, who may delete reports, but not write them', async () => {
    assert.match(await verdict(controller.post(REPORTS, report('n5'))), forbidden('create resource "nodereports"'));
    assert.match(
      await verdict(controller.patch(`${REPORTS}/n2${APPLY}`, report('n2'), 'apply')),
      forbidden('patch resource "nodereports"'),
    );
    assert.match(
      await verdict(controller.patch(`${REPORTS}/n2/status${APPLY}`, filled('n2'), 'apply')),
      forbidden('patch resource "nodereports/status"'),
    );
    assert.match(await verdict(controller.get('/api/v1/namespaces/kube-system/secrets')), forbidden('list resource "secrets"'));
    const cluster = '/apis/fairlead.dev/v1alpha1/clusternetworks';
    const other = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'ClusterNetwork', metadata: { name: 'other' } };
    assert.notEqual(await verdict(controller.patch(`${cluster}/other${APPLY}`, other, 'apply')), 'accepted');
    assert.equal(await verdict(controller.delete(`${REPORTS}/n2`)), 'accepted');
  });
});
