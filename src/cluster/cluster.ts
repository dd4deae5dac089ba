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
