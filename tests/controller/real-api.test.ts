import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ApiClient } from '../../src/cluster/api-client.ts';
import { openKubernetes } from '../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../src/cluster/kubernetes/config.ts';
import { Controller } from '../../src/controller/controller.ts';
import { LEASE_NAME, LEASES, readLease, releasedLease } from '../../src/controller/lease.ts';
import type { RouteCondition, RouteStatus } from '../../src/controller/route-status.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import type { ApiObject } from '../lab/kubernetes/api.ts';
import { createNamespace, createNode } from '../lab/kubernetes/objects.ts';
import { entry, reportStatus } from './objects.ts';

const NAMESPACE = 'fairlead-system';
const ROUTES = '/apis/fairlead.dev/v1alpha1/staticroutes';
const REPORTS = '/apis/fairlead.dev/v1alpha1/nodereports';
const NETWORK = '/apis/fairlead.dev/v1alpha1/clusternetworks/cluster';
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${LEASE_NAME}`;

interface Running {
  readonly controller: Controller;
  readonly client: ApiClient;
  readonly log: string[];
}

describe('on a real API server, a controller', () => {
  let plane: ControlPlane;
  const running = new Map<string, Running>();

  before(async () => {
    plane = await startControlPlane();
    await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    await createNamespace(plane.api, NAMESPACE);
    for (const i of [1, 2, 3]) await createNode(plane.api, `n${i}`, { addresses: [`10.1.0.${i}`], podCIDRs: [`10.244.${i}.0/24`] });
    for (const name of ['first', 'second']) {
      await start(name);
      await plane.api.until(LEASE, () => true);
    }
  });
  after(async () => {
    for (const name of running.keys()) await stop(name);
    await plane.stop();
  });

  async function start(name: string): Promise<void> {
    const kubeconfig = plane.kubeconfigFor({ name, groups: ['system:masters'] });
    const client = openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: '0', role: 'controller' });
    const log: string[] = [];
    const say = (message: string): void => void log.push(message);
    const controller = new Controller({
      client,
      clock: systemClock,
      log: { info: say, warn: say, error: say },
      namespace: NAMESPACE,
      identity: name,
      events: { record() {} },
      openProvider: () => assert.fail('there is no pool'),
    });
    running.set(name, { controller, client, log });
    controller.run().catch((error: unknown) => assert.fail(String(error)));
  }

  async function stop(name: string): Promise<void> {
    const { controller, client } = running.get(name) ?? assert.fail();
    running.delete(name);
    await controller.close();
    await client.close();
  }

  /** What the agents of these nodes report. */
  async function report(nodes: readonly number[], ...resources: readonly object[]): Promise<void> {
    for (const i of nodes) {
      const object = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'NodeReport', metadata: { name: `n${i}` } };
      const field = '?fieldManager=fairlead-agent&force=true';
      await plane.api.patch(`${REPORTS}/n${i}${field}`, object, 'apply');
      const status = reportStatus(resources as never, new Date().toISOString());
      await plane.api.patch(`${REPORTS}/n${i}/status${field}`, { ...object, status }, 'apply');
    }
  }

  const makeRoute = (name: string): Promise<ApiObject> =>
    plane.api.post(ROUTES, {
      apiVersion: 'fairlead.dev/v1alpha1',
      kind: 'StaticRoute',
      metadata: { name },
      spec: { subnets: ['192.168.50.0/24'] },
    });
  const told = ({ metadata: { name, uid, generation } }: ApiObject, over = {}): object =>
    entry(name, { uid, observedGeneration: generation, routes: 1, gateway: '10.0.0.1', device: 'eth1', ...over });
  const statusOf = (object: ApiObject): RouteStatus | undefined => object.status as RouteStatus | undefined;
  const conditionOf = (object: ApiObject, type: string): RouteCondition | undefined =>
    statusOf(object)?.conditions?.find((each) => each.type === type);
  const ready = (status: string, reason: string) => (object: ApiObject) => {
    const condition = conditionOf(object, 'Ready');
    return condition?.status === status && condition.reason === reason;
  };
  const writesOf = async (name: string): Promise<number> =>
    (await plane.writes({ resource: 'staticroutes', subresource: 'status', name })).length;

  it('holds a Lease that the API server accepts', async () => {
    const lease = await plane.api.until(LEASE, ({ spec }) => (spec as Record<string, unknown>)['leaseTransitions'] === 0);
    const spec = lease.spec as Record<string, unknown>;
    assert.match(String(spec['holderIdentity']), /^first_[0-9a-f]{8}$/);
    assert.equal(spec['leaseDurationSeconds'], 15);
    assert.match(String(spec['renewTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await plane.api.until(LEASE, (now) => (now.spec as Record<string, unknown>)['renewTime'] !== spec['renewTime']);
  });

  it('tells the truth about every node in the status, for kubectl too', async () => {
    const route = await makeRoute('on-prem');
    await report([1, 2], told(route));
    await report([3], told(route, { reason: 'DeviceMissing', message: 'there is no eth9 on n3: name another device' }));
    const failing = await plane.api.until(`${ROUTES}/on-prem`, ready('False', 'DeviceMissing'));
    assert.deepEqual(statusOf(failing)?.nodes, { selected: 3, ready: 2, failed: 1 });
    assert.deepEqual(
      statusOf(failing)?.nodeStatus.map(({ hostname }) => hostname),
      ['n3', 'n1', 'n2'],
    );
    assert.equal(conditionOf(failing, 'Degraded')?.status, 'True');
    const [, line = ''] = (await plane.kubectl(['get', 'sr', 'on-prem', '-o', 'wide'])).split('\n');
    assert.match(
      line,
      /^on-prem +False +3 +1 +DeviceMissing .*1 of 3 nodes is not ready: DeviceMissing on n3: there is no eth9 on n3: name another device/,
    );
    await report([3], told(route));
    const good = await plane.api.until(`${ROUTES}/on-prem`, ready('True', 'AllNodesReady'));
    assert.equal(statusOf(good)?.nodes.ready, 3);
    assert.ok((await writesOf('on-prem')) <= 3);
  });

  it('writes once what all nodes answer at once, and with server-side apply', async () => {
    const route = await makeRoute('once');
    await report([1, 2, 3], told(route));
    await plane.api.until(`${ROUTES}/once`, ready('True', 'AllNodesReady'));
    const writes = await plane.writes({ resource: 'staticroutes', name: 'once', subresource: 'status' });
    assert.ok(writes.length <= 2, JSON.stringify(writes));
    const { metadata } = await plane.api.get<{
      readonly metadata: { readonly managedFields: readonly { readonly manager: string; readonly operation: string }[] };
    }>(`${ROUTES}/once`);
    assert.ok(metadata.managedFields.some(({ manager, operation }) => manager === 'fairlead-controller' && operation === 'Apply'));
  });

  it('restores what somebody edits, leaves the condition of another alone, and comes to rest', async () => {
    const route = await makeRoute('edited');
    await report([1, 2, 3], told(route));
    const good = await plane.api.until(`${ROUTES}/edited`, ready('True', 'AllNodesReady'));
    const foreign = { type: 'Synced', status: 'True', reason: 'Argo', message: 'x', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const status = statusOf(good);
    const edited = {
      ...status,
      nodes: { selected: 9, ready: 9, failed: 0 },
      nodeStatus: [],
      conditions: [...(status?.conditions ?? []), foreign],
    };
    await plane.api.patch(`${ROUTES}/edited/status`, { status: edited });
    const restored = await plane.api.until(
      `${ROUTES}/edited`,
      (now) => statusOf(now)?.nodes.selected === 3 && statusOf(now)?.nodeStatus.length === 3,
    );
    assert.equal(conditionOf(restored, 'Synced')?.reason, 'Argo');
    assert.equal(conditionOf(restored, 'Ready')?.lastTransitionTime, conditionOf(good, 'Ready')?.lastTransitionTime);
    await plane.api.patch(`${ROUTES}/edited/status`, { status: null });
    await plane.api.until(`${ROUTES}/edited`, ready('True', 'AllNodesReady'));
    const writes = await writesOf('edited');
    // Another object passes through all of the controller after that.
    await makeRoute('after');
    await plane.api.until(`${ROUTES}/after`, ready('False', 'Pending'));
    assert.equal(await writesOf('edited'), writes);
  });

  it('keeps the ClusterNetwork, from what a real API server says about itself', async () => {
    const { spec } = await plane.api.get('/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
    const lists = (object: ApiObject): Record<string, readonly string[]> => (object.status ?? {}) as Record<string, readonly string[]>;
    const found = lists(await plane.api.until(NETWORK, (now) => lists(now)['serviceRanges'] !== undefined));
    assert.deepEqual(found['serviceRanges'], (spec as { readonly cidrs: readonly string[] }).cidrs);
    assert.deepEqual(found['nodeAddresses'], ['10.1.0.1', '10.1.0.2', '10.1.0.3']);
    assert.deepEqual(found['podRanges'], ['10.244.1.0/24', '10.244.2.0/23']);
    await plane.api.patch(`${NETWORK}/status`, { status: { podRanges: [...(found['podRanges'] ?? []), '0.0.0.0/0'] } });
    await plane.api.until(NETWORK, (now) => lists(now)['podRanges']?.length === 2);
    await plane.api.delete(NETWORK);
    await plane.api.until(NETWORK, (now) => lists(now)['podRanges']?.length === 2);
  });

  it('says that its agents are older than an object, and deletes nothing of nobody', async () => {
    const route = await makeRoute('newer');
    await report([1, 2, 3], told(route));
    await plane.api.until(`${ROUTES}/newer`, ready('True', 'AllNodesReady'));
    await plane.api.patch(`${ROUTES}/newer`, { spec: { metric: 12 } });
    const waiting = await plane.api.until(`${ROUTES}/newer`, ready('False', 'Pending'));
    assert.equal(statusOf(waiting)?.observedGeneration, 2);
    assert.equal((await plane.writes({ resource: 'nodereports', verb: 'delete' })).length, 0);
  });

  it('leaves its place to the next when it ends, and that one writes no status anew', async () => {
    const before = (await plane.writes({ resource: 'staticroutes', subresource: 'status' })).length;
    await stop('first');
    const lease = await plane.api.until(LEASE, ({ spec }) => /^second_/.test(String((spec as Record<string, unknown>)['holderIdentity'])));
    assert.equal((lease.spec as Record<string, unknown>)['leaseTransitions'], 1);
    const route = await makeRoute('late');
    await report([1, 2, 3], told(route));
    await plane.api.until(`${ROUTES}/late`, ready('True', 'AllNodesReady'));
    const writes = await plane.writes({ resource: 'staticroutes', subresource: 'status' });
    assert.deepEqual(
      writes
        .slice(before)
        .filter(({ user }) => user === 'second')
        .map(({ name }) => name)
        .filter((name) => name !== 'late'),
      [],
    );
    assert.deepEqual(
      // A server that is busy with new definitions may be told of as well.
      running
        .get('second')
        ?.log.map((line) => line.replace(/_[0-9a-f]{8}/, ''))
        .filter((line) => line.includes('leader')),
      ['not the leader: that is first', 'leader as second'],
    );
  });

  it('loses against the version of the Lease, as a deposed leader must', async () => {
    const { client } = running.get('second') ?? assert.fail();
    const stale = readLease(await client.get(LEASES, { namespace: NAMESPACE, name: LEASE_NAME }));
    await plane.api.until(LEASE, ({ metadata }) => metadata.resourceVersion !== stale.metadata.resourceVersion);
    await assert.rejects(client.replace(LEASES, releasedLease(NAMESPACE, stale, new Date())), { status: 409 });
  });
});
