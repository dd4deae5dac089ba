import { stringify } from 'yaml';
import type { Cluster } from './cluster.ts';
import { BUSYBOX } from './images.ts';

export interface Pod {
  readonly name: string;
  readonly node: string;
  /** IPv4 first. */
  readonly addresses: readonly string[];
}

const LABELS = { app: 'web' };

/**
 * A pod on every node that serves its node's name over HTTP on port 80, and unless told otherwise a Service `web` before them. Resolves
 * when all are Ready.
 */
export async function deployWeb(cluster: Cluster, { service = true } = {}): Promise<readonly Pod[]> {
  const objects = [DAEMON_SET, ...(service ? [SERVICE] : [])];
  await cluster.plane.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
  return webPods(cluster);
}

/**
 * The pods once there is a Ready one on every node.
 * @param restarted a node that has crashed, and when: what was known of its pods before does not count
 */
export async function webPods(cluster: Cluster, restarted?: { readonly node: string; readonly since: Date }): Promise<readonly Pod[]> {
  const isFresh = ({ spec, status }: PodObject) =>
    spec.nodeName !== restarted?.node || new Date(status.containerStatuses?.[0]?.state.running?.startedAt ?? 0) >= restarted.since;
  const path = '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb';
  const { items } = await cluster.plane.api.until<{ readonly items: readonly PodObject[] }>(path, (list) => {
    const nodes = new Set(list.items.filter(isReady).map(({ spec }) => spec.nodeName));
    return nodes.size === cluster.nodes.length && list.items.every((pod) => isReady(pod) && isFresh(pod));
  });
  return items
    .map(({ metadata, spec, status }) => ({ name: metadata.name, node: spec.nodeName, addresses: status.podIPs.map(({ ip }) => ip) }))
    .sort((a, b) => a.node.localeCompare(b.node));
}

/** core/v1 Pod, as far as it is read here. */
interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly podIPs: readonly { readonly ip: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly state: { readonly running?: { readonly startedAt: string } } }[];
  };
}

function isReady({ metadata, status }: PodObject): boolean {
  const ready = status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
  return ready && metadata.deletionTimestamp === undefined;
}

const DAEMON_SET = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: LABELS },
    template: {
      metadata: { labels: LABELS },
      spec: {
        tolerations: [{ operator: 'Exists' }],
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'web',
            image: BUSYBOX.name,
            args: ['-c', 'mkdir /tmp/www && echo "$NODE" >/tmp/www/index.html && echo serving && exec httpd -f -p 80 -h /tmp/www'],
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: LABELS, ports: [{ port: 80 }], ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv4', 'IPv6'] },
};
