import { nameError } from '../api/metadata.ts';
import { InvalidAddress } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { CommandFailed, type CommandLine, clusterNamed, defaultNodeName, FLAGS, UsageError } from '../runtime/config.ts';
import { type LockHolder, tryLock } from '../runtime/instance-lock.ts';
import { type Cluster, type Context, LOCK_NAME, type Place } from './command.ts';

/** The flags that most commands share, checked. */
export interface NodeFlags {
  readonly nodeName: string;
  readonly statusFolder: string;
  readonly stateFolder: string;
  readonly protect: readonly Prefix[];
}

/** @throws UsageError */
export function nodeFlags(line: CommandLine): NodeFlags {
  return {
    nodeName: nodeName(line),
    statusFolder: line.text(FLAGS.status) ?? FLAGS.status.default,
    stateFolder: line.text(FLAGS.state) ?? FLAGS.state.default,
    protect: line.list(FLAGS.protect).map(protectedPrefix),
  };
}

/** The report is called so, and a `v1/Node` is looked for by it. */
function nodeName(line: CommandLine): string {
  const given = line.list(FLAGS.node).at(-1);
  const name = given ?? defaultNodeName();
  const fault = nameError(name);
  if (fault === undefined) return name;
  throw new UsageError(given === undefined ? `the host name ${fault}; or name the node by --node NAME` : `--node: ${fault}`);
}

/**
 * Where the resources of this node come from: the folder or the cluster that is named. One that is merely there, such as ~/.kube/config,
 * is not taken: its routes belong on other machines.
 * @throws UsageError when nothing is named
 */
export async function openPlace(context: Context, role: string, flags: NodeFlags, warn: (message: string) => void): Promise<Place> {
  const { line, adapters } = context;
  const manifests = line.text(FLAGS.manifests);
  if (manifests !== undefined) {
    if (line.has(FLAGS.kubeconfig) || line.has(FLAGS.context))
      throw new UsageError('--manifests and --kubeconfig exclude each other: resources come from a folder or from a cluster');
    return adapters.openFolder({ manifests, status: flags.statusFolder });
  }
  if (!clusterNamed(line))
    throw new UsageError('--manifests DIR or --kubeconfig FILE is missing: name the folder or the cluster with resources');
  return (await openCluster(context, role)).node(flags.nodeName, warn);
}

/** The cluster that flags or environment name. @throws CommandFailed when there is none */
export function openCluster({ line, adapters, version }: Context, role: string): Promise<Cluster> {
  return adapters.openCluster({ kubeconfig: line.text(FLAGS.kubeconfig), context: line.text(FLAGS.context), role, version });
}

function protectedPrefix(text: string): Prefix {
  try {
    return Prefix.parse(text);
  } catch (error) {
    if (error instanceof InvalidAddress) throw new UsageError(`--protect: ${error.message}`);
    throw error;
  }
}

/** @throws CommandFailed when this process may not change the network. */
export function demandPermission(kernel: Kernel): void {
  const missing = kernel.missingPermission();
  if (missing !== undefined) throw new CommandFailed(missing);
}

/** Does the work of a command that must not run beside an agent. @throws CommandFailed that names the holder */
export async function holdingLock<T>(role: string, nodeName: string, work: () => Promise<T>): Promise<T> {
  const lock = await tryLock(LOCK_NAME, { pid: process.pid, node: nodeName, role });
  if (!('release' in lock))
    throw new CommandFailed(`${holderText(lock)} works in this network namespace: stop it first (${adviceFor(lock)})`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** "kill 0" would end the shell of whoever follows the advice. */
function adviceFor({ pid }: LockHolder): string {
  return pid > 0 ? `"kill ${pid}"` : `"ss -xlp | grep @${LOCK_NAME}" finds it`;
}

export function holderText(holder: LockHolder): string {
  return holder.pid === 0 ? `a ${holder.role}` : `fairlead ${holder.role} of node ${holder.node} (pid ${holder.pid})`;
}
