import { nodeReportKind } from '../api/kinds/node-report.ts';
import { typeOf } from '../cluster/resource-types.ts';
import type { View } from './views.ts';

export const NODE_REPORTS = typeOf(nodeReportKind);

/** How long a Node must be away before its report goes: it may be registered anew. Milliseconds. */
const ABSENCE_MS = 60_000;

/** Since when each Node with a report has been absent, by the name of the Node, in attended milliseconds. */
export type Absences = ReadonlyMap<string, number>;

export interface CleanupDecision {
  readonly abandoned: readonly View[];
  readonly absences: Absences;
}

/** Which NodeReports belong to a Node that is gone for good. Pure; `absences` is the answer of the last time. */
export function decideAbandoned<V extends View>(
  reports: ReadonlyMap<string, V>,
  nodes: ReadonlyMap<string, unknown>,
  absences: Absences,
  attended: number,
): CleanupDecision {
  const orphans = [...reports.values()].filter(({ name }) => !nodes.has(name));
  const since = new Map(orphans.map(({ name }) => [name, absences.get(name) ?? attended]));
  return { abandoned: orphans.filter(({ name }) => attended - (since.get(name) ?? attended) >= ABSENCE_MS), absences: since };
}
