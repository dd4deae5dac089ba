import { isDeepStrictEqual } from 'node:util';
import { type OverlayReport, type OverlayReportSink, ReportFailed } from '../cluster/cluster.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

/** What a node says of one NodeOverlayIP, and how far that has got. */
interface Entry {
  latest: OverlayReport;
  written: OverlayReport | undefined;
  readonly backoff: Backoff;
  /** A write is under way, or waits for its time. */
  busy: boolean;
  trouble: string | undefined;
}

/** Writes each report when it has changed, and again until it is written. */
export class OverlayReportWriter {
  readonly #sink: OverlayReportSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onBug: (error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #writes = new Set<Promise<void>>();
  #closed = false;

  /** `onBug` hears any error of the sink but ReportFailed. */
  constructor(sink: OverlayReportSink, clock: Clock, log: Log, onBug: (error: unknown) => void) {
    this.#sink = sink;
    this.#clock = clock;
    this.#log = log;
    this.#onBug = onBug;
  }

  /** The newest reports. What is not among them has not changed. */
  offer(reports: readonly OverlayReport[]): void {
    for (const report of reports) {
      const entry = this.#entryOf(report);
      entry.latest = report;
      if (!entry.busy && !isDeepStrictEqual(entry.written, report)) this.#write(entry);
    }
  }

  /** Nothing is begun any more; resolves when what was under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#writes);
  }

  #entryOf(report: OverlayReport): Entry {
    const known = this.#entries.get(report.name);
    if (known?.latest.uid === report.uid) return known;
    const entry: Entry = { latest: report, written: undefined, backoff: new Backoff(1_000, 60_000), busy: false, trouble: undefined };
    this.#entries.set(report.name, entry);
    return entry;
  }

  #write(entry: Entry): void {
    if (this.#closed || this.#entries.get(entry.latest.name) !== entry) return;
    entry.busy = true;
    const done = this.#deliver(entry, entry.latest)
      .catch(this.#onBug)
      .finally(() => this.#writes.delete(done));
    this.#writes.add(done);
  }

  async #deliver(entry: Entry, report: OverlayReport): Promise<void> {
    try {
      await this.#sink.write(report);
      entry.written = report;
      entry.backoff.reset();
      entry.trouble = undefined;
      entry.busy = false;
      if (!isDeepStrictEqual(entry.latest, report)) this.#write(entry);
    } catch (error) {
      if (!(error instanceof ReportFailed)) throw error;
      if (error.message !== entry.trouble) this.#log.warn(`${error.message}; it is tried again`);
      entry.trouble = error.message;
      this.#clock.after(entry.backoff.next(), () => this.#write(entry));
    }
  }
}
