import type { NodeReport } from '../api/kinds/node-report.ts';
import type { ResourceSnapshot } from '../core/resources.ts';

/** The report in the status folder, and the last good resources in the state folder. Their names are fixed: others script against them. */
export const REPORT_FILE = 'nodereport.yaml';
export const LAST_GOOD_FILE = 'resources.json';

/** Where resources come from. */
export interface ResourceSource {
  /** Reads for the first time and begins to watch; resolves when a first snapshot (perhaps incomplete) is there. */
  start(): Promise<void>;

  /** The present resources; the same object as long as nothing has changed. */
  snapshot(): ResourceSnapshot;

  /** Calls `listener` when `snapshot()` would answer something new. */
  watch(listener: () => void): void;

  close(): Promise<void>;
}

/** Where this node's report goes. */
export interface ReportSink {
  /** Replaces the report as a whole. @throws ReportFailed, which is transient. */
  write(report: NodeReport): Promise<void>;
}

export class ReportFailed extends Error {
  override readonly name = 'ReportFailed';
}

/** Something that a person must see, beside the object that it is about. */
export interface ClusterEvent {
  readonly about: EventSubject;
  readonly type: 'Normal' | 'Warning';
  /** One word, in CamelCase. */
  readonly reason: string;
  /** What is the matter on which node, and what mends it. */
  readonly message: string;
}

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** Where events go. `record` returns at once and never throws: an event that cannot be delivered is not worth a route. */
export interface EventSink {
  record(event: ClusterEvent): void;
}
