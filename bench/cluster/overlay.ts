import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetNode } from '../../tests/lab/fleet.ts';
import type { Context } from '../measure.ts';
import type { Row, Unit } from '../row.ts';
import { quantile } from '../statistics.ts';
import { type Join, measureJoins, type Provider } from './overlay-joins.ts';
import { createPool, FIRST_ADDRESS, POOL, RANGE, untilAllocated, ZONE } from './overlay-pool.ts';
import { Site } from './site.ts';

/** Of the pool: the device on its nodes. */
const DEVICE = 'tmp0';
/** Until an agent has heard from the API server whatever there is. */
const SETTLE_MS = 2_500;

/** Overlay addresses: of one node from its Node to its kernel, and of a thousand that join at once, by both providers. */
export async function measureOverlay(context: Context): Promise<readonly Row[]> {
  return [
    ...(await measureAppearances(context)),
    ...joinRows(context, 'cluster', await measureJoins(context, 'cluster')),
    ...joinRows(context, 'phpIPAM', await measureJoins(context, 'phpIPAM')),
  ];
}

/** One node whose agent runs and waits for its Node; the agent's probe of the wire, of about a second, is part of it. */
async function measureAppearances({ scale: { appearances }, progress }: Context): Promise<readonly Row[]> {
  await using site = await Site.create({ nodes: 1, controllers: 1 });
  const [node] = site.fleet.nodes;
  if (node === undefined) throw new Error('a fleet without nodes');
  await createPool(site, { cluster: { ranges: [RANGE] } });
  const input = { stand: site.stand, pool: POOL, labels: ZONE, name: node.name, addresses: node.addresses, overlay: FIRST_ADDRESS };
  const figures: { readonly granted: number; readonly kernel: number }[] = [];
  for (let round = 0; round < appearances; round++) {
    progress(`a Node whose agent waits for it, round ${round + 1} of ${appearances}`);
    await renew(site, node);
    figures.push(await site.client.run('appear', input));
  }
  const row = (name: string, value: (figure: (typeof figures)[number]) => number): Row => {
    const ours = figures.map(value);
    return { name: `api: Node to ${name}, p50`, unit: 'ms', ours, total: quantile(ours, 0.5) };
  };
  return [
    row('its overlay address granted', ({ granted }) => granted),
    row('its overlay address in its kernel, probe included', ({ kernel }) => kernel),
  ];
}

/** A machine that has just booted, without a Node: an agent removes nothing when its Node goes. */
async function renew(site: Site, { name, host, agent }: FleetNode): Promise<void> {
  await agent.stop();
  agent.forget();
  await site.fleet.plane.api.delete(`/api/v1/nodes/${name}`);
  await host.run('ip', 'link', 'delete', DEVICE);
  await untilAllocated(site, 0);
  await agent.start();
  await sleep(SETTLE_MS);
}

function joinRows({ scale: { fleet } }: Context, provider: Provider, joins: readonly Join[]): readonly Row[] {
  const row = (name: string, unit: Unit, value: (join: Join) => number): Row => ({
    name: `api: ${fleet} nodes join, ${provider}, ${name}`,
    unit,
    ours: joins.map(value),
  });
  const written = (name: string, resource: string, subresource: string): Row =>
    row(
      name,
      'writes',
      ({ writes }) => writes.filter((each) => each.resource === resource && each.subresource === subresource && each.code < 300).length,
    );
  const kinds = [...new Set(joins.flatMap(({ calls }) => Object.keys(calls)))].filter((kind) => joins.some(({ calls }) => calls[kind]));
  const sum = (calls: Join['calls']): number => Object.values(calls).reduce((all, each) => all + each, 0);
  return [
    row('first POST to the last grant', 'ms', ({ posting, granted }) => posting + granted),
    row('last POST to the last grant', 'ms', ({ granted }) => granted),
    written('writes of the status of the OverlayPool', 'overlaypools', 'status'),
    written('writes of NodeOverlayIPs', 'nodeoverlayips', ''),
    written('writes of the status of NodeOverlayIPs', 'nodeoverlayips', 'status'),
    row('writes in vain because of conflicts', 'writes', ({ writes }) => writes.filter(({ code }) => code === 409).length),
    row('writes of all kinds for each', 'writes', ({ writes }) => writes.length / fleet),
    ...kinds.map((kind) => row(`calls of ${kind}`, 'calls', ({ calls }) => calls[kind] ?? 0)),
    ...(kinds.length > 0 ? [row('calls of all kinds for each', 'calls', ({ calls }) => sum(calls) / fleet)] : []),
    row('CPU of the controller', 'ms', ({ controller }) => controller),
    row('CPU of the API server', 'ms', ({ server }) => server),
    row('RSS of the controller', 'MiB', ({ resident }) => resident),
  ];
}
