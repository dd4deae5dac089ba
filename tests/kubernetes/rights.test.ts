import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Agent } from '../../src/agent/agent.ts';
import { providersOf } from '../../src/bin/open-provider.ts';
import type { ApiClient } from '../../src/cluster/api-client.ts';
import { ReportFailed } from '../../src/cluster/cluster.ts';
import { openEvents } from '../../src/cluster/kubernetes/events.ts';
import { openOverlaySink } from '../../src/cluster/kubernetes/overlay-sink.ts';
import { openReportSink } from '../../src/cluster/kubernetes/sink.ts';
import { openKubernetesSource } from '../../src/cluster/kubernetes/source.ts';
import { Controller } from '../../src/controller/controller.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';
import { type Clock, systemClock } from '../../src/runtime/clock.ts';
import { FakeMemory } from '../agent/stage.ts';
import { reportStatus } from '../controller/objects.ts';
import { route } from '../core/builders.ts';
import type { ControlPlane } from '../lab/control-plane.ts';
import { createNamespace, createNode } from '../lab/kubernetes/objects.ts';
import {
  accountObjects,
  type Grant,
  givesAddresses,
  grantsOf,
  mayDo,
  NAMESPACE,
  pathOf,
  remove,
  startUnder,
  startWithAccounts,
  userOf,
  witness,
} from './accounts.ts';

const GROUP = '/apis/fairlead.dev/v1alpha1';
/** The clock of a controller runs so many times as fast: it deletes the report of a Node after a minute. */
const HASTE = 10;

/** All that each role does, in the words of its client. */
const WORK = {
  agent: [
    ...['nodes', 'clusternetworks', 'staticroutes', 'nodeoverlayips'].flatMap((plural) => [`list ${plural}`, `watch ${plural}`]),
    ...['apply nodereports', 'apply nodereports/status', 'apply events'],
    ...['get nodeoverlayips', 'apply nodeoverlayips/status'],
  ],
  controller: [
    ...['nodes', 'staticroutes', 'nodereports', 'clusternetworks', 'servicecidrs', 'endpointslices', 'services'].flatMap((plural) => [
      `list ${plural}`,
      `watch ${plural}`,
    ]),
    ...['get leases', 'create leases', 'replace leases'],
    ...['apply clusternetworks', 'apply clusternetworks/status', 'apply staticroutes/status', 'delete nodereports'],
  ],
} as const;

const SILENT = { info() {}, warn() {}, error() {} };

let plane: ControlPlane;
let state: string;
let grants: readonly Grant[];

before(async () => {
  state = mkdtempSync(join(tmpdir(), 'fairlead-rights-'));
  plane = await startWithAccounts();
  await createNode(plane.api, 'n1', { addresses: ['10.1.0.10'], podCIDRs: ['10.244.1.0/24'] });
  const objects = await accountObjects();
  grants = ['fairlead-agent', 'fairlead-controller', 'fairlead-uninstall'].flatMap((account) => grantsOf(account, objects));
  for (const [i, { without }] of grants.entries()) {
    await createNamespace(plane.api, `without-${i}`);
    await Promise.all(without(`without-${i}`).map((object) => plane.api.post(pathOf(object), object)));
  }
});
after(async () => {
  await plane.stop();
  rmSync(state, { recursive: true });
});

const OVERLAY_IP = 'nodeoverlayips/n1.default';
const LEFT = ['staticroutes/on-prem', 'nodereports/n1', 'nodereports/gone', 'clusternetworks/cluster', 'overlaypools/default', OVERLAY_IP];

/**
 * What every run finds: a StaticRoute that cannot be, overlay addresses that nobody has granted, the report of a Node that is gone, and nothing
 * that a run before has left.
 */
async function prepare(): Promise<void> {
  for (const path of LEFT) await remove(plane, `${GROUP}/${path}`);
  const head = { apiVersion: 'fairlead.dev/v1alpha1' };
  const spec = { subnets: ['192.168.50.0/24'], via: { gateway: '172.31.0.1' } };
  await plane.api.post(`${GROUP}/staticroutes`, { ...head, kind: 'StaticRoute', metadata: { name: 'on-prem' }, spec });
  const ranges = [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1' }];
  await plane.api.post(`${GROUP}/overlaypools`, {
    ...head,
    kind: 'OverlayPool',
    metadata: { name: 'default' },
    spec: { ipam: { cluster: { ranges } } },
  });
  await plane.api.post(`${GROUP}/nodeoverlayips`, {
    ...head,
    kind: 'NodeOverlayIP',
    metadata: { name: 'n1.default' },
    spec: { node: 'n1', pool: 'default', addresses: ['192.168.100.4/24'] },
  });
  const report = { ...head, kind: 'NodeReport', metadata: { name: 'gone' } };
  const applied = '?fieldManager=test&force=true';
  await plane.api.patch(`${GROUP}/nodereports/gone${applied}`, report, 'apply');
  const status = reportStatus([], '2026-01-01T00:00:00Z');
  await plane.api.patch(`${GROUP}/nodereports/gone/status${applied}`, { ...report, status }, 'apply');
}

/** Runs the agent of n1 in all but the kernel, until everything is done or something is denied. Answers what is denied. */
async function runAgent(namespace: string): Promise<readonly string[]> {
  const client = await witness(plane, namespace, 'fairlead-agent');
  const kernel = new FakeKernel();
  kernel.addLink('eth0');
  kernel.addAddress('eth0', '10.1.0.10/24');
  kernel.addRoute(route('default', '10.1.0.1', { index: 2, name: 'eth0' }));
  const common = { client, nodeName: 'n1', clock: systemClock };
  const source = openKubernetesSource({ ...common, lastGood: join(state, `${namespace}.json`) });
  const ports = {
    kernel,
    source,
    sink: openReportSink(client),
    events: openEvents({ client, clock: systemClock, reporter: { role: 'agent', name: 'n1' }, warn() {} }),
    memory: new FakeMemory(),
    clock: systemClock,
    log: SILENT,
  };
  const agent = new Agent(ports, { nodeName: 'n1', protect: [] });
  const running = agent.run();
  try {
    await answer(client);
    await client.settled(WORK.agent);
  } finally {
    await agent.close();
    await running;
    await source.close();
    await client.close();
  }
  return [...client.denied];
}

/** Says what the node has made of its overlay addresses, unless that is denied. */
async function answer(client: ApiClient): Promise<void> {
  const { uid } = (await plane.api.get(`${GROUP}/${OVERLAY_IP}`)).metadata;
  const deviceReady = { status: 'False', reason: 'Removed', message: '' } as const;
  const report = { name: 'n1.default', uid, deviceReady };
  await openOverlaySink({ client, clock: systemClock })
    .write(report)
    .catch((error: unknown) => assert.ok(error instanceof ReportFailed));
}

/** The same of the controller. */
async function runController(namespace: string): Promise<readonly string[]> {
  const client = await witness(plane, namespace, 'fairlead-controller');
  const clock = hasty(HASTE);
  const ports = {
    events: openEvents({ client, clock, reporter: { role: 'controller', name: 'test' }, warn() {} }),
    openProvider: providersOf({ client, clock, namespace, clusterName: undefined }),
  };
  const controller = new Controller({ client, clock, log: SILENT, namespace, identity: 'test', ...ports });
  const running = controller.run();
  try {
    await client.settled(WORK.controller);
  } finally {
    await controller.close();
    await running;
    await client.close();
  }
  return [...client.denied];
}

function hasty(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    date: () => systemClock.date(),
    after: (milliseconds, callback) => systemClock.after(milliseconds / factor, callback),
  };
}

/** The clean-up before an uninstallation. Answers what is denied. */
async function runUninstall(namespace: string): Promise<readonly string[]> {
  const child = await startUnder(plane, namespace, 'fairlead-uninstall', ['cleanup', '--cluster', '--wait=0']);
  const { code, stderr } = await child.ended;
  if (code === 0) return [];
  assert.match(stderr, /is forbidden|cannot/);
  return [stderr];
}

/** What each may list, of our kinds. */
const LISTED: Readonly<Record<string, string>> = {
  'fairlead-agent': 'staticroutes',
  'fairlead-controller': 'nodereports',
  'fairlead-uninstall': 'nodereports',
};

const RUNS: Readonly<Record<string, (namespace: string) => Promise<readonly string[]>>> = {
  'fairlead-agent': runAgent,
  'fairlead-controller': runController,
  'fairlead-uninstall': runUninstall,
};

/** What the API server has denied to an account: `list nodes`, `patch nodereports/status`. */
async function denials(namespace: string, account: string): Promise<readonly string[]> {
  const requests = await plane.audit({ user: userOf(namespace, account), code: 403 });
  return [...new Set(requests.map(({ verb, resource, subresource }) => `${verb} ${joined(resource, subresource)}`))];
}

const joined = (resource: string, subresource: string): string => (subresource === '' ? resource : `${resource}/${subresource}`);

describe('under the accounts of the chart', () => {
  for (const [account, run] of Object.entries(RUNS)) {
    it(`${account} does all its work and is denied nothing`, async () => {
      await mayDo(plane, NAMESPACE, account, { group: 'fairlead.dev', resource: LISTED[account], verb: 'list' });
      await prepare();
      assert.deepEqual(await run(NAMESPACE), []);
      assert.deepEqual(await denials(NAMESPACE, account), []);
    });
  }

  it('none has a right that it can do without', async () => {
    assert.ok(grants.length >= 30);
    for (const [i, grant] of grants.entries()) {
      // overlay-rights.test.ts does the same for these: no run here gives addresses.
      if (givesAddresses(grant)) continue;
      const { account, resource, subresource, verb } = grant;
      const words = `${account} without the right to ${verb} ${joined(resource, subresource)}`;
      await prepare();
      assert.notDeepEqual(await RUNS[account]?.(`without-${i}`), [], words);
      // An apply that would make the object is a patch that needs the right to create.
      const asked = verb === 'create' && resource !== 'leases' ? 'patch' : verb;
      assert.deepEqual(await denials(`without-${i}`, account), [`${asked} ${joined(resource, subresource)}`], words);
    }
  });
});
