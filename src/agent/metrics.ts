import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Telling } from './agent.ts';
import type { RoundSummary } from './reconciler.ts';

const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

/** What the agent tells Prometheus. Names and help texts are also in docs/reference/metrics.md. */
export class AgentMetrics {
  readonly #registry = new Registry();
  readonly #routes = this.#gauge('fairlead_routes', 'Routes of ours in the kernel.');
  readonly #resources = this.#gauge('fairlead_resources', 'Resources that select this node, by whether they are ready.', ['ready']);
  readonly #problems = this.#gauge('fairlead_source_problems', 'Documents that could not be read.');
  readonly #complete = this.#gauge(
    'fairlead_source_complete',
    '1 when every source has delivered everything once; 0 means that nothing is removed.',
  );
  readonly #lastSync = this.#gauge('fairlead_last_sync_timestamp_seconds', 'When the last round ended, in seconds since 1970.');
  readonly #changes = this.#counter('fairlead_changes_total', 'Changes sent to the kernel, by operation and result.', ['op', 'result']);
  readonly #drift = this.#counter('fairlead_drift_total', 'Changes of our state from outside, by event.', ['event']);
  readonly #rounds = this.#histogram('fairlead_round_seconds', 'Duration of a round.');
  readonly #heals = this.#histogram('fairlead_heal_seconds', 'From the notification of a change from outside to the repaired kernel.');

  constructor(version: string) {
    this.#gauge('fairlead_build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1);
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

  observe({ rounds, healSeconds, report }: Telling): void {
    const { resources, problems, complete, lastSync } = report.status;
    const ready = resources.filter((resource) => resource.ready).length;
    this.#resources.set({ ready: 'true' }, ready);
    this.#resources.set({ ready: 'false' }, resources.length - ready);
    this.#problems.set(problems.length);
    this.#complete.set(complete ? 1 : 0);
    this.#lastSync.set(Date.parse(lastSync) / 1000);
    for (const round of rounds) this.#round(round);
    for (const heal of healSeconds) this.#heals.observe(heal);
  }

  #round({ seconds, changes, failures, drift, ownedRoutes }: RoundSummary): void {
    this.#routes.set(ownedRoutes);
    for (const [op, all] of Map.groupBy(changes, (change) => change.op)) {
      const failed = failures.filter((failure) => failure.change.op === op).length;
      this.#changes.inc({ op, result: 'ok' }, all.length - failed);
      this.#changes.inc({ op, result: 'failed' }, failed);
    }
    for (const { event } of drift) this.#drift.inc({ event });
    this.#rounds.observe(seconds);
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
