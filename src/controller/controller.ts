import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../cluster/api-client.ts';
import type { EventSink } from '../cluster/cluster.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { Attention } from './attention.ts';
import { Fleet } from './fleet.ts';
import { Elector } from './leader.ts';
import { ControllerMetrics } from './metrics.ts';
import type { OpenProvider } from './overlay/ipam-keeper.ts';
import type { OverlayInput } from './overlay/overlays.ts';
import { Sources } from './sources.ts';
import { Term, type TermInput } from './term.ts';

/** How often time itself is news: silence, absence. Milliseconds, as all that follow. */
const TICK_MS = 10_000;
/** After a round, rest for so many times as long as it took, so that however much happens there is time for all else. */
const REST_FACTOR = 2;
const LONGEST_REST_MS = 500;

export interface ControllerPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Where controller and agents run, and where the Lease is. */
  readonly namespace: string;
  /** Names this process for people, for example its pod. */
  readonly identity: string;
  readonly events: EventSink;
  /** Who gives the addresses of an OverlayPool. */
  readonly openProvider: OpenProvider;
  /** Of Fairlead, for the metrics. */
  readonly version?: string;
}

/**
 * Writes what needs one decision for all nodes: the status of every StaticRoute, the ClusterNetwork, who has which overlay address; deletes
 * NodeReports of Nodes that are gone. Any number may run: all watch, so that a change of leader is quick, and one writes.
 */
export class Controller {
  readonly metrics: ControllerMetrics;
  readonly #ports: ControllerPorts;
  readonly #sources: Sources;
  readonly #elector: Elector;
  readonly #fleet = new Fleet();
  readonly #attention = new Attention();
  readonly #ended = Promise.withResolvers<void>();
  readonly #fail = (error: unknown): void => this.#ended.reject(error);
  readonly #again = (): void => this.#trigger();
  #term: Term | undefined;
  #ending: Promise<unknown> = Promise.resolve();
  #networkChanged = true;
  #waiting = false;
  #closed = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancelTick: (() => void) | undefined;

  constructor(ports: ControllerPorts) {
    this.#ports = ports;
    this.metrics = new ControllerMetrics(ports.version ?? '');
    this.#sources = new Sources({ ...ports, onBug: this.#fail });
    this.#elector = new Elector(ports, {
      namespace: ports.namespace,
      // A process that comes after this one under the same name must not take its Lease for its own.
      identity: `${ports.identity}_${randomUUID().slice(0, 8)}`,
      onChange: (leads) => this.#changeTerm(leads),
      onBug: this.#fail,
    });
  }

  /** Runs until `close`. Rejects only for a bug: whoever runs it should let the process end. */
  async run(): Promise<void> {
    this.#sources.start(this.#again);
    this.#elector.start();
    this.#tick();
    // Timers of the clock do not keep a process alive, and while the API server is away there may be nothing else.
    const alive = setInterval(() => {}, 2 ** 30);
    try {
      await this.#ended.promise;
    } finally {
      clearInterval(alive);
    }
  }

  /** Writes nothing more, and lets the next one lead at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    this.#changeTerm(false);
    await this.#ending;
    await this.#elector.close();
    await this.#sources.close();
    this.#ended.resolve();
  }

  /** Whether this process writes. */
  get leads(): boolean {
    return this.#elector.leads;
  }

  /** Why this process could not take over; undefined when it could. */
  get unready(): string | undefined {
    return this.#sources.missing;
  }

  #changeTerm(leads: boolean): void {
    const { client, clock, log, namespace, events, openProvider } = this.#ports;
    const before = this.#term;
    if (before) this.#ending = Promise.all([this.#ending, before.close()]);
    this.#term =
      leads && !this.#closed
        ? new Term({
            client,
            clock,
            log,
            namespace,
            events,
            openProvider,
            measure: this.metrics,
            leads: () => this.#elector.leads,
            observe: (kind, outcome) => this.metrics.wrote(kind, outcome),
            again: this.#again,
            onBug: this.#fail,
          })
        : undefined;
    this.#trigger();
  }

  #tick(): void {
    this.#trigger();
    this.#cancelTick = this.#ports.clock.after(TICK_MS, () => this.#tick());
  }

  /** However many events arrive until it begins, one round follows. */
  #trigger(): void {
    if (this.#waiting || this.#closed) return;
    this.#waiting = true;
    queueMicrotask(() => this.#begin());
  }

  #begin(): void {
    const { clock } = this.#ports;
    const rest = this.#notBefore - clock.now();
    if (rest > 0) return void clock.after(rest, () => this.#begin());
    this.#waiting = false;
    if (this.#closed) return;
    try {
      const started = clock.now();
      this.#round(started);
      const took = clock.now() - started;
      this.#notBefore = clock.now() + Math.min(took * REST_FACTOR, LONGEST_REST_MS);
      this.#measure(took);
    } catch (error) {
      this.#fail(error);
    }
  }

  #round(now: number): void {
    const sources = this.#sources;
    const attended = this.#attention.look(now, sources.listening);
    const collections = { routes: sources.routes.items, nodes: sources.nodes.items, reports: sources.reports.items };
    const changes = this.#fleet.update(collections, { attended, date: this.#ports.clock.date().getTime() });
    if (sources.takeNetworkChanged() || changes.network) this.#networkChanged = true;
    if (!this.#term || sources.missing !== undefined) return;
    this.#term.round({ fleet: this.#fleet, changes, attended, network: this.#takeNetwork(), overlays: this.#takeOverlays(attended) });
  }

  #takeNetwork(): TermInput['network'] {
    const sources = this.#sources;
    if (!sources.networkSettled) return undefined;
    const changed = this.#networkChanged;
    this.#networkChanged = false;
    return { changed, find: () => sources.findings(), written: sources.written };
  }

  #takeOverlays(attended: number): TermInput['overlays'] {
    const sources = this.#sources;
    if (!sources.overlaysSynced) return undefined;
    const find = (): OverlayInput => ({
      pools: new Map([...sources.pools.items].map(([name, { value }]) => [name, value])),
      ips: [...sources.ips.items.values()].map(({ value }) => value),
      nodes: this.#fleet.nodes,
      isHeard: (node) => this.#fleet.isHeard(node),
      isStray: (node) => this.#fleet.isStray(node),
      ranges: sources.clusterRanges,
      attended,
    });
    return { changed: sources.takeOverlaysChanged(), find };
  }

  #measure(milliseconds: number): void {
    const silent = this.#fleet.sorted.filter((node) => node.silent || !node.report).length;
    const leads = this.#elector.leads;
    this.metrics.round(milliseconds / 1000, {
      leads,
      synced: this.#sources.missing === undefined,
      heard: this.#fleet.sorted.length - silent,
      silent,
      totals: leads ? this.#term?.totals : undefined,
      pools: leads ? (this.#term?.pools ?? []) : [],
    });
  }
}
