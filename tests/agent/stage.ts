import assert from 'node:assert/strict';
import { Agent, type Telling } from '../../src/agent/agent.ts';
import type { Recollection, SysctlMemory } from '../../src/agent/memory.ts';
import type { RoundSummary } from '../../src/agent/reconciler.ts';
import type { NodeReport, ResourceReport } from '../../src/api/kinds/node-report.ts';
import { FakeCluster, FakeWorld } from '../../src/cluster/fake.ts';
import type { Change, Failure, RememberedSysctl } from '../../src/core/change.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { Probe } from '../../src/core/plan.ts';
import { formatChange, formatRoute } from '../../src/core/render.ts';
import { type DeviceRef, PROTOCOL_FAIRLEAD, type Route } from '../../src/core/route.ts';
import { FakeKernel } from '../../src/kernel/fake.ts';
import type { ProbeAnswer } from '../../src/kernel/kernel.ts';
import type { Log } from '../../src/runtime/log.ts';
import { route } from '../core/builders.ts';
import { ManualClock } from './clock.ts';

/** A FakeKernel that also counts, and breaks when it is told to. */
export class StageKernel extends FakeKernel {
  invalidations = 0;
  rounds = 0;
  /** What `observe` throws: a bug of ours. */
  bug: Error | undefined;
  /** What `apply` hears before it does anything. */
  onApply: (changes: readonly Change[]) => void = () => {};

  override observe(): ReturnType<FakeKernel['observe']> {
    this.rounds++;
    if (this.bug) return Promise.reject(this.bug);
    return super.observe();
  }

  /** Who answers on any link for an address. */
  readonly holders = new Map<string, string>();
  /** No probe comes to an end. */
  holdProbes = false;

  override probe(probe: Probe): Promise<ProbeAnswer> {
    if (this.holdProbes) return new Promise(() => {});
    return Promise.resolve({ holder: this.holders.get(probe.address.text) });
  }

  override invalidate(): void {
    this.invalidations++;
  }

  override apply(changes: readonly Change[]): Promise<readonly Failure[]> {
    this.onApply(changes);
    return super.apply(changes);
  }

  #routes: readonly Route[] = [];

  /** Routes of ours as `look` saw them last, as text. */
  ours(): string[] {
    return this.#linesOf((protocol) => protocol === PROTOCOL_FAIRLEAD);
  }

  foreign(): string[] {
    return this.#linesOf((protocol) => protocol !== PROTOCOL_FAIRLEAD);
  }

  #linesOf(wanted: (protocol: number) => boolean): string[] {
    return this.#routes
      .filter((each) => wanted(each.spec.protocol))
      .map(formatRoute)
      .sort();
  }

  async look(): Promise<void> {
    const seen = await super.observe().catch(() => undefined);
    if (seen) this.#routes = [...seen.facts.routes, ...seen.owned.values()];
  }
}

/** What `fileSysctlMemory` does, without a disk. It outlives an agent. */
export class FakeMemory implements SysctlMemory {
  entries: readonly RememberedSysctl[] = [];
  unusable: string | undefined;
  refusal: Error | undefined;
  saves = 0;

  load(): Promise<Recollection> {
    return Promise.resolve({ sysctls: this.entries, ...(this.unusable === undefined ? {} : { unusable: this.unusable }) });
  }

  save(entries: readonly RememberedSysctl[]): Promise<void> {
    if (this.refusal) return Promise.reject(this.refusal);
    this.saves++;
    this.entries = entries;
    return Promise.resolve();
  }
}

export interface StageOptions {
  readonly protect?: readonly string[];
  /** How often the agent tells; by default after every round. */
  readonly tellMs?: number;
}

/** A node with a public eth0 (default route) and a private eth1 (10.0.0.0/8 via 10.1.0.1), and the agent on it. */
export class Stage {
  readonly kernel = new StageKernel();
  readonly world = new FakeWorld();
  readonly clock = new ManualClock();
  readonly memory = new FakeMemory();
  readonly lines: string[] = [];
  readonly eth0: DeviceRef;
  readonly eth1: DeviceRef;
  readonly #options: StageOptions;
  cluster = new FakeCluster(this.world);
  tellings: Telling[] = [];
  onQuiet: () => void = () => {};
  /** How the present agent's `run` ended. */
  ending: Promise<unknown> = Promise.resolve();
  #agent: Agent | undefined;

  constructor(options: StageOptions = {}) {
    this.#options = options;
    this.eth0 = this.kernel.addLink('eth0');
    this.eth1 = this.kernel.addLink('eth1');
    this.kernel.addAddress('eth0', '203.0.113.10/24');
    this.kernel.addAddress('eth1', '10.1.0.10/24');
    this.kernel.addRoute(route('default', '203.0.113.1', this.eth0));
    this.kernel.addRoute(route('10.0.0.0/8', '10.1.0.1', this.eth1));
  }

  /** Makes an agent and lets its first round end. */
  async start(): Promise<void> {
    this.ending = this.makeAgent().run();
    this.ending.catch(() => undefined);
    await this.settle();
  }

  makeAgent(): Agent {
    const { kernel, clock, memory, cluster } = this;
    const observe = (telling: Telling): void => void this.tellings.push(telling);
    const ports = { kernel, source: cluster, sink: cluster, memory, clock, log: this.#log(), observe, onQuiet: () => this.onQuiet() };
    const protect = (this.#options.protect ?? []).map(Prefix.parse);
    this.#agent = new Agent(ports, { nodeName: 'n1', protect }, this.#options.tellMs ?? 0);
    return this.#agent;
  }

  /** Ends the agent as SIGTERM does. */
  async stop(): Promise<void> {
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.close();
    await this.cluster.close();
    await this.settle();
  }

  async restart(): Promise<void> {
    await this.stop();
    const { reports } = this.cluster;
    this.cluster = new FakeCluster(this.world);
    this.cluster.reports.push(...reports);
    await this.start();
  }

  /** Until nothing is under way: everything here ends within a few turns of the event loop, and only timers remain. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.kernel.look();
  }

  async advance(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds, () => this.settle());
  }

  /** `put('a', {subnets: [...], via: {...}})` */
  put(name: string, spec: object): void {
    this.world.put({ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec });
  }

  delete(name: string): void {
    this.world.delete('StaticRoute', name);
  }

  get summaries(): RoundSummary[] {
    return this.tellings.flatMap((telling) => telling.rounds);
  }

  /** The newest report that a round made, written or not. */
  get report(): NodeReport {
    const report = this.tellings.at(-1)?.report;
    assert.ok(report, 'no round has been done');
    return report;
  }

  resource(name: string): ResourceReport {
    const found = this.report.status.resources.find((resource) => resource.name === name);
    assert.ok(found, `the report does not name ${name}`);
    return found;
  }

  /** `ready`, or the reason why not. */
  verdicts(): string {
    return this.report.status.resources.map(({ name, ready, reason }) => `${name}: ${ready ? 'ready' : reason}`).join(', ');
  }

  /** What was sent to the kernel since the last call, as text. */
  takeChanges(): string[] {
    return this.kernel.log.splice(0).map(formatChange);
  }

  /** A route of ours as the agent makes it. */
  our(to: string, via = '10.1.0.1', metric = 4201): Route {
    return route(to, via, this.eth1, { protocol: 201, metric });
  }

  /** A foreign route of the same identity. */
  rival(to: string, via = '10.1.0.99', metric = 4201): Route {
    return route(to, via, this.eth1, { protocol: 4, metric });
  }

  #log(): Log {
    const write =
      (level: string) =>
      (message: string): void =>
        void this.lines.push(`${level} ${message}`);
    return { info: write('info'), warn: write('warn'), error: write('error') };
  }
}

/** Runs a scenario and ends its agent, also when it fails. */
export function scenario(run: (stage: Stage) => Promise<void>, options: StageOptions = {}): () => Promise<void> {
  return async () => {
    const stage = new Stage(options);
    try {
      await run(stage);
    } finally {
      await stage.stop();
    }
  };
}
