import type * as z from 'zod/mini';
import type { DeepReadonly } from '../deep-readonly.ts';
import { API_VERSION, envelopeErrors, type Kind } from '../define-kind.ts';
import { failed, type Parsed, read } from '../errors.ts';
import { isObject, readMeta } from '../metadata.ts';
import { typeName } from '../quote.ts';
import { nodeReportStatus } from './node-report-status.ts';

export type NodeReportStatus = DeepReadonly<z.output<ReturnType<typeof nodeReportStatus>>>;
export type ResourceReport = NodeReportStatus['resources'][number];
export type DriftReport = NodeReportStatus['drift'][number];
export type Condition = NodeReportStatus['conditions'][number];

/** What one node says about itself. Its name is the name of the node. */
export interface NodeReport {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: 'NodeReport';
  readonly metadata: { readonly name: string };
  readonly status: NodeReportStatus;
}

export const nodeReportKind: Kind<undefined, ReturnType<typeof nodeReportStatus>> = {
  kind: 'NodeReport',
  plural: 'nodereports',
  shortName: 'nr',
  scope: 'Cluster',
  summary: 'What one node makes of the resources that select it. Written by the agent of that node; nobody else writes it.',
  details: `A report is written at once when an outcome changes, then at most once a second, and every two minutes as a sign of life. Without Kubernetes it is the
file \`nodereport.yaml\` in the status folder.`,
  example: `apiVersion: fairlead.dev/v1alpha1
kind: NodeReport
metadata:
  name: node-a
status:
  summary: {ready: 1/1, problems: 0, drift: 1}
  resources:
    - {kind: StaticRoute, name: on-prem, ready: true, reason: Ready, message: 2 routes through 10.176.162.129 (eth1), gateway: 10.176.162.129, device: eth1, routes: 2}
  problems: []
  drift:
    - {object: route 192.168.50.0/24, event: RouteDeleted, cause: deleted by another process, count: 1, lastTime: "2027-01-31T12:00:00Z", restoredMicros: 412}
  facts:
    kernel: 6.12.30
    rpFilterAll: 0
    links: [{name: eth1, up: true, mtu: 1500, rpFilter: 1}]
    gateways: [{family: 4, address: 10.176.162.129, device: eth1}]
  lastSync: "2027-01-31T12:00:00Z"
  complete: true
  conditions:
    - {type: Ready, status: "True", reason: Ready, message: every resource is in place, lastTransitionTime: "2027-01-31T11:00:00Z"}
`,
  spec: undefined,
  status: nodeReportStatus,
  columns: [
    { name: 'Ready', type: 'string', jsonPath: '.status.summary.ready', description: 'Resources in place, of those that select the node.' },
    { name: 'Problems', type: 'integer', jsonPath: '.status.summary.problems', description: 'Things that could not be read.' },
    {
      name: 'Drift',
      type: 'integer',
      jsonPath: '.status.summary.drift',
      description: 'Objects that were changed from outside and restored.',
    },
    { name: 'Last Sync', type: 'date', jsonPath: '.status.lastSync', description: 'Time since the agent last looked.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was created.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is not ready.',
      wide: true,
    },
  ],
};

/** The counts that `kubectl get` shows. */
export function summarize({
  resources,
  problems,
  drift,
}: Pick<NodeReportStatus, 'resources' | 'problems' | 'drift'>): NodeReportStatus['summary'] {
  const ready = resources.filter((resource) => resource.ready).length;
  return { ready: `${ready}/${resources.length}`, problems: problems.length, drift: drift.length };
}

/** A NodeReport, perhaps written by a newer agent: fields that are not known here are dropped. Never throws. */
export function parseNodeReport(value: unknown): Parsed<NodeReport> {
  if (!isObject(value)) return failed('', `must be an object, not ${typeName(value)}`);
  const meta = readMeta(nodeReportKind, value);
  const status = read(nodeReportStatus(), value['status'], ['status']);
  const errors = [...envelopeErrors(nodeReportKind, value), ...(meta.ok ? [] : meta.errors), ...(status.ok ? [] : status.errors)];
  if (errors.length > 0 || !meta.ok || !status.ok) return { ok: false, errors };
  return {
    ok: true,
    value: { apiVersion: API_VERSION, kind: 'NodeReport', metadata: { name: meta.value.ref.name }, status: status.value },
  };
}
