import assert from 'node:assert/strict';
import { addresses, SITE } from '../../../demo/topology.ts';
import type { Report, ReportedResource } from '../../lab/agent.ts';
import type { Fleet, FleetNode } from '../../lab/fleet.ts';
import type { ApiObject } from '../../lab/kubernetes/api.ts';
import type { AuditedRequest } from '../../lab/kubernetes/audit.ts';
import { METRIC, ownRoutes, until } from '../support.ts';

export const ROUTES = '/apis/fairlead.dev/v1alpha1/staticroutes';
export const REPORTS = '/apis/fairlead.dev/v1alpha1/nodereports';

/** The two ways to the site. */
export const GATEWAY = addresses(4).gateway;
export const OTHER_GATEWAY = addresses(4).vpn;
export const ONPREM = addresses(4).onprem;

/** A StaticRoute by the gateway above, to the site unless `spec` says else. */
export function staticRoute(name: string, spec: object = {}): object {
  const usual = { subnets: [SITE[4]], via: { gateway: GATEWAY } };
  return { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec: { ...usual, ...spec } };
}

/** As `ownRoutes` prints it. */
export function kernelRoute(subnet: string, gateway = GATEWAY): string {
  return `${subnet} via ${gateway} dev eth1 metric ${METRIC}`;
}

/** Waits until exactly these routes of ours are on a node. */
export async function untilOwn({ host }: FleetNode, expected: readonly string[]): Promise<void> {
  const wanted = [...expected].sort();
  let found: readonly string[] = [];
  await until(
    async () => {
      found = await ownRoutes(host);
      return found.join('\n') === wanted.join('\n');
    },
    () => `${host.name} has\n${found.join('\n')}\nnot\n${wanted.join('\n')}`,
  );
}

/** The same on every node of a fleet. */
export async function untilEverywhere({ nodes }: Fleet, expected: readonly string[]): Promise<void> {
  await Promise.all(nodes.map((node) => untilOwn(node, expected)));
}

export interface RouteStatus {
  readonly observedGeneration?: number;
  readonly nodes?: { readonly selected: number; readonly ready: number; readonly failed: number };
  readonly nodeStatus?: readonly {
    readonly hostname: string;
    readonly ready: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}

export function statusOf(route: ApiObject): RouteStatus {
  return (route.status ?? {}) as RouteStatus;
}

/** Whether the status is about this very generation, and says that so many nodes are ready and none has failed. */
export function readyOn(count: number): (route: ApiObject) => boolean {
  const condition = (route: ApiObject): boolean => {
    const { observedGeneration, nodes } = statusOf(route);
    return observedGeneration === route.metadata.generation && nodes?.ready === count && nodes.failed === 0;
  };
  condition.toString = () => `ready on ${count} nodes`;
  return condition;
}

/** `3 selected, 2 ready, 1 failed; n2 GatewayNotOnLink` */
export function statusText(route: ApiObject): string {
  const { nodes, nodeStatus = [] } = statusOf(route);
  const failing = nodeStatus.filter(({ ready }) => !ready).map(({ hostname, reason }) => `; ${hostname} ${reason}`);
  return `${nodes?.selected} selected, ${nodes?.ready} ready, ${nodes?.failed} failed${failing.join('')}`;
}

export interface ClusterReport extends ApiObject {
  readonly status: Report['status'] & { readonly complete: boolean; readonly incompleteReason?: string; readonly resourcesAsOf?: string };
}

/** The report of a node, once it satisfies. */
export function reportOf(
  { plane }: Pick<Fleet, 'plane'>,
  node: string,
  satisfies: (report: ClusterReport) => boolean,
): Promise<ClusterReport> {
  return plane.api.until<ClusterReport>(`${REPORTS}/${node}`, (report) => report.status !== undefined && satisfies(report));
}

/** What a node says about one resource, once that satisfies. */
export async function saidOf(
  fleet: Fleet,
  node: string,
  name: string,
  satisfies: (resource: ReportedResource) => boolean,
): Promise<ReportedResource> {
  const find = ({ status }: ClusterReport) => status.resources?.find((resource) => resource.name === name && satisfies(resource));
  const found = find(await reportOf(fleet, node, (report) => find(report) !== undefined));
  assert.ok(found);
  return found;
}

/**
 * What agents and controllers asked for and were never allowed to do. An API server that has just started refuses for a moment what its
 * roles grant, before it has read them: the same question is then granted at another time.
 */
export async function denials({ plane }: Pick<Fleet, 'plane'>): Promise<readonly string[]> {
  const asked = (await plane.audit({})).filter(({ user }) => user.startsWith('system:serviceaccount:'));
  const question = ({ user, verb, apiGroup, resource, subresource, namespace }: AuditedRequest): string =>
    [user, verb, apiGroup, resource, subresource, namespace].join(' ');
  const granted = new Set(asked.filter(({ code }) => code < 300).map(question));
  return asked
    .filter((request) => request.code === 403 && !granted.has(question(request)))
    .map(({ user, verb, uri, time }) => `${time} ${user} ${verb} ${uri}`);
}
