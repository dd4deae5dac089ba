import { setTimeout as sleep } from 'node:timers/promises';
import { startFleet } from '../../tests/lab/fleet.ts';
import { type Api, ApiRefused } from '../../tests/lab/kubernetes/api.ts';
import { createNode } from '../../tests/lab/kubernetes/objects.ts';
import type { Context } from '../measure.ts';
import { memoryOf, processorTimeOf } from '../process-figures.ts';
import type { Row, Unit } from '../row.ts';
import { Site } from './site.ts';

const POLICY_BINDING = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/fairlead-agent-own-node';
const REPORTS = '/apis/fairlead.dev/v1alpha1/nodereports';
const POLL_MS = 1_000;
/** Until the controller has nothing left to do. */
const CALM_MS = 5_000;
/** Nodes created at a time. */
const AT_ONCE = 10;

interface Change {
  readonly milliseconds: number;
  readonly reports: number;
  readonly statuses: number;
  readonly refused: number;
  readonly controller: number;
  readonly server: number;
  readonly resident: number;
}

/**
 * One StaticRoute changed on a thousand nodes. The nodes are played by writers that share a few connections and report as agents do, all
 * with one token of the service account of the agents: so one flow, as for the priority and fairness of a real API server. (The policy that
 * an agent writes its own report alone is taken away for that.) They do not watch.
 */
export async function measureFleet(context: Context): Promise<readonly Row[]> {
  const { fleet: count, fleetChanges } = context.scale;
  await using site = new Site(await startFleet({ nodes: 1, controllers: 1, idle: true }));
  const { plane, controllers, nodes } = site.fleet;
  const [controller] = controllers;
  const [first] = nodes;
  if (!controller || !first) throw new Error('a fleet without a controller');
  context.progress(`${count} nodes, and as many first reports`);
  await site.fleet.install();
  await plane.api.delete(POLICY_BINDING);
  const names = [first.name, ...Array.from({ length: count - 1 }, (_, i) => `bench-${i}`)];
  const queue = names.slice(1).values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => eachOf(queue, (name) => createNode(plane.api, name))));
  await controller.start();
  await first.agent.renewPod();
  await site.client.run('enlist', { stand: site.stand, serviceAccount: first.agent.serviceAccount, names });
  while ((await reported(plane.api)) < count) await sleep(POLL_MS);
  await sleep(CALM_MS);
  const changes: Change[] = [];
  for (let round = 0; round < fleetChanges; round++) {
    context.progress(`one StaticRoute on ${count} nodes, ${round + 1} of ${fleetChanges}`);
    const before = { writes: (await plane.writes()).length, ...times(site, controller.pid) };
    const { milliseconds } = await site.client.run('change', { stand: site.stand, round });
    await sleep(CALM_MS);
    const after = times(site, controller.pid);
    const writes = (await plane.writes()).slice(before.writes).filter(({ user }) => user.includes(':fairlead-'));
    changes.push({
      milliseconds,
      reports: writes.filter(({ resource, code }) => resource === 'nodereports' && code < 300).length,
      statuses: writes.filter(({ resource, code }) => resource === 'staticroutes' && code < 300).length,
      refused: writes.filter(({ code }) => code >= 300).length,
      controller: after.controller - before.controller,
      server: after.server - before.server,
      resident: memoryOf(controller.pid).resident,
    });
  }
  return rows(count, changes);
}

/** How many nodes have. A server that is busy with the definitions that were just installed is asked again. */
async function reported(api: Api): Promise<number> {
  try {
    return (await api.list(REPORTS)).filter(({ status }) => status !== undefined).length;
  } catch (error) {
    if (error instanceof ApiRefused && error.code === 429) return 0;
    throw error;
  }
}

function times({ fleet: { plane } }: Site, controller: number): { readonly controller: number; readonly server: number } {
  const [, server = 0] = plane.pids;
  return { controller: processorTimeOf(controller), server: processorTimeOf(server) };
}

async function eachOf<T>(queue: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of queue) await work(item);
}

function rows(count: number, changes: readonly Change[]): readonly Row[] {
  const row = (name: string, unit: Unit, value: (change: Change) => number, limit?: number): Row => ({
    name: `api: one change on ${count} nodes, ${name}`,
    unit,
    ours: changes.map(value),
    ...(limit !== undefined && { budget: { of: 'value', limit } }),
  });
  return [
    row('writes of NodeReports', 'writes', ({ reports }) => reports, count),
    row('writes of the StaticRoute', 'writes', ({ statuses }) => statuses, 5),
    row('writes refused, because of too many or of conflicts', 'writes', ({ refused }) => refused),
    row('POST to the status that all are ready', 'ms', ({ milliseconds }) => milliseconds),
    row('CPU of the controller', 'ms', ({ controller }) => controller),
    row('CPU of the API server', 'ms', ({ server }) => server),
    row('RSS of the controller', 'MiB', ({ resident }) => resident),
  ];
}
