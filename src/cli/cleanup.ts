import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSysctlMemory, keptAside, SYSCTL_FILE } from '../agent/memory.ts';
import { LAST_GOOD_FILE, REPORT_FILE } from '../cluster/cluster.ts';
import { diff } from '../core/diff.ts';
import { formatChange } from '../core/render.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { FLAGS, UsageError } from '../runtime/config.ts';
import { type Context, EXIT, type Run, type Terminal } from './command.ts';
import { explained } from './files.ts';
import { demandPermission, holdingLock, type NodeFlags, nodeFlags } from './node-context.ts';
import { count } from './text.ts';

/** `fairlead cleanup`: takes everything that carries our mark out of the kernel, restores sysctls, deletes our files. Needs no manifests. */
export const run: Run = async (context) => {
  const { line } = context;
  if (!line.has(FLAGS.cluster) && line.has(FLAGS.force)) throw new UsageError('fairlead cleanup: --force belongs to --cluster');
  if (!line.has(FLAGS.cluster)) return explained(() => cleanUp(context));
  return (await import('./cleanup-cluster.ts')).cleanUpCluster(context);
};

async function cleanUp(context: Context): Promise<number> {
  const flags = nodeFlags(context.line);
  const kernel = await context.adapters.openKernel();
  demandPermission(kernel);
  const status = await holdingLock('cleanup', flags.nodeName, () => removeAll(kernel, flags, context.terminal));
  kernel.close();
  return status;
}

async function removeAll(kernel: Kernel, flags: NodeFlags, terminal: Terminal): Promise<number> {
  const { facts, owned } = await kernel.observe();
  const { sysctls, unusable } = await fileSysctlMemory(flags.stateFolder).load();
  const changes = diff({ routes: owned, sysctls }, { resources: [] }, facts);
  for (const change of changes) terminal.out(`${formatChange(change)}\n`);
  const failures = await kernel.apply(changes);
  for (const { change, code, message } of failures) terminal.err(`not removed: ${formatChange(change)}: ${message} (${code})\n`);
  if (failures.length > 0) return EXIT.failed;
  const { removed, left } = await kernel.purge();
  for (const object of removed) terminal.out(`- ${object}\n`);
  for (const object of left) terminal.err(`not removed: ${object}: ${wayToRemove(object)}\n`);
  if (left.length > 0) return EXIT.failed;
  const files = await removeFiles(flags, unusable !== undefined);
  for (const file of files) terminal.out(`- ${file}\n`);
  const kept = await keptAside(flags.stateFolder);
  if (unusable !== undefined) terminal.err(`${unusable}; set them by hand, then delete the file\n`);
  for (const file of kept) terminal.err(`${file} may name sysctls that are still changed: set them by hand, then delete the file\n`);
  if (unusable !== undefined || kept.length > 0) return EXIT.failed;
  const objects = changes.length + removed.length;
  terminal.out(
    objects + files.length === 0
      ? `nothing of ours was left on node ${flags.nodeName}\n`
      : `node ${flags.nodeName} is clean: ${count(objects, 'kernel object')} and ${count(files.length, 'file')} removed\n`,
  );
  return EXIT.ok;
}

/** What a person does about an object that is named as `Purged` names it. */
function wayToRemove(object: string): string {
  const [kind, name] = object.split(' ');
  if (kind === 'address') return `remove it with "ip address del ${object.slice(kind.length + 1)}"`;
  if (kind !== 'device') return `remove it with "ip route del ${object}"`;
  return `remove it with "ip link del dev ${name}"; or, when it is not Fairlead's, take the mark off: ip link set dev ${name} alias ''`;
}

/** Last good resources would bring the routes back at the next start, so they go too. Folders go when nothing else is in them. */
async function removeFiles({ stateFolder, statusFolder }: NodeFlags, keepSysctls: boolean): Promise<string[]> {
  const removed: string[] = [];
  const memory = keepSysctls ? [] : [join(stateFolder, SYSCTL_FILE)];
  for (const file of [join(stateFolder, LAST_GOOD_FILE), ...memory, join(statusFolder, REPORT_FILE)]) {
    const gone = await rm(file).then(
      () => true,
      () => false,
    );
    if (gone) removed.push(file);
  }
  for (const folder of new Set([stateFolder, statusFolder])) await rmdir(folder).catch(() => undefined);
  return removed;
}
