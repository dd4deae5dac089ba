import type { OverlayDeviceStatus } from '../api/kinds/node-overlay-ip-status.ts';
import type { Condition, NodeReport } from '../api/kinds/node-report.ts';
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

/** What a node has made of one NodeOverlayIP. */
export interface OverlayReport {
  readonly name: string;
  /** Of the object that this is about: another one of that name is another matter. */
  readonly uid: string;
  /** Absent when there is none. */
  readonly device?: OverlayDeviceStatus;
  /** Since when it holds, whoever writes it knows from what is there. */
  readonly deviceReady: Pick<Condition, 'status' | 'reason' | 'message'>;
}

/** Where a node answers for its overlay addresses. */
export interface OverlayReportSink {
  /** Says it in the object itself, unless that says so already. Done, too, when that very object is gone. @throws ReportFailed, which is transient */
  write(report: OverlayReport): Promise<void>;
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
