import type { Api, ApiObject } from './api.ts';

export interface NodeSpec {
  readonly labels?: Readonly<Record<string, string>>;
  /** InternalIP, at most one of a family. */
  readonly addresses?: readonly string[];
  readonly podCIDRs?: readonly string[];
  /** Default true. */
  readonly ready?: boolean;
}

/** A Node as a kubelet would have registered it. */
export async function createNode(
  api: Api,
  name: string,
  { labels = {}, addresses = [], podCIDRs = [], ready = true }: NodeSpec = {},
): Promise<ApiObject> {
  const spec = podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs };
  const metadata = { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } };
  await api.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata, spec });
  const hosts = [{ type: 'Hostname', address: name }, ...addresses.map((address) => ({ type: 'InternalIP', address }))];
  await api.patch(`/api/v1/nodes/${name}/status`, { status: { addresses: hosts } });
  return setNodeReady(api, name, ready);
}

export function setNodeReady(api: Api, name: string, ready: boolean): Promise<ApiObject> {
  const now = new Date().toISOString();
  const condition = {
    type: 'Ready',
    status: ready ? 'True' : 'False',
    reason: ready ? 'KubeletReady' : 'KubeletNotReady',
    message: '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  return api.patch(`/api/v1/nodes/${name}/status`, { status: { conditions: [condition] } });
}

/** Changes labels; null removes one. */
export function labelNode(api: Api, name: string, labels: Readonly<Record<string, string | null>>): Promise<ApiObject> {
  return api.patch(`/api/v1/nodes/${name}`, { metadata: { labels } });
}

export function createNamespace(api: Api, name: string): Promise<ApiObject> {
  return api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

export function createServiceAccount(api: Api, namespace: string, name: string): Promise<ApiObject> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  return api.post(path, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
}

export interface PodSpec {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** Must exist. */
  readonly serviceAccount: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Also makes it Running and Ready. */
  readonly addresses?: readonly string[];
}

/** A Pod that is bound to a node, as the scheduler would; no kubelet runs it. */
export async function createPod(
  api: Api,
  { namespace, name, node, serviceAccount, labels = {}, addresses = [] }: PodSpec,
): Promise<ApiObject> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const containers = [{ name: 'main', image: 'none' }];
  const spec = { nodeName: node, serviceAccountName: serviceAccount, containers };
  const pod = await api.post(path, { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec });
  if (addresses.length === 0) return pod;
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })), conditions };
  return api.patch(`${path}/${name}/status`, { status });
}

export interface TokenSpec {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Binds the token to this pod, so that it names the pod's node and dies with the pod. */
  readonly pod?: string;
  /** At least 600, which the server asks for. */
  readonly seconds?: number;
}

/** A token by TokenRequest (authentication.k8s.io/v1), as the kubelet gets it for a pod. */
export async function createToken(api: Api, { namespace, serviceAccount, pod, seconds = 3600 }: TokenSpec): Promise<string> {
  const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod } };
  const answer = await api.post<{ readonly status: { readonly token: string } }>(
    `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: seconds, ...bound } },
  );
  return answer.status.token;
}

/** A pod `<serviceAccount>-<node>` on a node that exists, and its token: what the pod of a DaemonSet has there. */
export async function podToken(api: Api, namespace: string, serviceAccount: string, node: string): Promise<string> {
  const name = `${serviceAccount}-${node}`;
  await createPod(api, { namespace, name, node, serviceAccount });
  return createToken(api, { namespace, serviceAccount, pod: name });
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly node?: string;
  /** Default true. */
  readonly ready?: boolean;
}

/** An EndpointSlice of a service. All addresses must be of one family. */
export function createEndpointSlice(
  api: Api,
  namespace: string,
  service: string,
  endpoints: readonly Endpoint[],
  port = 80,
): Promise<ApiObject> {
  const addressType = endpoints[0]?.addresses[0]?.includes(':') ? 'IPv6' : 'IPv4';
  return api.post(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-${addressType.toLowerCase()}`, labels: { 'kubernetes.io/service-name': service } },
    addressType,
    endpoints: endpoints.map(({ addresses, node, ready = true }) => ({
      addresses,
      conditions: { ready },
      ...(node && { nodeName: node }),
    })),
    ports: [{ port }],
  });
}
