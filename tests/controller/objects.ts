import type { ApiObject } from '../../src/cluster/api-client.ts';
import type { FleetNode } from '../../src/controller/decide-static-route.ts';
import { EntryPool } from '../../src/controller/entry-pool.ts';
import type { RouteStatus } from '../../src/controller/route-status.ts';
import { type ReportView, type RouteView, reportView, routeView } from '../../src/controller/views.ts';

type Fields = Readonly<Record<string, unknown>>;

const GROUP = 'fairlead.dev/v1alpha1';

/** A StaticRoute as the API server sends it. */
export function routeObject(
  name: string,
  { generation = 1, uid = `uid-${name}`, version = '1', spec = {}, status = {} as Fields } = {},
): ApiObject {
  const metadata = { name, uid, generation, resourceVersion: version };
  return { apiVersion: GROUP, kind: 'StaticRoute', metadata, spec: { subnets: ['192.168.50.0/24'], ...spec }, status };
}

export function routeOf(name: string, options: Parameters<typeof routeObject>[1] = {}): RouteView {
  return routeView(routeObject(name, options));
}

/** One entry of a NodeReport; ready unless it has a reason. */
export function entry(name: string, over: Fields = {}): Fields {
  const { reason = 'Ready' } = over;
  const told = { kind: 'StaticRoute', name, uid: `uid-${name}`, observedGeneration: 1, reason, message: 'as it should be' };
  return { ...told, ...over, ready: reason === 'Ready' };
}

export const reportStatus = (resources: readonly Fields[], lastSync = '2027-01-01T00:00:00.000Z'): Fields => ({
  summary: { ready: `0/${resources.length}`, problems: 0, drift: 0 },
  resources,
  problems: [],
  drift: [],
  facts: { kernel: '6.12', links: [], gateways: [], rpFilterAll: 0 },
  lastSync,
  complete: true,
  conditions: [],
});

export function reportOf(
  name: string,
  resources: readonly Fields[],
  { version = '1', lastSync = '2027-01-01T00:00:00.000Z' } = {},
): ReportView {
  const metadata = { name, uid: `uid-${name}`, resourceVersion: version };
  return reportView(new EntryPool())({ apiVersion: GROUP, kind: 'NodeReport', metadata, status: reportStatus(resources, lastSync) });
}

/** A node of the fleet; with `resources` its agent has reported them. */
export function fleetNode(name: string, resources?: readonly Fields[], rest: Partial<FleetNode> = {}): FleetNode {
  const report = resources && reportOf(name, resources);
  return { name, labels: new Map([['kubernetes.io/hostname', name]]), notReady: undefined, report, silent: false, joining: false, ...rest };
}

/** A status as text: counts, conditions, nodes. */
export function formatStatus({ observedGeneration, nodes, nodeStatus, conditions }: RouteStatus): string {
  return [
    `generation ${observedGeneration}: ${nodes.selected} selected, ${nodes.ready} ready, ${nodes.failed} failed`,
    ...conditions.map(
      ({ type, status, reason, message, lastTransitionTime }) =>
        `${type}=${status} ${reason} since ${lastTransitionTime.slice(11, 19)}: ${message}`,
    ),
    ...nodeStatus.map(({ hostname, gateway, device, ready, reason, message }) =>
      [`  ${hostname}`, ready ? 'ready' : 'failed', reason, gateway && `via ${gateway}`, device && `dev ${device}`, `- ${message}`]
        .filter(Boolean)
        .join(' '),
    ),
  ].join('\n');
}
