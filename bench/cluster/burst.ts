import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditedRequest } from '../../tests/lab/kubernetes/audit.ts';
import type { Context } from '../measure.ts';
import { goOperator } from '../rivals.ts';
import type { Row, Unit } from '../row.ts';
import { Site } from './site.ts';

const NODES = 3;
/** Requests under way at once, as many as kubectl and GitOps tools have at most. */
const CONNECTIONS = 20;
/** Until what a burst has left to do is done: the pace of the controller, and its patience. */
const CALM_MS = 3_000;

interface Burst {
  /** Milliseconds after the last POST was sent. */
  readonly routes: number;
  readonly statuses: number;
  /** Of objects, by the controller and the agents together, per StaticRoute: all, those of StaticRoutes, those in vain. */
  readonly writes: number;
  readonly ownWrites: number;
  readonly conflicts: number;
}

/** Many StaticRoutes at once, until every kernel has them and every status says so, and how many writes that takes. */
export async function measureApiBurst(context: Context): Promise<readonly Row[]> {
  const { objects, bursts } = context.scale;
  await using site = await Site.create({ nodes: NODES, controllers: 1 });
  const figures: Burst[] = [];
  for (let round = 0; round < bursts; round++) {
    context.progress(`${objects} StaticRoutes at once, ${NODES} nodes, round ${round + 1} of ${bursts}`);
    figures.push(await burst(site, objects));
    await site.clear();
    await sleep(CALM_MS);
  }
  const row = (name: string, unit: Unit, value: (burst: Burst) => number, limit: number, rival: number): Row => ({
    name: `api: ${objects} at once, ${name}`,
    unit,
    ours: figures.map(value),
    budget: { of: 'value', limit },
    rival: goOperator(rival),
  });
  return [
    row(`last POST to the last kernel of ${NODES}`, 'ms', ({ routes }) => routes, 2_000, 10_500),
    row('last POST to the last status', 'ms', ({ statuses }) => statuses, 4_000, 11_100),
    row('writes of each StaticRoute', 'writes', ({ ownWrites }) => ownWrites, 2, 7.3),
    row('conflicts for each StaticRoute', 'writes', ({ conflicts }) => conflicts, 0, 3.3),
    { name: `api: ${objects} at once, writes of all kinds for each`, unit: 'writes', ours: figures.map(({ writes }) => writes) },
  ];
}

async function burst({ client, stand, fleet: { plane } }: Site, count: number): Promise<Burst> {
  const before = (await plane.writes()).length;
  const { routes, statuses } = await client.run('burst', { stand, count, connections: CONNECTIONS });
  await sleep(CALM_MS);
  const writes = (await plane.writes()).slice(before).filter(({ user, resource }) => user.includes(':fairlead-') && resource !== 'leases');
  const each = (which: (write: AuditedRequest) => boolean): number => writes.filter(which).length / count;
  return {
    routes,
    statuses,
    writes: writes.length / count,
    ownWrites: each(({ resource }) => resource === 'staticroutes'),
    conflicts: each(({ code }) => code === 409),
  };
}
