import type { ApiObject } from '../../../src/cluster/api-client.ts';
import { ObjectWatch } from './object-watch.ts';
import { NODE_OVERLAY_IP } from './objects.ts';
import { type Answered, Requests } from './requests.ts';
import { RouteMonitor } from './route-monitor.ts';
import type { Stand } from './tasks.ts';

const NODES = '/api/v1/nodes';

/** A Node, and the pool that is to give it an address. */
interface Joining {
  readonly stand: Stand;
  /** Of the overlay addresses. */
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Creates the Node of the first node, and waits until that has the address in its kernel: with an address that it has taken on a device
 * that is up, the kernel announces the route to it. Milliseconds after the POST was sent.
 */
export async function appear({
  stand,
  pool,
  labels,
  name,
  addresses,
  overlay,
}: Joining & {
  readonly name: string;
  readonly addresses: readonly string[];
  /** The address that the pool will give, as a number. */
  readonly overlay: number;
}) {
  const [namespace] = stand.namespaces;
  if (namespace === undefined) throw new Error('no node to look at');
  using requests = new Requests(stand.api);
  using monitor = new RouteMonitor(namespace);
  await using watch = await ObjectWatch.open(stand.kubeconfig, NODE_OVERLAY_IP);
  const arrivals = Promise.all([watch.until([`${name}.${pool}`], isGranted), monitor.arrival(overlay)]);
  const { sent } = await requests.send('POST', NODES, node(name, labels, addresses));
  const [granted, kernel] = await arrivals;
  return { granted: granted - sent, kernel: kernel - sent };
}

/** Creates many Nodes, so many at a time. Milliseconds: to send all POSTs, and from the last of them to the last grant. */
export async function join({
  stand,
  pool,
  labels,
  names,
  connections,
}: Joining & { readonly names: readonly string[]; readonly connections: number }) {
  using requests = new Requests(stand.api, connections);
  await using watch = await ObjectWatch.open(stand.kubeconfig, NODE_OVERLAY_IP);
  const granted = watch.until(
    names.map((name) => `${name}.${pool}`),
    isGranted,
  );
  const begin = performance.now();
  const queue = names.values();
  const answers: Answered[] = [];
  const post = async (): Promise<void> => {
    for (const name of queue) answers.push(await requests.send('POST', NODES, node(name, labels)));
  };
  await Promise.all(Array.from({ length: connections }, post));
  const last = Math.max(...answers.map(({ sent }) => sent));
  return { posting: last - begin, granted: (await granted) - last };
}

function isGranted({ status }: ApiObject): boolean {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** As a kubelet registers it: with one request. */
function node(name: string, labels: Readonly<Record<string, string>>, addresses: readonly string[] = []): object {
  const own = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels };
  const hosts = [{ type: 'Hostname', address: name }, ...addresses.map((address) => ({ type: 'InternalIP', address }))];
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: own }, status: { addresses: hosts } };
}
