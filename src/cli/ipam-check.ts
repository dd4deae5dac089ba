import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, ResourceType } from '../cluster/api-client.ts';
import { IpamRefused, IpamUnavailable } from '../ipam/provider.ts';
import { FLAGS } from '../runtime/config.ts';
import { askingTheCluster, withRights } from './cluster-objects.ts';
import { type Cluster, type Context, EXIT, type Terminal } from './command.ts';
import { type Difference, differencesIn, type Repair } from './ipam-differences.ts';
import { Ipams } from './ipam-providers.ts';
import { type Repaired, repair } from './ipam-repair.ts';
import { gatherWorld } from './ipam-world.ts';
import { printData } from './output.ts';
import { count, paint } from './text.ts';

const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

/** Longer than a controller takes from one step to the next, so that what it is in the middle of is not called a difference. */
const SECOND_LOOK_MS = 3_000;

/**
 * `fairlead ipam check`: compares ledgers, NodeOverlayIPs, Nodes and external systems, and names every difference with its fix. With
 * --repair it mends those that are safe to mend. Exits with 2 when one is left, with 1 when not everything could be compared.
 */
export async function checkAddresses(context: Context, cluster: Cluster): Promise<number> {
  const { line, terminal } = context;
  const { client } = cluster;
  return askingTheCluster(client, async () => {
    const ipams = new Ipams(context, cluster);
    try {
      const found = await lasting(client, ipams);
      const mended = line.has(FLAGS.repair) ? await mend(client, ipams, found.differences) : new Map<Difference, Repaired>();
      const format = line.text(FLAGS.output);
      if (format === 'json' || format === 'yaml') await printData(terminal, format, asData(found, mended));
      else print(terminal, found, mended);
      const left = found.differences.filter((difference) => mended.get(difference)?.done !== true);
      if (left.length > 0) return EXIT.found;
      return found.notCompared.length > 0 ? EXIT.failed : EXIT.ok;
    } finally {
      await ipams.close();
    }
  });
}

interface Found {
  readonly differences: readonly Difference[];
  /** What could not be compared, and why. */
  readonly notCompared: readonly string[];
  readonly addresses: number;
}

/** The differences that are still there a moment later. */
async function lasting(client: ApiClient, ipams: Ipams): Promise<Found> {
  const first = await look(client, ipams);
  if (first.differences.length === 0) return first;
  await sleep(SECOND_LOOK_MS);
  const second = await look(client, ipams);
  const before = new Set(first.differences.map(keyOf));
  return { ...second, differences: second.differences.filter((difference) => before.has(keyOf(difference))) };
}

async function look(client: ApiClient, ipams: Ipams): Promise<Found> {
  const world = await gatherWorld(client);
  const { inventories, notCompared } = await ipams.look(world.pools.map(({ pool }) => pool));
  const differences = differencesIn(
    { ...world, inventories, cluster: inventories.size === 0 ? undefined : await clusterOf(client) },
    Date.now(),
  );
  const addresses = world.pools.reduce((sum, { status }) => sum + (status.ledger ?? []).length, 0);
  return { differences, notCompared: [...world.unreadable, ...notCompared], addresses };
}

/** Whoever has looked into a phpIPAM has been told it before. */
async function clusterOf(client: ApiClient): Promise<string> {
  return withRights(
    'the right to get namespace kube-system',
    async () => (await client.get(NAMESPACES, { name: 'kube-system' })).metadata.uid,
  );
}

function keyOf({ pool, address, node, message }: Difference): string {
  return JSON.stringify([pool, address, node, message]);
}

/** One after the other: each writes over what it has just read. */
async function mend(client: ApiClient, ipams: Ipams, differences: readonly Difference[]): Promise<Map<Difference, Repaired>> {
  const mended = new Map<Difference, Repaired>();
  for (const difference of differences) {
    if (difference.repair) mended.set(difference, await mendOne(client, ipams, difference.repair));
  }
  return mended;
}

async function mendOne(client: ApiClient, ipams: Ipams, wanted: Repair): Promise<Repaired> {
  try {
    const now = new Date().toISOString();
    return await withRights('the right to get nodes and nodeoverlayips, and to get overlaypools and update their status', () =>
      repair(client, wanted, ipams.provider(wanted.pool), now),
    );
  } catch (error) {
    if (error instanceof IpamUnavailable || error instanceof IpamRefused) return { done: false, message: `not repaired: ${error.message}` };
    throw error;
  }
}

function asData({ differences, notCompared }: Found, mended: ReadonlyMap<Difference, Repaired>): object {
  const lines = differences.map((difference) => {
    const { repair: wanted, ...rest } = difference;
    const result = mended.get(difference);
    return { ...rest, repairable: wanted !== undefined, ...(result && { repaired: result.done, result: result.message }) };
  });
  return { differences: lines, notCompared };
}

function print(terminal: Terminal, { differences, notCompared, addresses }: Found, mended: ReadonlyMap<Difference, Repaired>): void {
  for (const difference of differences) {
    const { pool, address, message, fix, repair: wanted } = difference;
    const result = mended.get(difference);
    const outcome = result?.message ?? (wanted ? `${fix}: "fairlead ipam check --repair" does it` : fix);
    const colour = result?.done ? 'green' : 'red';
    terminal.out(`${pool}${address === undefined ? '' : ` ${address}`}: ${message}: ${paint(outcome, colour, terminal.colours)}\n`);
  }
  for (const words of notCompared) terminal.err(`not compared: ${words}\n`);
  const repaired = [...mended.values()].filter(({ done }) => done).length;
  const done = mended.size === 0 ? '' : `, ${repaired} repaired`;
  terminal.out(`${count(addresses, 'address', 'addresses')}, ${count(differences.length, 'difference')}${done}\n`);
}
