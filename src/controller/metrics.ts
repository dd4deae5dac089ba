import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PoolMeasures, PoolTotals } from './overlay/pool-ports.ts';
import type { RouteTotals } from './static-routes.ts';
import type { Outcome } from './writer.ts';

const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

/** What the controller tells Prometheus. */
export class ControllerMetrics implements PoolMeasures {
  readonly #registry = new Registry();
  readonly #leader = this.#gauge('fairlead_controller_leader', '1 in the controller that leads, 0 in the others.');
  readonly #synced = this.#gauge('fairlead_controller_synced', '1 when every collection has been delivered once.');
  readonly #nodes = this.#gauge('fairlead_controller_nodes', 'Nodes of the cluster, by whether their agent has been heard of lately.', [
    'agent',
  ]);
  readonly #routes = this.#gauge('fairlead_controller_static_routes', 'StaticRoutes, by whether they are ready. Only the leader knows.', [
    'ready',
  ]);
  readonly #selections = this.#gauge(
    'fairlead_controller_static_route_nodes',
    'Nodes that StaticRoutes select, summed over all StaticRoutes, by whether they are ready. Only the leader knows.',
    ['ready'],
  );
  readonly #writes = this.#counter('fairlead_controller_writes_total', 'Writes to the API server, by kind and outcome.', [
    'kind',
    'outcome',
  ]);
  readonly #pools = this.#gauge(
    'fairlead_controller_overlay_pool_nodes',
    'Nodes that an OverlayPool has room for (capacity), has given addresses to (allocated), can still give (free), and that wait for one, at most 100 (waiting). Only the leader knows.',
    ['pool', 'state'],
  );
  readonly #ledgers = this.#counter(
    'fairlead_controller_overlay_ledger_writes_total',
    'Writes of the ledger and status of an OverlayPool, by outcome.',
    ['pool', 'outcome'],
  );
  readonly #ipam = this.#counter(
    'fairlead_controller_ipam_calls_total',
    'Calls of the provider of the addresses of an OverlayPool, by call and outcome.',
    ['pool', 'call', 'outcome'],
  );
  readonly #rounds = this.#histogram('fairlead_controller_round_seconds', 'Duration of a round: taking over what is new, and deciding.');

  constructor(version: string) {
    this.#gauge('fairlead_controller_build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Names, types and help texts, for the reference page. */
  describe(): { readonly name: string; readonly help: string; readonly type: string }[] {
    return this.#registry.getMetricsAsArray().map(({ name, help, type }) => ({ name, help, type: String(type) }));
  }

  wrote(kind: string, outcome: Outcome): void {
    this.#writes.inc({ kind, outcome });
  }

  ledger(pool: string, outcome: 'written' | 'overtaken' | 'failed'): void {
    this.#ledgers.inc({ pool, outcome });
  }

  ipam(pool: string, call: 'look' | 'claim' | 'release', outcome: 'done' | 'unavailable' | 'refused'): void {
    this.#ipam.inc({ pool, call, outcome });
  }

  round(seconds: number, { leads, synced, heard, silent, totals, pools }: RoundFacts): void {
    this.#rounds.observe(seconds);
    this.#leader.set(leads ? 1 : 0);
    this.#synced.set(synced ? 1 : 0);
    this.#nodes.set({ agent: 'heard' }, heard);
    this.#nodes.set({ agent: 'silent' }, silent);
    this.#routes.set({ ready: 'true' }, totals?.ready ?? 0);
    this.#routes.set({ ready: 'false' }, totals?.notReady ?? 0);
    this.#selections.set({ ready: 'true' }, totals?.nodesReady ?? 0);
    this.#selections.set({ ready: 'false' }, totals?.nodesFailed ?? 0);
    // Pools that are gone are told no more.
    this.#pools.reset();
    for (const { name, ...numbers } of pools) {
      for (const [state, number] of Object.entries(numbers)) this.#pools.set({ pool: name, state }, number);
    }
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: SECONDS, registers: [this.#registry] });
  }
}

export interface RoundFacts {
  readonly leads: boolean;
  readonly synced: boolean;
  /** Nodes whose agent has been heard of lately, and the others. */
  readonly heard: number;
  readonly silent: number;
  /** Undefined when another leads. */
  readonly totals: RouteTotals | undefined;
  /** None when another leads. */
  readonly pools: readonly PoolTotals[];
}
