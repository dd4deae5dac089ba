import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../../tests/lab/cluster/cluster.ts';
import { API_HOST } from '../../tests/lab/cluster/network.ts';
import { PREMISES } from '../../tests/lab/cluster/premises.ts';
import { program } from '../programs/programs.ts';
import { BIN } from './state.ts';

const FAIRLEAD = join(import.meta.dirname, '..', '..', 'bin', 'fairlead');

/** Writes commands that reach into the cluster: the API server is in a network of its own. */
export function writeCommands(cluster: Cluster): void {
  const { lab, plane } = cluster;
  const inside = (command: string) =>
    `exec nsenter --net=/run/netns/${lab.host(API_HOST).namespace} env PATH='${BIN}':"$PATH" HOME='${plane.folder}' KUBECONFIG='${plane.kubeconfig}' '${command}' "$@"`;
  const prefix = lab.host(API_HOST).namespace.slice(0, -API_HOST.length);
  const commands = {
    kubectl: inside(program('kubectl')),
    helm: inside(program('helm')),
    fairlead: inside(FAIRLEAD),
    'kubectl-fairlead': inside(FAIRLEAD),
    on: `host=$1\nshift\nexec nsenter --net="/run/netns/${prefix}$host" "$@"`,
  };
  mkdirSync(BIN, { recursive: true });
  for (const [name, body] of Object.entries(commands)) writeFileSync(join(BIN, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

export function usage(): string {
  return `The cluster is ready: three nodes with Fairlead, and a host behind a gateway that they do not know yet.

  export PATH=${BIN}:$PATH
  kubectl get nodes -o wide -L topology.kubernetes.io/zone
  kubectl apply -f - <<'END'
  apiVersion: fairlead.dev/v1alpha1
  kind: StaticRoute
  metadata: {name: on-prem}
  spec: {subnets: [${PREMISES.subnet}]}
  END
  kubectl get staticroutes -o wide
  on n1 ping -c 3 ${PREMISES.address}          # "on HOST COMMAND": n1, n2, n3, gateway, onprem, api
  fairlead status

make cluster-down removes it.
`;
}
