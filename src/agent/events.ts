import { API_VERSION } from '../api/define-kind.ts';
import type { DriftReport, NodeReport, ResourceReport } from '../api/kinds/node-report.ts';
import type { ClusterEvent } from '../cluster/cluster.ts';
import type { ProblemCode } from '../core/problem.ts';
import { formatRef } from '../core/resources.ts';

/** What is over in a second, and what the controller tells by itself. */
const NO_NEWS: readonly string[] = ['OverlayPending', 'AddressNotGranted'] satisfies readonly ProblemCode[];

/**
 * What a person must be told about the step from one report to the next: a resource that is in trouble, or is out of it, and objects that
 * somebody else keeps changing. That a resource is fine from the start is no news. Pure.
 */
export function eventsOf(report: NodeReport, previous: NodeReport | undefined): readonly ClusterEvent[] {
  const node = report.metadata.name;
  const before = new Map(previous?.status.resources.map((resource) => [formatRef(resource), resource]));
  const resources = report.status.resources.flatMap((now) => resourceEvent(now, before.get(formatRef(now)), node) ?? []);
  const known = new Map(previous?.status.drift.map((drift) => [driftName(drift), drift.count]));
  const drift = report.status.drift.flatMap((now) => (known.get(driftName(now)) === now.count ? [] : [driftEvent(now, node)]));
  return [...resources, ...drift];
}

function resourceEvent(now: ResourceReport, before: ResourceReport | undefined, node: string): ClusterEvent | undefined {
  const { kind, namespace, name, uid, ready, reason, message } = now;
  const same = before?.uid === uid ? before : undefined;
  const about = {
    apiVersion: API_VERSION,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
  if (ready) {
    return same?.ready === false ? { about, type: 'Normal', reason: 'Mended', message: `node ${node}: ${message}` } : undefined;
  }
  if (NO_NEWS.includes(reason)) return undefined;
  const known = same?.ready === false && same.reason === reason && same.message === message;
  return known ? undefined : { about, type: 'Warning', reason, message: `node ${node}: ${message}` };
}

/** About the Node: what was undone may belong to no resource any more. */
function driftEvent({ object, event, cause, restoredMicros }: DriftReport, node: string): ClusterEvent {
  const healed = restoredMicros === undefined ? 'not restored yet' : 'restored';
  return {
    about: { apiVersion: 'v1', kind: 'Node', name: node, uid: node },
    type: 'Warning',
    reason: event,
    message: `node ${node}: ${object}: ${cause}; ${healed}`,
  };
}

function driftName({ object, event }: DriftReport): string {
  return `${event} ${object}`;
}
