import { hash } from 'node:crypto';
import { fieldsOf, listOf } from './wire.ts';

/** `status` of a StaticRoute, as api/kinds/static-route-status.ts describes it. */
export interface RouteStatus {
  readonly observedGeneration: number;
  readonly nodes: { readonly selected: number; readonly ready: number; readonly failed: number };
  readonly nodeStatus: readonly NodeStatus[];
  readonly conditions: readonly RouteCondition[];
}

export interface NodeStatus {
  readonly hostname: string;
  readonly gateway?: string;
  readonly device?: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RouteCondition {
  readonly type: 'Ready' | 'Degraded';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** What is known of a status that was written: enough to tell whether another one differs, and since when its conditions hold. */
export interface KnownStatus {
  readonly fingerprint: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime: string }[];
}

/**
 * Of a status that the API server holds. Fields and conditions that are not ours do not count: they are another's, and stay there
 * whatever we write.
 */
export function knownStatus(value: unknown): KnownStatus {
  const { observedGeneration, nodes, nodeStatus, conditions } = fieldsOf(value);
  const { selected, ready, failed } = fieldsOf(nodes);
  const ours = listOf(conditions)
    .map(fieldsOf)
    .filter(({ type }) => type === 'Ready' || type === 'Degraded');
  const told = [
    observedGeneration,
    [selected, ready, failed],
    listOf(nodeStatus)
      .map(fieldsOf)
      .map((node) => [node['hostname'], node['gateway'], node['device'], node['ready'], node['reason'], node['message']]),
    ours
      .map((condition) => [
        condition['type'],
        condition['status'],
        condition['reason'],
        condition['message'],
        condition['observedGeneration'],
      ])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ];
  return {
    fingerprint: hash('sha256', JSON.stringify(told), 'base64'),
    conditions: ours.flatMap(({ type, status, lastTransitionTime }) =>
      typeof lastTransitionTime === 'string' ? [{ type: String(type), status: String(status), lastTransitionTime }] : [],
    ),
  };
}
