import { isDeepStrictEqual } from 'node:util';
import type { NodeReport } from '../api/kinds/node-report.ts';
import { type ParsedDocument, parseDocument } from '../api/parse.ts';
import type { ResourceSnapshot } from '../core/resources.ts';
import type { Clock } from '../runtime/clock.ts';
import { type OverlayReport, type OverlayReportSink, ReportFailed, type ReportSink, type ResourceSource } from './cluster.ts';
import { decideOverlayStatus } from './decide-overlay-status.ts';
import { isUsable } from './usable.ts';

type WireObject = Readonly<Record<string, unknown>>;

/** The cluster that fakes look at. It outlives them, as a cluster outlives an agent. */
export class FakeWorld {
  readonly objects = new Map<string, { readonly raw: WireObject; readonly parsed: ParsedDocument }>();
  /** What a source last had in force: what others keep on disk. */
  readonly lastGood = new Map<string, ParsedDocument>();
  available = true;
  readonly #listeners = new Set<() => void>();

  /** Adds or replaces an object, named by its `kind` and `metadata.name`. */
  put(object: WireObject): void {
    const name = nameOf(object);
    if (isDeepStrictEqual(this.objects.get(name)?.raw, object)) return;
    this.objects.set(name, { raw: object, parsed: parseDocument(object, name) });
    this.#changed();
  }

  delete(kind: string, name: string): void {
    this.objects.delete(`${kind} ${name}`);
    this.#changed();
  }

  setAvailable(available: boolean): void {
    this.available = available;
    this.#changed();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Resources and reports in memory, with the guarantees of the real sources: see cluster.contract.ts. */
export class FakeCluster implements ResourceSource, ReportSink {
  readonly world: FakeWorld;
  /** Every report that was written, the oldest first. */
  readonly reports: NodeReport[] = [];
  /** While set, `write` fails with this message. */
  refuseReports: string | undefined;
  readonly #listeners: (() => void)[] = [];
  #unsubscribe: () => void = () => {};
  #snapshot: ResourceSnapshot | undefined;
  #complete = false;

  constructor(world: FakeWorld = new FakeWorld()) {
    this.world = world;
  }

  start(): Promise<void> {
    this.#unsubscribe = this.world.subscribe(() => this.#look());
    this.#look();
    return Promise.resolve();
  }

  snapshot(): ResourceSnapshot {
    if (this.#snapshot === undefined) throw new Error('the source has not been started');
    return this.#snapshot;
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): Promise<void> {
    this.#unsubscribe();
    return Promise.resolve();
  }

  write(report: NodeReport): Promise<void> {
    if (this.refuseReports !== undefined) return Promise.reject(new ReportFailed(this.refuseReports));
    this.reports.push(report);
    return Promise.resolve();
  }

  #look(): void {
    const next = this.world.available ? this.#read() : this.#unreachable();
    if (this.#snapshot !== undefined && isDeepStrictEqual(next, this.#snapshot)) return;
    this.#snapshot = next;
    for (const listener of this.#listeners) listener();
  }

  #unreachable(): ResourceSnapshot {
    this.#complete = false;
    const problem = { source: 'fake', message: 'is away; what was in force stays in force' };
    return this.#snapshotOf([], [problem], 'the fake cluster is away; nothing is removed until it is back');
  }

  #read(): ResourceSnapshot {
    const { lastGood, objects } = this.world;
    const invalid: ResourceSnapshot['invalid'][number][] = [];
    for (const [name, { parsed: document }] of objects) {
      if (document.type === 'invalid')
        invalid.push({ meta: document.meta, message: document.message, lastGoodInForce: lastGood.has(name) });
      if (isUsable(document)) lastGood.set(name, document);
    }
    const hopeless = invalid.find(({ lastGoodInForce }) => !lastGoodInForce);
    this.#complete ||= hopeless === undefined;
    if (this.#complete) for (const name of [...lastGood.keys()]) if (!objects.has(name)) lastGood.delete(name);
    const problems = [...objects].flatMap(([name, { parsed: document }]) =>
      document.type === 'problem' ? [{ source: name, message: document.message }] : [],
    );
    const reason = `${hopeless?.meta.ref.name} is not valid and has no last good version: correct it, or delete it`;
    return this.#snapshotOf(invalid, problems, this.#complete ? undefined : reason);
  }

  #snapshotOf(
    invalid: ResourceSnapshot['invalid'],
    problems: ResourceSnapshot['problems'],
    incompleteReason: string | undefined,
  ): ResourceSnapshot {
    const inForce = [...this.world.lastGood.values()];
    const clusterNetwork = inForce.find((document) => document.type === 'cluster-network')?.value;
    return {
      ...(clusterNetwork === undefined ? {} : { clusterNetwork }),
      staticRoutes: inForce.flatMap((document) => (document.type === 'static-route' ? [document.value] : [])),
      overlayPools: inForce.flatMap((document) => (document.type === 'overlay-pool' ? [document.value] : [])),
      nodeOverlayIPs: inForce.flatMap((document) => (document.type === 'node-overlay-ip' ? [document.value] : [])),
      nodes: inForce.flatMap((document) => (document.type === 'node' ? [document.value] : [])),
      invalid,
      problems,
      complete: this.#complete,
      ...(incompleteReason === undefined ? { asOf: '2027-01-01T00:00:00.000Z' } : { incompleteReason }),
    };
  }
}

/** Answers for overlay addresses in memory, with the guarantees of the real sink: see overlay-sink.contract.ts. */
export class FakeOverlaySink implements OverlayReportSink {
  /** By name: the objects that there are. */
  readonly objects = new Map<string, { readonly uid: string; readonly status: unknown }>();
  /** What has been written, the oldest first, without what was said already. */
  readonly written: OverlayReport[] = [];
  /** While set, `write` fails with this message. */
  refuse: string | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(report: OverlayReport): Promise<void> {
    if (this.refuse !== undefined) return Promise.reject(new ReportFailed(this.refuse));
    const object = this.objects.get(report.name);
    const next = object?.uid === report.uid ? decideOverlayStatus(object.status, report, this.#clock.date()) : undefined;
    if (object === undefined || next === undefined) return Promise.resolve();
    this.written.push(report);
    this.objects.set(report.name, { uid: object.uid, status: next });
    return Promise.resolve();
  }
}

function nameOf(object: WireObject): string {
  const metadata = object['metadata'];
  const name = typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : undefined;
  return `${String(object['kind'])} ${String(name)}`;
}
