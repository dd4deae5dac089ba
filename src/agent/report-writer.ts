import { isDeepStrictEqual } from 'node:util';
import type { NodeReport } from '../api/kinds/node-report.ts';
import { ReportFailed, type ReportSink } from '../cluster/cluster.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

const SHORTEST_INTERVAL_MS = 1_000;
const HEARTBEAT_MS = 120_000;

/** Writes reports: a changed outcome at once, then at most one a second; times and counters with it, or as a heartbeat every two minutes. */
export class ReportWriter {
  readonly #sink: ReportSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onBug: (error: unknown) => void;
  readonly #backoff = new Backoff(SHORTEST_INTERVAL_MS, 60_000);
  #written: NodeReport | undefined;
  #latest: NodeReport | undefined;
  #notBefore = 0;
  #heartbeatAt = 0;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `onBug` hears any error of the sink but ReportFailed. */
  constructor(sink: ReportSink, clock: Clock, log: Log, onBug: (error: unknown) => void) {
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
    this.#onBug = onBug;
  }

  /** The newest report; it is written now, soon, or with the heartbeat. */
  offer(report: NodeReport): void {
    this.#latest = report;
    const changed = !this.#written || !sameOutcome(report, this.#written);
    this.#schedule((changed ? this.#notBefore : this.#heartbeatAt) - this.#clock.now());
  }

  /** Writes what has not been written yet; resolves when it is. */
  async flush(): Promise<void> {
    this.#cancel?.();
    if (this.#latest !== this.#written) this.#write();
    await this.#writing;
  }

  #schedule(delay: number): void {
    this.#cancel?.();
    if (delay <= 0) this.#write();
    else this.#cancel = this.#clock.after(delay, () => this.#write());
  }

  #write(): void {
    const report = this.#latest;
    if (!report) return;
    this.#written = report;
    this.#notBefore = this.#clock.now() + SHORTEST_INTERVAL_MS;
    this.#heartbeatAt = this.#clock.now() + jittered(HEARTBEAT_MS);
    this.#writing = this.#writing.then(() => this.#deliver(report));
    this.#writing.catch(this.#onBug);
  }

  async #deliver(report: NodeReport): Promise<void> {
    try {
      await this.#sink.write(report);
      this.#backoff.reset();
    } catch (error) {
      if (!(error instanceof ReportFailed)) throw error;
      const delay = this.#backoff.next();
      this.#log.warn(`the report could not be written: ${error.message}; next try in ${delay / 1000} s`);
      this.#written = undefined;
      this.#notBefore = this.#clock.now() + delay;
      this.#schedule(delay);
    }
  }
}

/** Ten per cent more or less, so that a thousand nodes do not write together. */
function jittered(milliseconds: number): number {
  return milliseconds * (0.9 + Math.random() * 0.2);
}

/** Times and counters alone are no news: of drift it counts what happened to which object, not how often, when and how fast. */
function sameOutcome(a: NodeReport, b: NodeReport): boolean {
  return isDeepStrictEqual(outcomeOf(a), outcomeOf(b));
}

function outcomeOf({ status: { lastSync: _, resourcesAsOf: __, drift, ...outcome } }: NodeReport): unknown {
  return { ...outcome, drift: new Set(drift.map(({ object, event }) => `${object} ${event}`)) };
}
