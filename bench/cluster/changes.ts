import type { Context } from '../measure.ts';
import { goOperator } from '../rivals.ts';
import type { Row } from '../row.ts';
import { quantile, type Samples } from '../statistics.ts';
import { Site } from './site.ts';

const NODES = 3;

/** Milliseconds, by batch. */
interface Figures {
  readonly created: readonly Samples[];
  readonly changed: readonly Samples[];
}

/** StaticRoutes one by one: from the POST to the kernel of one node, of three, and to the status that says so. */
export async function measureApiChanges(context: Context): Promise<readonly Row[]> {
  const { changes, batches, statuses } = context.scale;
  const one = await alone(context);
  await using site = await Site.create({ nodes: NODES, controllers: 1 });
  const all = await inBatches(site, context, `${NODES} nodes`);
  context.progress(`${statuses} StaticRoutes until their status is complete`);
  const told = await site.client.run('statuses', { stand: site.stand, count: statuses, first: changes });
  return [
    row('POST to the kernel of one node', one.created, 0.5, { limit: 8, rival: 8.9 }),
    row('POST to the kernel of one node', one.created, 0.99, { limit: 40, rival: 11.4 }),
    row(`POST to the kernels of ${NODES} nodes`, all.created, 0.5, { limit: 12, rival: 30 }),
    row(`POST to the kernels of ${NODES} nodes`, all.created, 0.99, { limit: 40, rival: 96 }),
    row('gateway to the kernel of one node', one.changed, 0.5, { limit: 8 }),
    row('gateway to the kernel of one node', one.changed, 0.99, { limit: 40 }),
    row(`gateway to the kernels of ${NODES} nodes`, all.changed, 0.5, { limit: 12 }),
    row(`gateway to the kernels of ${NODES} nodes`, all.changed, 0.99, { limit: 40 }),
    row(`POST to the status of ${NODES} nodes`, portions(told.figures, batches), 0.5, { rival: 61 }),
    row(`POST to the status of ${NODES} nodes`, portions(told.figures, batches), 0.99, { rival: 157 }),
  ];
}

async function alone(context: Context): Promise<Figures> {
  await using site = await Site.create({ nodes: 1, controllers: 1 });
  return await inBatches(site, context, 'one node');
}

async function inBatches(site: Site, { scale, progress }: Context, where: string): Promise<Figures> {
  progress(`${scale.changes} StaticRoutes created and changed, ${where}`);
  const { created, changed } = await site.client.run('changes', { stand: site.stand, count: scale.changes });
  return { created: portions(created, scale.batches), changed: portions(changed, scale.batches) };
}

/** In order, and of equal size as far as that goes. */
function portions(samples: Samples, count: number): readonly Samples[] {
  const size = Math.ceil(samples.length / count);
  return Array.from({ length: Math.ceil(samples.length / size) }, (_, i) => samples.slice(i * size, (i + 1) * size));
}

function row(name: string, batches: readonly Samples[], share: number, { limit, rival }: { limit?: number; rival?: number }): Row {
  return {
    name: `api: ${name}, p${share * 100}`,
    unit: 'ms',
    ours: batches.map((batch) => quantile(batch, share)),
    total: quantile(batches.flat(), share),
    ...(limit !== undefined && { budget: { of: 'value', limit } }),
    ...(rival !== undefined && { rival: goOperator(rival) }),
  };
}
