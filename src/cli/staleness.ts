import type { NodeReport } from '../api/kinds/node-report.ts';

/** An agent renews its report every two minutes; an older one says nothing about now. */
const STALE_MS = 300_000;

export function isStale({ status }: NodeReport): boolean {
  return Date.now() - Date.parse(status.lastSync) > STALE_MS;
}
