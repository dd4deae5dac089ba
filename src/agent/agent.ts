import type { NodeReport } from '../api/kinds/node-report.ts';
import type { EventSink, OverlayReportSink, ReportSink } from '../cluster/cluster.ts';
import { isRouteChange } from '../core/change.ts';
import type { ClusterNetwork } from '../core/resources.ts';
import { KernelUnavailable } from '../kernel/kernel.ts';
import { Backoff } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { eventsOf } from './events.ts';
import { Narrator } from './narrator.ts';
import { OverlayReportWriter } from './overlay-report-writer.ts';
import { type Account, type NodeOptions, Reconciler, type ReconcilerPorts, type RoundSummary } from './reconciler.ts';
import { ReportWriter } from './report-writer.ts';
import { Rest } from './rest.ts';

/** What covers changes that the kernel does not announce: everything is read again this often. */
const AUDIT_MS = 60_000;
/** Log, metrics and report follow a round at once, but no more often than this: in a burst, repairs go first. */
const TELL_MS = 50;
const TELL_REST = { times: 10, longest: 500 };
/** After a round, until the next for the resources' sake. What the kernel announces never waits. */
const ROUND_REST = { times: 5, longest: 200 };
const QUIET_MS = 5_000;
/** A device, its address, the routes by it, and as often because somebody else is at it. */
const ROUNDS_OF_ONCE = 8;

export interface AgentPorts extends ReconcilerPorts {
  readonly sink: ReportSink;
  readonly log: Log;
  /** Where the node answers for its overlay addresses, besides the report. */
  readonly overlaySink?: OverlayReportSink;
  /** Where people look for what goes wrong, besides the report and the log. */
  readonly events?: EventSink;
  /** What metrics and health checks hear. */
  readonly observe?: (telling: Telling) => void;
  /** Called some seconds after the start and after the last change, when there is time to tidy up. */
  readonly onQuiet?: () => void;
}

/** What there is to tell since the last time: some rounds, and what they amount to. */
export interface Telling extends Account {
  readonly rounds: readonly RoundSummary[];
}

/** Makes the node's kernel match the resources, and keeps it so: every event only says "look again". */
export class Agent {
  readonly #ports: AgentPorts;
  readonly #reconciler: Reconciler;
  readonly #reports: ReportWriter;
  readonly #overlayReports: OverlayReportWriter | undefined;
  readonly #narrator: Narrator;
  readonly #retry = new Backoff(1_000, 60_000);
  readonly #ended = Promise.withResolvers<void>();
  readonly #fail = (error: unknown): void => this.#ended.reject(error);
  #loop: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #cancelWake: (() => void) | undefined;
  #wakeAt = Infinity;
  #cancelAudit: (() => void) | undefined;
  readonly #roundRest: Rest;
  readonly #tellRest: Rest;
  /** Whether there are other resources than those that the present round has seen. */
  #outdated = false;
  #cancelRest: (() => void) | undefined;
  #untold: RoundSummary[] = [];
  #cancelTelling: (() => void) | undefined;
  #cancelQuiet: (() => void) | undefined;
  #told: NodeReport | undefined;

  constructor(ports: AgentPorts, options: NodeOptions, tellMs: number = TELL_MS) {
    this.#ports = ports;
    this.#roundRest = new Rest(ports.clock, ROUND_REST);
    this.#tellRest = new Rest(ports.clock, { ...TELL_REST, shortest: tellMs });
    this.#reconciler = new Reconciler(ports, options, () => this.#trigger());
    this.#reports = new ReportWriter(ports.sink, ports.clock, ports.log, this.#fail);
    const { overlaySink } = ports;
    this.#overlayReports = overlaySink && new OverlayReportWriter(overlaySink, ports.clock, ports.log, this.#fail);
    this.#narrator = new Narrator(options.nodeName, ports.log);
  }

  /** Runs until `close`. Rejects only for a bug: whoever runs it should let the process end. */
  async run(): Promise<void> {
    await this.#prepare();
    this.#ports.kernel.watch(() => this.#trigger());
    this.#ports.source.watch(() => this.#triggerRested());
    this.#scheduleAudit();
    this.#awaitQuiet();
    this.#trigger();
    await this.#ended.promise;
  }

  /** One round, for `fairlead apply`, and as many more as it makes necessary itself. @throws KernelUnavailable */
  async once(): Promise<NodeReport> {
    this.#ended.promise.catch(() => undefined); // `flush` tells the same
    await this.#prepare();
    this.#loop = Promise.resolve(); // this one
    for (let round = 0; round === 0 || (this.#again && round < ROUNDS_OF_ONCE); round++) {
      this.#again = false;
      await this.#round();
      await this.#reconciler.probed();
    }
    this.#tell();
    this.#cancelQuiet?.();
    await Promise.all([this.#reports.flush(), this.#overlayReports?.close()]);
    return this.#reconciler.account().report;
  }

  /** Ends after the present round; the kernel stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRest?.();
    this.#cancelWake?.();
    this.#cancelAudit?.();
    this.#cancelQuiet?.();
    await this.#loop;
    this.#tell();
    await Promise.all([this.#reports.flush(), this.#overlayReports?.close()]);
    this.#ended.resolve();
  }

  async #prepare(): Promise<void> {
    for (const warning of await this.#reconciler.prepare()) this.#ports.log.warn(warning);
  }

  /** Bursts coalesce: however many events arrive during a round, one more follows. */
  #trigger(): void {
    this.#again = true;
    if (this.#loop || this.#closed) return;
    this.#loop = this.#rounds().catch(this.#fail);
  }

  /** The same for the resources' sake, which can wait for others of a burst. */
  #triggerRested(): void {
    this.#outdated = true;
    if (this.#loop || this.#closed) return;
    const { left } = this.#roundRest;
    if (left === 0) this.#trigger();
    else this.#cancelRest ??= this.#ports.clock.after(left, () => this.#trigger());
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        const { failures } = await this.#round();
        if (failures.length === 0) this.#retry.reset();
        const due = this.#reconciler.nextRoundIn() ?? Infinity;
        this.#wakeIn(Math.min(due, failures.length > 0 ? this.#retry.next() : Infinity));
      } catch (error) {
        if (!(error instanceof KernelUnavailable)) throw error;
        this.#ports.log.warn(`${error.message}; it is tried again`);
        this.#wakeIn(this.#retry.next());
      }
    }
    this.#loop = undefined;
    if (this.#outdated) this.#triggerRested();
  }

  async #round(): Promise<RoundSummary> {
    const begun = this.#ports.clock.now();
    this.#cancelRest?.();
    this.#cancelRest = undefined;
    this.#outdated = false;
    const summary = await this.#reconciler.round();
    this.#roundRest.begin(begun);
    this.#untold.push(summary);
    if (summary.changes.length > 0) this.#awaitQuiet();
    // What was made is a fact of the next round: a device carries addresses then, and an address routes.
    if (summary.failures.length === 0 && summary.changes.some((change) => !isRouteChange(change))) this.#again = true;
    const wait = this.#tellRest.left;
    if (wait === 0 && !this.#again) this.#tell();
    else this.#cancelTelling ??= this.#ports.clock.after(wait, () => this.#tell());
    return summary;
  }

  #tell(): void {
    this.#cancelTelling?.();
    this.#cancelTelling = undefined;
    if (this.#untold.length === 0) return;
    const begun = this.#ports.clock.now();
    const telling: Telling = { rounds: this.#untold, ...this.#reconciler.account() };
    this.#untold = [];
    this.#narrator.tell(telling);
    this.#ports.observe?.(telling);
    this.#reports.offer(telling.report, nodesOf(this.#ports.source.snapshot().clusterNetwork));
    this.#overlayReports?.offer(telling.overlays);
    if (this.#ports.events) for (const event of eventsOf(telling.report, this.#told)) this.#ports.events.record(event);
    this.#told = telling.report;
    this.#tellRest.begin(begun);
    // A fight that the account has just found ends some time: the report should say so then.
    this.#wakeBefore(this.#reconciler.nextRoundIn() ?? Infinity);
  }

  #awaitQuiet(): void {
    this.#cancelQuiet?.();
    this.#cancelQuiet = this.#ports.clock.after(QUIET_MS, () => this.#ports.onQuiet?.());
  }

  /** The one next round that is due though nothing happens, in milliseconds; Infinity for none. */
  #wakeIn(delay: number): void {
    this.#cancelWake?.();
    this.#wakeAt = this.#ports.clock.now() + delay;
    this.#cancelWake = delay === Infinity || this.#closed ? undefined : this.#ports.clock.after(delay, () => this.#trigger());
  }

  #wakeBefore(delay: number): void {
    if (this.#ports.clock.now() + delay < this.#wakeAt) this.#wakeIn(delay);
  }

  #scheduleAudit(): void {
    this.#cancelAudit = this.#ports.clock.after(AUDIT_MS, () => {
      this.#ports.kernel.invalidate();
      this.#trigger();
      this.#scheduleAudit();
    });
  }
}

/** How many nodes there are, as far as is known; each has at most one address of a family that others reach it by, mostly. */
function nodesOf(network: ClusterNetwork | undefined): number {
  const addresses = network?.nodeAddresses ?? [];
  const ofIPv4 = addresses.filter(({ family }) => family === 4).length;
  return Math.max(1, ofIPv4, addresses.length - ofIPv4);
}
