import assert from 'node:assert/strict';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import type { ClusterEvent } from '../../src/cluster/cluster.ts';
import { FakeApi } from '../../src/cluster/fake-api.ts';
import { FakeApiServer } from '../../src/cluster/fake-api-server.ts';
import { NODES } from '../../src/cluster/resource-types.ts';
import { NODE_REPORTS } from '../../src/controller/abandoned-reports.ts';
import { Controller } from '../../src/controller/controller.ts';
import { LEASES } from '../../src/controller/lease.ts';
import { CLUSTER_NETWORKS, ENDPOINT_SLICES, SERVICE_CIDRS, SERVICES } from '../../src/controller/network-views.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../../src/controller/overlay/names.ts';
import type { RouteStatus } from '../../src/controller/route-status.ts';
import { STATIC_ROUTES } from '../../src/controller/static-routes.ts';
import { nodeView, routeView } from '../../src/controller/views.ts';
import type { OverlayPool } from '../../src/core/resources.ts';
import { selects } from '../../src/core/selector.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import { entry, formatStatus, reportStatus } from './objects.ts';
import { ProcessClock, settle, Time } from './time.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface ProcessOptions {
  /** Whose controllers have other Leases, so that each believes to lead. */
  readonly namespace: string;
  readonly openProvider: (pool: OverlayPool, process: Process) => IpamProvider;
}

/** That of pools which name their ranges themselves. */
function providers({ ipam }: OverlayPool): IpamProvider {
  return ipam.type === 'cluster' ? openClusterIpam(ipam) : assert.fail('this test has no external IPAM');
}

/** One controller process with its own connection and clock. */
export class Process {
  readonly name: string;
  readonly api: FakeApi;
  readonly clock: ProcessClock;
  readonly controller: Controller;
  readonly log: string[] = [];
  /** Events, as `Warning PoolExhausted default: ...`. */
  readonly events: string[] = [];
  bug: unknown;

  constructor(stage: Stage, identity: string, { namespace = 'fairlead', openProvider = providers }: Partial<ProcessOptions> = {}) {
    this.name = identity;
    this.api = new FakeApi(stage.world);
    this.clock = new ProcessClock(stage.time, 1_000_000 * stage.processes.length);
    const say = (message: string): void => void this.log.push(message);
    const log = { info: say, warn: say, error: say };
    const events = {
      record: ({ type, reason, about, message }: ClusterEvent): void =>
        void this.events.push(`${type} ${reason} ${about.name}: ${message}`),
    };
    const ports = { client: this.api, clock: this.clock, log, events };
    this.controller = new Controller({ ...ports, namespace, identity, openProvider: (pool) => openProvider(pool, this) });
    this.controller.run().catch((error: unknown) => {
      this.bug = error;
    });
    stage.processes.push(this);
  }

  /** How often the status of each StaticRoute was written. */
  writes(): ReadonlyMap<string, number> {
    const calls = this.api.calls.filter(({ verb, resource }) => verb === 'apply' && resource === 'staticroutes/status');
    return new Map([...Map.groupBy(calls, ({ name = '' }) => name)].map(([name, all]) => [name, all.length]));
  }

  writesOf(name: string): number {
    return this.writes().get(name) ?? 0;
  }
}

/** What an agent does, as far as a controller sees it: reports its resources soon after they change, at most once a second. */
export class Agent {
  readonly name: string;
  readonly #stage: Stage;
  readonly #clock: ProcessClock;
  #notBefore = 0;
  #cancel: (() => void) | undefined;
  /** Reason and message of what fails here. */
  readonly failures = new Map<string, { readonly reason: string; readonly message: string }>();
  /** Milliseconds from a change to the report of it. */
  reaction: number;
  dead = false;
  /** It runs on without a Node, and reports nothing but that. */
  astray = false;
  /** Its machine is no more. */
  removed = false;
  writes = 0;

  constructor(stage: Stage, name: string, reaction: number) {
    this.#stage = stage;
    this.name = name;
    this.reaction = reaction;
    this.#clock = new ProcessClock(stage.time);
    this.#beat();
  }

  look(): void {
    if (this.dead || this.#cancel) return;
    const due = Math.max(this.#clock.now() + this.reaction, this.#notBefore);
    this.#cancel = this.#clock.after(due - this.#clock.now(), () => this.#write());
  }

  #beat(): void {
    this.#clock.after(120_000, () => {
      if (this.removed) return;
      this.#write();
      this.#beat();
    });
  }

  #write(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const { world } = this.#stage;
    const node = world.find(NODES, { name: this.name });
    if (this.dead || this.removed || (!node && !this.astray)) return;
    if (!world.typeOf(NODE_REPORTS)) return void this.#clock.after(1_000, () => this.look());
    this.writes++;
    this.#notBefore = this.#clock.now() + 1_000;
    const routes = world.list(STATIC_ROUTES, {}).items.filter((route) => node && selectsNode(route, node));
    const resources = routes.map(({ metadata: { name, uid, generation } }) =>
      entry(name, { uid, observedGeneration: generation, ...this.failures.get(name) }),
    );
    const object = { apiVersion: NODE_REPORTS.apiVersion, kind: 'NodeReport', metadata: { name: this.name } };
    const options = { fieldManager: 'fairlead-agent' };
    if (!world.find(NODE_REPORTS, { name: this.name })) world.apply(NODE_REPORTS, object, options);
    const status = reportStatus(resources, this.#clock.date().toISOString());
    world.apply(NODE_REPORTS, { ...object, status }, { ...options, subresource: 'status' });
  }
}

function selectsNode(route: ApiObject, node: ApiObject): boolean {
  return selects(routeView(route).selector ?? assert.fail(), nodeView(node).labels) === true;
}

/** A cluster in memory: API server, agents, controllers, and time that stands still until it is moved. */
export class Stage {
  readonly time = new Time();
  readonly world = new FakeApiServer();
  readonly admin: FakeApi;
  readonly processes: Process[] = [];
  readonly agents = new Map<string, Agent>();

  constructor(nodes = 0) {
    this.admin = new FakeApi(this.world);
    for (const type of [STATIC_ROUTES, NODE_REPORTS, CLUSTER_NETWORKS]) this.world.serve(type);
    this.world.serve(OVERLAY_POOLS, { listKeys: { 'status.conditions': 'type' } });
    this.world.serve(NODE_OVERLAY_IPS, {
      selectableFields: ['spec.node', 'spec.pool'],
      listKeys: { 'status.conditions': 'type', 'status.addresses': 'address' },
    });
    for (const type of [LEASES, SERVICE_CIDRS, ENDPOINT_SLICES]) this.world.serve(type);
    for (const type of [NODES, SERVICES]) this.world.serve(type, { status: true });
    for (let i = 1; i <= nodes; i++) this.addNode(`n${i}`);
  }

  addNode(name: string, labels: Readonly<Record<string, string>> = {}): Agent {
    this.putNode(name, { labels });
    const agent = new Agent(this, name, 10 + this.agents.size * 3);
    this.agents.set(name, agent);
    agent.look();
    return agent;
  }

  putNode(
    name: string,
    { labels = {}, ready = 'True', podCIDRs = [] as readonly string[], addresses = [] as readonly string[] } = {},
  ): void {
    this.admin.put({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels, creationTimestamp: new Date(Date.UTC(2027, 0, 1) + this.time.now).toISOString() } as never,
      spec: { podCIDRs },
      status: {
        conditions: [{ type: 'Ready', status: ready, reason: ready === 'True' ? 'KubeletReady' : 'NodeStatusUnknown' }],
        addresses: addresses.map((address) => ({ type: 'InternalIP', address })),
      },
    } as never);
    for (const agent of this.agents.values()) agent.look();
  }

  /** Creates or changes a StaticRoute, as a user does. */
  putRoute(name: string, spec: Fields = {}): void {
    const before = this.world.find(STATIC_ROUTES, { name });
    const status = before?.['status'] === undefined ? {} : { status: before['status'] };
    const object = { apiVersion: STATIC_ROUTES.apiVersion, kind: 'StaticRoute', metadata: { name } };
    this.admin.put({ ...object, spec: { subnets: ['192.168.50.0/24'], ...spec }, ...status } as never);
    for (const agent of this.agents.values()) agent.look();
  }

  /** Writes a whole status by hand. */
  putStatus(name: string, status: unknown): void {
    const route = this.world.get(STATIC_ROUTES, { name });
    this.admin.put({ ...route, status } as never);
  }

  start(identity = 'a', options: Partial<ProcessOptions> = {}): Process {
    return new Process(this, identity, options);
  }

  async advance(milliseconds: number, look?: () => void): Promise<void> {
    await this.time.advance(milliseconds, look);
    for (const { bug } of this.processes) if (bug !== undefined) throw bug;
  }

  /** By true time. */
  after(milliseconds: number, callback: () => void): void {
    new ProcessClock(this.time).after(milliseconds, callback);
  }

  object(name: string): ApiObject {
    return this.world.get(STATIC_ROUTES, { name });
  }

  status(name: string): RouteStatus | undefined {
    return this.object(name)['status'] as RouteStatus | undefined;
  }

  /** `Ready=True AllNodesReady 3/3`. */
  summary(name: string): string {
    const status = this.status(name);
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (!status || !ready) return 'nothing';
    return `Ready=${ready.status} ${ready.reason} ${status.nodes.ready}/${status.nodes.selected}`;
  }

  text(name: string): string {
    const status = this.status(name);
    return status ? formatStatus(status) : 'nothing';
  }

  /** Ends every process; whatever is left running would be a leak. */
  async close(): Promise<void> {
    await settle();
    for (const { controller } of this.processes) await controller.close();
  }
}

/** A test on a stage of its own. */
export function scenario(nodes: number, test: (stage: Stage) => Promise<void>): () => Promise<void> {
  return async () => {
    const stage = new Stage(nodes);
    try {
      await test(stage);
    } finally {
      await stage.close();
    }
  };
}
