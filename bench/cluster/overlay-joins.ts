import { NAMESPACE, startFleet } from '../../tests/lab/fleet.ts';
import { IpamServer } from '../../tests/lab/ipam-server.ts';
import type { AuditedRequest } from '../../tests/lab/kubernetes/audit.ts';
import type { Context } from '../measure.ts';
import { memoryOf, processorTimeOf } from '../process-figures.ts';
import { createPool, type Ipam, POOL, RANGE, SUBNET, untilAllocated, ZONE } from './overlay-pool.ts';
import { Site } from './site.ts';

/** Nodes created or deleted at a time. */
const AT_ONCE = 10;
const SUBNET_ID = 7;
const IPAM_USER = { username: 'fairlead', password: 'secret' };

export type Provider = keyof typeof PROVIDERS;

/** What many nodes that join have cost. Milliseconds and MiB. */
export interface Join {
  /** From the first POST to the last, and from there to the last grant. */
  readonly posting: number;
  readonly granted: number;
  /** Requests of the controller that write, but for its leases. */
  readonly writes: readonly AuditedRequest[];
  /** Of phpIPAM, by kind. */
  readonly calls: Readonly<Record<string, number>>;
  readonly controller: number;
  readonly server: number;
  readonly resident: number;
}

/** How a pool gets its addresses, by the name of its provider; and who tells how often it was asked. */
const PROVIDERS = {
  cluster: async (): Promise<Source> => ({ ipam: { cluster: { ranges: [RANGE] } }, calls: async () => ({}) }),
  phpIPAM: async ({ fleet }: Site): Promise<Source> => {
    const server = await IpamServer.start(fleet, { [SUBNET_ID]: SUBNET });
    const metadata = { name: 'phpipam' };
    await fleet.plane.api.post(`/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata, stringData: IPAM_USER });
    const access = { url: server.url, appID: 'open', auth: 'None', credentialsSecret: metadata.name };
    return { ipam: { phpIPAM: { ...access, subnetMap: { a: [SUBNET_ID] } } }, calls: () => server.calls() };
  },
} as const;

interface Source {
  readonly ipam: Ipam;
  readonly calls: () => Promise<Readonly<Record<string, number>>>;
}

/** Many Nodes at once, again and again, each time after all have left. No agents: what the controller needs is measured. */
export async function measureJoins({ scale: { fleet, joins }, progress }: Context, provider: Provider): Promise<readonly Join[]> {
  await using site = new Site(await startFleet({ nodes: 1, controllers: 1, idle: true }));
  await site.fleet.install();
  await site.fleet.controllers[0]?.start();
  const source = await PROVIDERS[provider](site);
  await createPool(site, source.ipam);
  const names = Array.from({ length: fleet }, (_, i) => `bench-${i}`);
  const figures: Join[] = [];
  for (let round = 0; round < joins; round++) {
    progress(`${fleet} nodes join, ${provider}, round ${round + 1} of ${joins}`);
    figures.push(await join(site, source, names));
    await leave(site, names);
  }
  return figures;
}

async function join(site: Site, { calls }: Source, names: readonly string[]): Promise<Join> {
  const { client, stand, fleet } = site;
  const before = { ...times(site), calls: await calls(), writes: (await fleet.plane.writes()).length };
  const { posting, granted } = await client.run('join', { stand, pool: POOL, labels: ZONE, names, connections: AT_ONCE });
  await untilAllocated(site, names.length);
  const after = { ...times(site), calls: await calls(), writes: (await fleet.plane.writes()).slice(before.writes) };
  const since = ([kind, count]: readonly [string, number]) => [kind, count - (before.calls[kind] ?? 0)] as const;
  return {
    posting,
    granted,
    writes: after.writes.filter(({ user, resource }) => user.includes(':fairlead-') && resource !== 'leases'),
    calls: Object.fromEntries(Object.entries(after.calls).map(since)),
    controller: after.controller - before.controller,
    server: after.server - before.server,
    resident: after.resident,
  };
}

async function leave(site: Site, names: readonly string[]): Promise<void> {
  const queue = names.values();
  const remove = async (): Promise<void> => {
    for (const name of queue) await site.fleet.plane.api.delete(`/api/v1/nodes/${name}`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, remove));
  await untilAllocated(site, 0);
}

function times({ fleet: { plane, controllers } }: Site): Pick<Join, 'controller' | 'server' | 'resident'> {
  const [controller] = controllers;
  if (!controller) throw new Error('a fleet without a controller');
  const [, server = 0] = plane.pids;
  return {
    controller: processorTimeOf(controller.pid),
    server: processorTimeOf(server),
    resident: memoryOf(controller.pid).resident,
  };
}
