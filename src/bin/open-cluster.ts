import { join } from 'node:path';
import type { Cluster, ClusterOptions } from '../cli/command.ts';
import { LAST_GOOD_FILE } from '../cluster/cluster.ts';
import { openKubernetes } from '../cluster/kubernetes/client.ts';
import { kubernetesConfig, namespaceOf } from '../cluster/kubernetes/config.ts';
import { openEvents } from '../cluster/kubernetes/events.ts';
import { openOverlaySink } from '../cluster/kubernetes/overlay-sink.ts';
import { openReportSink } from '../cluster/kubernetes/sink.ts';
import { openKubernetesSource } from '../cluster/kubernetes/source.ts';
import { systemClock } from '../runtime/clock.ts';
import { environment } from '../runtime/config.ts';
import { providersOf } from './open-provider.ts';

/** A real cluster; apart from the other adapters, because a node without one need not load all this. */
export async function openCluster({ kubeconfig, context, role, version }: ClusterOptions): Promise<Cluster> {
  const config = await kubernetesConfig({ kubeconfig, context, env: environment(), interactive: process.stdin.isTTY });
  const client = openKubernetes(config, { version, role });
  return {
    client,
    namespace: () => namespaceOf(config),
    controller: ({ identity, warn, ...options }) => ({
      events: openEvents({ client, reporter: { role: 'controller', name: identity }, warn, clock: systemClock }),
      openProvider: providersOf({ client, clock: systemClock, ...options }),
    }),
    node: (nodeName, warn) => ({
      words: `cluster ${client.server}`,
      sink: openReportSink(client),
      overlaySink: openOverlaySink({ client, clock: systemClock }),
      events: openEvents({ client, reporter: { role: 'agent', name: nodeName }, warn, clock: systemClock }),
      openSource: ({ stateFolder, ...options }) =>
        openKubernetesSource({ client, nodeName, lastGood: join(stateFolder, LAST_GOOD_FILE), clock: systemClock, ...options }),
      close: () => client.close(),
    }),
  };
}
