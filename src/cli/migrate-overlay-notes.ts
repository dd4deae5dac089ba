import type { Workloads } from './migrate-overlay-workloads.ts';
import { count } from './text.ts';

/** What the notes are about: the pool is there, or only addresses are. */
export interface NotedMigration extends Workloads {
  readonly addresses: number;
  /** The host of phpIPAM, where only the namespace of the older system knows it by that name. */
  readonly localHost?: string;
}

const DEVICE = 'tmp0';

/** What to do around `kubectl apply`, in order. The whole story is in docs/migrate.md. */
export function overlayNotes(migration: NotedMigration): readonly string[] {
  const device = migration.device ?? DEVICE;
  const steps = [
    secretStep(migration),
    ...hostStep(migration),
    `Stop the older system before you delete anything of it, since its finalizer deletes the address of each object in phpIPAM: ${stopCommands(migration)}.`,
    `Apply this. Until the next step the traffic keeps to the older device ${device}, and each agent says that ${device} is not its own.`,
    `On one node after the other: delete the older device, with "ip link delete ${device}" in the pod of the agent. Its own takes the place with the same address; traffic pauses for that long.`,
    'When every NodeOverlayIP is ready: take the finalizers off the older objects, then delete them and their definitions.',
  ];
  const { addresses } = migration;
  return [
    `Taken over from the overlay IP controller (iks.ibm.com)${addresses === 0 ? '' : `, with the addresses that phpIPAM holds for ${count(addresses, 'node')}`}.`,
    ...steps.map((step, i) => `${i + 1}. ${step}`),
  ];
}

function secretStep({ credentials }: NotedMigration): string {
  const { secret, namespace, username, password, known } = credentials;
  const from = `Secret ${secret}${namespace === undefined ? '' : ` of namespace ${namespace}`}`;
  const keys = username === 'username' && password === 'password' ? 'the same keys' : `its keys ${username} and ${password}`;
  const doubt = known ? '' : `; the Deployment of the older controller is not among what was read, so ${secret} is what its manifest says`;
  return `Make the Secret ${secret} with the keys username and password in the namespace of Fairlead's controller, from ${keys} of the ${from}${doubt}.`;
}

function hostStep({ localHost }: NotedMigration): readonly string[] {
  if (localHost === undefined) return [];
  return [
    `phpIPAM was called ${localHost}, which is a Service beside the older controller: see that spec.ipam.phpIPAM.url names its namespace too.`,
  ];
}

function stopCommands({ deployment, daemonSet }: NotedMigration): string {
  const controller = deployment ?? 'deployment overlay-ip-controller';
  const agents = daemonSet ?? 'daemonset overlay-network-pod';
  return `"kubectl scale ${controller} --replicas=0" and "kubectl delete ${agents}"`;
}
