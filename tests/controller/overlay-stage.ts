import assert from 'node:assert/strict';
import { NODES } from '../../src/cluster/resource-types.ts';
import { ipView, type OverlayIPView } from '../../src/controller/overlay/ip-view.ts';
import { type Entry, writtenLedger } from '../../src/controller/overlay/ledger.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import { type PoolView, poolView } from '../../src/controller/overlay/pool-view.ts';
import { OverlayAgents } from './overlay-agents.ts';
import { Stage } from './stage.ts';

type Fields = Readonly<Record<string, unknown>>;

export const RANGE = { subnet: '192.168.100.0/24', gateway: '192.168.100.1' } as const;

/** A stage with pools, and agents that carry out what is granted. */
export class OverlayStage extends Stage {
  readonly overlay = new OverlayAgents(this);

  /** Creates or changes a pool of ranges, as a user does. */
  putPool(
    name = 'default',
    { ranges = [RANGE] as readonly Fields[], ...spec }: Fields & { readonly ranges?: readonly Fields[] } = {},
  ): void {
    this.putPoolSpec(name, { ipam: { cluster: { ranges } }, ...spec });
  }

  putPoolSpec(name: string, spec: Fields): void {
    const before = this.world.find(OVERLAY_POOLS, { name });
    const metadata = before?.metadata ?? { name, creationTimestamp: this.date() };
    this.admin.put({ ...before, apiVersion: OVERLAY_POOLS.apiVersion, kind: OVERLAY_POOLS.kind, metadata, spec } as never);
  }

  /** Enters more into the ledger of a pool. */
  putLedger(entries: readonly Entry[], name = 'default'): void {
    const before = this.world.get(OVERLAY_POOLS, { name });
    const known = [...this.pool(name).ledger.values(), ...entries];
    const ledger = writtenLedger(new Map(known.map((entry) => [entry.address.text, entry])));
    this.admin.put({ ...before, status: { ...(before['status'] as Fields), ledger } } as never);
  }

  /** A user asks for certain addresses. */
  ask(node: string, addresses: readonly string[], { pool = 'default', annotations = {} as Readonly<Record<string, string>> } = {}): void {
    const metadata = { name: `${node}.${pool}`, annotations, creationTimestamp: this.date() };
    const object = { apiVersion: NODE_OVERLAY_IPS.apiVersion, kind: NODE_OVERLAY_IPS.kind, metadata };
    this.world.create(NODE_OVERLAY_IPS, { ...object, spec: { node, pool, addresses } });
  }

  /** What the agent of a node says of its device. */
  say(node: string, said: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }): void {
    const conditions = [{ type: 'DeviceReady', ...said, lastTransitionTime: this.date() }];
    const metadata = { name: `${node}.default` };
    const object = { apiVersion: NODE_OVERLAY_IPS.apiVersion, kind: NODE_OVERLAY_IPS.kind, metadata, status: { conditions } };
    this.world.apply(NODE_OVERLAY_IPS, object, { fieldManager: 'fairlead-agent', subresource: 'status' });
  }

  /** A user deletes the NodeOverlayIP of a node. */
  drop(node: string, pool = 'default'): void {
    this.world.delete(NODE_OVERLAY_IPS, { name: `${node}.${pool}` });
  }

  /** The machine is switched off, and its Node deleted. */
  removeNode(name: string): void {
    this.switchOff(name);
    this.world.delete(NODES, { name });
  }

  /** The machine is no more. */
  switchOff(name: string): void {
    const agent = this.agents.get(name);
    if (agent) agent.removed = true;
    this.agents.delete(name);
    this.overlay.vanish(name);
  }

  /** Somebody deletes the Node of a machine that runs on. */
  forgetNode(name: string): void {
    const agent = this.agents.get(name);
    if (agent) agent.astray = true;
    this.world.delete(NODES, { name });
  }

  /** A machine of that name comes, or comes again. */
  join(name: string, labels: Readonly<Record<string, string>> = {}): void {
    const before = this.agents.get(name);
    if (before) before.removed = true;
    this.addNode(name, labels);
    this.overlay.begin(name);
  }

  pool(name = 'default'): PoolView {
    return poolView(this.world.get(OVERLAY_POOLS, { name }));
  }

  ip(node: string, pool = 'default'): OverlayIPView | undefined {
    const object = this.world.find(NODE_OVERLAY_IPS, { name: `${node}.${pool}` });
    return object && ipView(object);
  }

  /** `192.168.100.2 Granted InPlace`, of a node. */
  state(node: string, pool = 'default'): string {
    const view = this.ip(node, pool);
    if (!view) return 'none';
    const { addresses, told, device, deleting } = view;
    const words = [...addresses.map(({ address }) => address.text), told.ready?.reason, device, deleting && 'deleting'];
    return words.filter(Boolean).join(' ');
  }

  /** `192.168.100.2 n1`, one line for each entry, in order; with what becomes of it. */
  ledger(name = 'default'): readonly string[] {
    return [...this.pool(name).ledger.values()]
      .map(({ address, node, releaseAfter, releasing }) => `${address} ${node}${releasing ? ' releasing' : releaseAfter ? ' leaving' : ''}`)
      .sort();
  }

  /** `True AllNodesServed 250/2/248`: capacity, allocated, free. */
  poolState(name = 'default'): string {
    const { ready, counts } = this.pool(name).told;
    return `${ready?.status} ${ready?.reason} ${counts['capacity']}/${counts['allocated']}/${counts['free']}`;
  }

  message(name = 'default', type: 'ready' | 'degraded' = 'degraded'): string {
    const said = this.pool(name).told[type];
    return said ? `${said.status} ${said.reason}: ${said.message}` : 'nothing';
  }

  override async close(): Promise<void> {
    this.overlay.close();
    await super.close();
  }

  /** Of the API server, for what is created now. */
  date(): string {
    return new Date(Date.UTC(2027, 0, 1) + this.time.now).toISOString();
  }
}

/** A test on a stage of its own, with nodes n1... in zone a and one controller. */
export function overlayScenario(nodes: number, test: (stage: OverlayStage) => Promise<void>): () => Promise<void> {
  return async () => {
    const stage = new OverlayStage();
    for (let i = 1; i <= nodes; i++) stage.join(`n${i}`);
    try {
      await test(stage);
    } finally {
      await stage.close();
    }
    assert.deepEqual(
      stage.processes.flatMap(({ bug }) => bug ?? []),
      [],
    );
  };
}
