import { FLAGS, UsageError } from '../runtime/config.ts';
import type { Context } from './command.ts';
import { openCluster } from './node-context.ts';

/** `fairlead ipam list|check`: overlay addresses of a cluster, and whether all that is recorded of them agrees. */
export async function run(context: Context): Promise<number> {
  const { line } = context;
  const [verb, ...more] = line.operands;
  if ((verb !== 'list' && verb !== 'check') || more.length > 0)
    throw new UsageError(
      `fairlead ipam: write "fairlead ipam list" or "fairlead ipam check"${more.length > 0 ? ', and nothing behind it' : ''}`,
    );
  if (verb === 'list' && line.has(FLAGS.repair)) throw new UsageError('fairlead ipam: --repair belongs to check');
  const cluster = await openCluster(context, 'ipam');
  if (verb === 'list') return (await import('./ipam-list.ts')).listAddresses(context, cluster);
  return (await import('./ipam-check.ts')).checkAddresses(context, cluster);
}
