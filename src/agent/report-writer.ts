import { isDeepStrictEqual } from 'node:util';
import type { NodeReport } from '../api/kinds/node-report.ts';
import { ReportFailed, type ReportSink } from '../cluster/cluster.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

const SHORTEST_INTERVAL_MS = 1_000;
const HEARTBEAT_MS = 120_000;
/** An API server that takes long has much to do: it is left alone for so many times as long, up to a limit. */
const REST_FACTOR = 2;
const LONGEST_REST_MS = 4_000;
/** What is news for many nodes they report over a time that grows with their number: one API server takes some hundred reports a second. */
const MILLISECONDS_PER_NODE = 2;
const FEW_NODES = 50;
/** Longest wait after a failure. */
const LONGEST_RETRY_MS = 10_000;

/**
 * Writes reports: a changed outcome at once (in a large cluster at a random time within seconds), then at most one a second; times and
 * counters with it, or as a heartbeat every two minutes.
 */
export class ReportWriter {
  readonly #sink: ReportSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onBug: (error: unknown) => void;
  readonly #backoff = new Backoff(SHORTEST_INTERVAL_MS, LONGEST_RETRY_MS);
  #written: NodeReport | undefined;
  #latest: NodeReport | undefined;
  /** Why the last attempt failed. */
  #trouble: string | undefined;
  #triedAt = 0;
  #notBefore = 0;
  #heartbeatAt = 0;
  /** Since when the outcome is another than the one written. */
  #changedAt: number | undefined;
  #nodes = 1;
  /** Of the time over which all nodes spread. From 0 up to 1. */
  #place = Math.random();
  #cancel: (() => void) | undefined;
  /** The one write that is under way; after a bug, the last one. */
  #writing: Promise<void> | undefined;

  /** `onBug` hears any error of the sink but ReportFailed. */
  constructor(sink: ReportSink, clock: Clock, log: Log, onBug: (error: unknown) => void) {
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
    this.#onBug = onBug;
  }

  /** The newest report; it is written now, soon, or with the heartbeat. `nodes`: how many there are, whose news may be the same. */
  offer(report: NodeReport, nodes: number = 1): void {
    // Where the resources come from is there again: the reports mostly go the same way.
    if (report.status.complete && this.#latest?.status.complete === false) this.#hope();
    this.#latest = report;
    this.#nodes = nodes;
    const now = this.#clock.now();
    const changed = !this.#written || !sameOutcome(report, this.#written);
    this.#changedAt = changed ? (this.#changedAt ?? now) : undefined;
    const due = this.#changedAt === undefined ? this.#heartbeatAt : Math.max(this.#notBefore, this.#changedAt + this.#spread());
    this.#schedule(due - now);
  }

  /** Writes what has not been written yet; resolves when it is. */
  async flush(): Promise<void> {
    this.#cancel?.();
    await this.#writing;
    this.#cancel?.();
    if (this.#latest !== this.#written) this.#write();
    await this.#writing;
  }

  #hope(): void {
    this.#backoff.reset();
    this.#notBefore = this.#triedAt + SHORTEST_INTERVAL_MS;
  }

  #spread(): number {
    return this.#place * Math.max(0, this.#nodes - FEW_NODES) * MILLISECONDS_PER_NODE;
  }

  #schedule(delay: number): void {
    this.#cancel?.();
    if (delay <= 0) this.#write();
    else this.#cancel = this.#clock.after(delay, () => this.#write());
  }

  /** While the sink does not answer, reports do not pile up: the newest follows the one that is under way. */
  #write(): void {
    const report = this.#latest;
    if (!report || this.#writing) return;
    this.#written = report;
    this.#changedAt = undefined;
    this.#place = Math.random();
    this.#triedAt = this.#clock.now();
    this.#notBefore = this.#triedAt + SHORTEST_INTERVAL_MS;
    this.#heartbeatAt = this.#clock.now() + jittered(HEARTBEAT_MS);
    this.#writing = this.#deliver(report).then(() => {
      this.#writing = undefined;
      if (this.#latest && this.#trouble === undefined) this.offer(this.#latest, this.#nodes);
    });
    this.#writing.catch(this.#onBug);
  }

  async #deliver(report: NodeReport): Promise<void> {
    try {
      await this.#sink.write(report);
      const now = this.#clock.now();
      this.#notBefore = Math.max(this.#notBefore, now + Math.min((now - this.#triedAt) * REST_FACTOR, LONGEST_REST_MS));
      this.#backoff.reset();
      if (this.#trouble !== undefined) this.#log.info('the report is written again');
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof ReportFailed)) throw error;
      // A thousand nodes that have lost the same server must not come back to it together.
      const delay = jittered(this.#backoff.next()) + this.#spread();
      if (error.message !== this.#trouble) this.#log.warn(`the report could not be written: ${error.message}; it is tried again`);
      this.#trouble = error.message;
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
