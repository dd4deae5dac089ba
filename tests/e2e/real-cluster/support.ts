import assert from 'node:assert/strict';
import type { Cluster } from '../../lab/cluster/cluster.ts';
import { type ContainerProcess, containerProcess } from '../../lab/cluster/container.ts';
import { NAMESPACE } from '../../lab/cluster/install.ts';
import { PREMISES } from '../../lab/cluster/premises.ts';
import type { ApiObject } from '../../lab/kubernetes/api.ts';
import { METRIC, untilRoutes } from '../support.ts';

/** The private network beside the cluster, in both families. */
export const SITE = { subnets: [PREMISES.subnet, 'fd00:50::/64'], hosts: [PREMISES.address, 'fd00:50::10'] } as const;
export const GATEWAYS = [PREMISES.gateway, 'fd00:200::fe'] as const;
/** What a node has when it can reach the site. */
export const SITE_ROUTES = SITE.subnets.map((subnet, family) => `${subnet} via ${GATEWAYS[family]} dev eth0 metric ${METRIC}`).toSorted();

/** core/v1 Pod, as far as it is read here. */
export interface Pod extends ApiObject {
  readonly spec: {
    readonly nodeName: string;
    readonly containers: readonly [{ readonly securityContext?: { readonly capabilities?: object } }];
  };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses: readonly [{ readonly containerID: string; readonly ready: boolean; readonly restartCount: number }];
  };
}

/** The pods of a component of Fairlead, by the names of their nodes. */
export async function podsOf({ plane }: Cluster, component: 'agent' | 'controller'): Promise<readonly Pod[]> {
  const selector = `labelSelector=app.kubernetes.io/component=${component}`;
  const pods = await plane.api.list<Pod>(`/api/v1/namespaces/${NAMESPACE}/pods?${selector}`);
  return pods.toSorted((a, b) => a.spec.nodeName.localeCompare(b.spec.nodeName));
}

/** The pod of the agent on a node. */
export async function agentOn(cluster: Cluster, node: string): Promise<Pod> {
  const found = (await podsOf(cluster, 'agent')).find(({ spec }) => spec.nodeName === node);
  assert.ok(found, `no agent is on ${node}`);
  return found;
}

export function processOf({ status }: Pod): ContainerProcess {
  return containerProcess(status.containerStatuses[0].containerID);
}

/** Sets of capabilities as /proc has them: bit 12 is CAP_NET_ADMIN (linux/capability.h). */
export const NO_CAPABILITY = '0000000000000000';
export const NET_ADMIN = '0000000000001000';

/** Waits until every node has routes of ours to the site and no others. */
export async function untilConnected(cluster: Cluster): Promise<void> {
  await Promise.all(cluster.nodes.map(({ host }) => untilRoutes(host, SITE_ROUTES)));
}
