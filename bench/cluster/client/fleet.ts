import { ReportWriter } from '../../../src/agent/report-writer.ts';
import type { NodeReport, ResourceReport } from '../../../src/api/kinds/node-report.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import { inClusterConfig } from '../../../src/cluster/kubernetes/in-cluster.ts';
import { openReportSink } from '../../../src/cluster/kubernetes/sink.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { Log } from '../../../src/runtime/log.ts';
import { ObjectWatch } from './object-watch.ts';
import { GATEWAY, nameOf, OTHER_GATEWAY, STATIC_ROUTE, STATIC_ROUTES, saysReady, staticRoute } from './objects.ts';
import { Requests } from './requests.ts';
import type { Stand } from './tasks.ts';

const CONNECTIONS = 10;
/** A report that the API server refuses is written again; how many there were, the audit log tells. */
const LOG: Log = { info: () => {}, warn: () => {}, error: () => {} };

interface Writer {
  readonly name: string;
  readonly writer: ReportWriter;
}

let writers: readonly Writer[] = [];

interface Enlistment {
  readonly stand: Stand;
  /** The folder with the credentials of all of them. */
  readonly serviceAccount: string;
  readonly names: readonly string[];
}

/** Makes a writer for each of these nodes, and has each write its first report. */
export async function enlist({ stand: { api }, serviceAccount, names }: Enlistment) {
  const env = { KUBERNETES_SERVICE_HOST: api.address, KUBERNETES_SERVICE_PORT: `${api.port}` };
  const config = inClusterConfig(env, serviceAccount) ?? bug('no API server');
  const sinks = Array.from({ length: CONNECTIONS }, () => openReportSink(openKubernetes(config, { version: 'bench', role: 'agent' })));
  writers = names.map((name, i) => ({ name, writer: new ReportWriter(sinks[i % CONNECTIONS] ?? bug('no sink'), systemClock, LOG, bug) }));
  for (const { name, writer } of writers) writer.offer(report(name, []), names.length);
  return {};
}

function bug(error: unknown): never {
  throw error;
}

/** The first time a StaticRoute is created, then its gateway changed: milliseconds until its status says that every node is ready. */
export async function change({ stand, round }: { readonly stand: Stand; readonly round: number }) {
  using requests = new Requests(stand.api);
  await using watch = await ObjectWatch.open(stand.kubeconfig, STATIC_ROUTE);
  const gateway = round % 2 === 0 ? GATEWAY : OTHER_GATEWAY;
  const ready = watch.until([nameOf(0)], saysReady(writers.length, round + 1));
  const { sent, text } =
    round === 0
      ? await requests.send('POST', STATIC_ROUTES, staticRoute(0, gateway))
      : await requests.send('PATCH', `${STATIC_ROUTES}/${nameOf(0)}`, { spec: { via: { gateway } } });
  const { uid, generation } = (JSON.parse(text) as { readonly metadata: { readonly uid: string; readonly generation: number } }).metadata;
  const entry: ResourceReport = {
    kind: 'StaticRoute',
    name: nameOf(0),
    uid,
    observedGeneration: generation,
    ready: true,
    reason: 'Ready',
    message: `1 route via ${gateway} dev eth1`,
    gateway,
    device: 'eth1',
    routes: 1,
  };
  for (const { name, writer } of writers) writer.offer(report(name, [entry]), writers.length);
  return { milliseconds: (await ready) - sent };
}

/** As an agent on a node with one interface writes it. */
function report(name: string, resources: readonly ResourceReport[]): NodeReport {
  const now = new Date().toISOString();
  const conditions = [
    { type: 'Ready', status: 'True', reason: 'AllReady', message: `${resources.length} resources ready`, lastTransitionTime: now },
    { type: 'Degraded', status: 'False', reason: 'SourceComplete', message: 'every source has delivered', lastTransitionTime: now },
  ] as const;
  const gateways = resources.map(({ gateway = '' }) => ({ family: 4 as const, address: gateway, device: 'eth1' }));
  return {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'NodeReport',
    metadata: { name },
    status: {
      summary: { ready: `${resources.length}/${resources.length}`, problems: 0, drift: 0 },
      resources,
      problems: [],
      drift: [],
      facts: { kernel: '6.12.0', rpFilterAll: 0, links: [{ name: 'eth1', up: true, mtu: 1500, rpFilter: 1 }], gateways },
      lastSync: now,
      resourcesAsOf: now,
      complete: true,
      conditions: [...conditions],
    },
  };
}
