import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, ApiObject, ResourceType, WatchEvent } from '../../src/cluster/api-client.ts';
import { openKubernetes } from '../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../src/cluster/kubernetes/config.ts';
import { Controller } from '../../src/controller/controller.ts';
import { ipView } from '../../src/controller/overlay/ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { poolView } from '../../src/controller/overlay/pool-view.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Random } from '../e2e/random.ts';
import { type ControlPlane, startControlPlane } from '../lab/control-plane.ts';
import { createNamespace, createNode, labelNode } from '../lab/kubernetes/objects.ts';
import { LedgerWatch } from './ledger-watch.ts';
import { reportStatus } from './objects.ts';
import { RealOverlayAgents } from './real-overlay-agents.ts';
import { sluggish } from './sluggish-client.ts';

const GROUP = 'fairlead.dev/v1alpha1';
const POOLS = `/apis/${GROUP}/overlaypools`;
const IPS = `/apis/${GROUP}/nodeoverlayips`;
const REPORTS = `/apis/${GROUP}/nodereports`;
const CONTROLLERS = ['first', 'second'] as const;
const NODES = Array.from({ length: 30 }, (_, i) => `n${i + 1}`);
const SELECTED = { overlay: 'yes' } as const;
/** How often something happens to some node. */
const TURNS = 200;

/** An event of one of the two types, as all of them had it in one order. */
interface Seen {
  readonly type: ResourceType;
  readonly event: WatchEvent;
}

describe('on a real API server, two controllers that both believe to lead', () => {
  const seed = Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000);
  const random = new Random(seed);
  const end = new AbortController();
  const history: Seen[] = [];
  const listening: Promise<void>[] = [];
  const absent = new Set<string>();
  const closing: (() => Promise<void>)[] = [];
  let plane: ControlPlane;
  let agents: RealOverlayAgents;
  /** Version of the pool in which all is as it is to be. */
  let settled = Number.POSITIVE_INFINITY;

  before(async () => {
    plane = await startControlPlane();
    await plane.kubectl(['apply', '--server-side', '-f', 'deploy/crds']);
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const client = await open('agents');
    agents = new RealOverlayAgents(client, () => random.below(random.oneIn(8) ? 4_000 : 30));
    // A server puts off what is asked of it about new definitions.
    await plane.api.until(REPORTS, () => true);
    for (const type of [OVERLAY_POOLS, NODE_OVERLAY_IPS]) {
      const { metadata } = await plane.api.until(`/apis/${type.apiVersion}/${type.plural}`, () => true);
      listening.push(listen(client, type, metadata.resourceVersion));
    }
    for (const name of CONTROLLERS) await start(name);
    const range = { subnet: '192.168.100.0/26', gateway: '192.168.100.1' };
    const spec = { ipam: { cluster: { ranges: [range] } }, interface: { parent: { name: 'eth1' } }, reclaim: { delay: '0s' } };
    const nodeSelector = { matchLabels: SELECTED };
    await plane.api.post(POOLS, { apiVersion: GROUP, kind: 'OverlayPool', metadata: { name: 'default' }, spec: { ...spec, nodeSelector } });
  });
  after(async () => {
    end.abort();
    await Promise.allSettled(listening);
    for (const close of closing.reverse()) await close();
    await plane.stop();
  });

  async function open(name: string): Promise<ApiClient> {
    const kubeconfig = plane.kubeconfigFor({ name, groups: ['system:masters'] });
    const client = openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: '0', role: 'controller' });
    closing.push(() => client.close());
    return client;
  }

  /** With a Lease of its own. */
  async function start(name: string): Promise<void> {
    await createNamespace(plane.api, name);
    const controller = new Controller({
      client: sluggish(await open(name), () => (random.oneIn(8) ? random.below(random.oneIn(4) ? 2_000 : 300) : 0)),
      clock: systemClock,
      log: { info() {}, warn() {}, error() {} },
      namespace: name,
      identity: name,
      events: { record() {} },
      openProvider: ({ ipam }) => (ipam.type === 'cluster' ? openClusterIpam(ipam) : assert.fail('not a pool of ranges')),
    });
    controller.run().catch((error: unknown) => assert.fail(String(error)));
    closing.push(() => controller.close());
  }

  async function listen(client: ApiClient, type: ResourceType, resourceVersion: string): Promise<void> {
    for await (const events of client.watch(type, { resourceVersion, signal: end.signal })) {
      for (const event of events) {
        history.push({ type, event });
        if (type === NODE_OVERLAY_IPS) agents.hear(event);
      }
    }
  }

  async function join(node: string): Promise<void> {
    absent.delete(node);
    await createNode(plane.api, node, { labels: SELECTED });
    await agents.join(node);
    const object = { apiVersion: GROUP, kind: 'NodeReport', metadata: { name: node } };
    const field = '?fieldManager=fairlead-agent&force=true';
    await plane.api.patch(`${REPORTS}/${node}${field}`, object, 'apply');
    const status = reportStatus([], new Date().toISOString());
    await plane.api.patch(`${REPORTS}/${node}/status${field}`, { ...object, status }, 'apply');
  }

  async function leave(node: string): Promise<void> {
    absent.add(node);
    agents.leave(node);
    await plane.api.delete(`/api/v1/nodes/${node}`);
  }

  const select = (node: string, selected: boolean) => labelNode(plane.api, node, { overlay: selected ? SELECTED.overlay : null });

  async function disturb(node: string): Promise<void> {
    if (absent.has(node)) return join(node);
    const what = random.below(4);
    if (what === 0) await leave(node);
    else if (what === 1) await plane.api.delete(`${IPS}/${node}.default`).catch(() => 'there is none');
    else await select(node, what === 2);
  }

  const allServed = (object: ApiObject): boolean => {
    const { ledger, told } = poolView(object);
    const held = [...ledger.values()].filter(({ releasing, releaseAfter }) => !releasing && releaseAfter === undefined);
    return ledger.size === NODES.length && held.length === NODES.length && told.ready?.reason === 'AllNodesServed';
  };

  /** Answers the addresses of a node when its agent has them in place. */
  async function served(node: string): Promise<readonly string[]> {
    const object = await plane.api.until<ApiObject>(`${IPS}/${node}.default`, (now) => {
      const { granted, device, deleting } = ipView(now);
      return granted && device === 'InPlace' && !deleting;
    });
    return ipView(object).addresses.map(({ address }) => address.text);
  }

  it(`serve ${NODES.length} nodes that leave and come again, and never give an address twice`, async (t) => {
    t.diagnostic(`FAIRLEAD_SEED=${seed} repeats what happens`);
    await Promise.all(NODES.map(join));
    for (let turn = 0; turn < TURNS; turn++) {
      await disturb(random.pick(NODES) ?? '');
      await sleep(random.below(40));
    }
    await Promise.all(NODES.map((node) => (absent.has(node) ? join(node) : select(node, true))));
    const pool = await plane.api.until<ApiObject>(`${POOLS}/default`, allServed);
    settled = Number(pool.metadata.resourceVersion);
    const addresses = new Map<string, readonly string[]>();
    for (const node of NODES) addresses.set(node, await served(node));
    // A machine that has come again may be granted what it had before.
    await agents.rest();
    for (const [node, own] of addresses) assert.deepEqual([...agents.devices.on(node, 'default')], own);
    assert.deepEqual(agents.faults, []);
  });

  it('were both at work', async () => {
    for (const user of CONTROLLERS) {
      const writes = await plane.writes({ user, resource: 'overlaypools', subresource: 'status', code: 200 });
      assert.ok(writes.length > 0, user);
    }
  });

  it('granted nothing in all that time that was not in the ledger for that node, and lost nothing from it', async () => {
    const watch = new LedgerWatch();
    while (!history.some((seen) => seen.type === OVERLAY_POOLS && isAboutObject(seen) && versionOf(seen) >= settled)) await sleep(20);
    for (const { type, event } of history.filter(isAboutObject).sort((a, b) => versionOf(a) - versionOf(b))) {
      if (type === NODE_OVERLAY_IPS) watch.object(event);
      else watch.pool(event.object);
    }
    assert.equal(watch.entries.size, NODES.length);
    assert.ok(watch.back > NODES.length, `${watch.back} addresses were given back`);
  });
});

function isAboutObject(seen: Seen): seen is Seen & { readonly event: { readonly object: ApiObject } } {
  return seen.event.type !== 'BOOKMARK';
}

/** The versions of all types are in one order. */
function versionOf({ event }: { readonly event: { readonly object: ApiObject } }): number {
  return Number(event.object.metadata.resourceVersion);
}
