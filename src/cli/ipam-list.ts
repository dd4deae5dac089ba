import type { WaitingNode } from '../api/kinds/overlay-pool-status.ts';
import { FLAGS } from '../runtime/config.ts';
import { askingTheCluster } from './cluster-objects.ts';
import type { Cluster, Context, Terminal } from './command.ts';
import { EXIT } from './command.ts';
import { type AddressLine, addressLines } from './ipam-lines.ts';
import { gatherWorld, type IpamWorld } from './ipam-world.ts';
import { printData } from './output.ts';
import { ago, columns, paint } from './text.ts';

interface WaitingLine extends WaitingNode {
  readonly pool: string;
}

/** What is wrong with a pool, as its condition Degraded says. */
interface ProblemLine {
  readonly pool: string;
  readonly reason: string;
  readonly message: string;
}

/** `fairlead ipam list`: every overlay address of the cluster, one a line, the nodes that wait for one, and what is wrong with pools. */
export async function listAddresses({ line, terminal }: Context, { client }: Cluster): Promise<number> {
  const world = await askingTheCluster(client, () => gatherWorld(client));
  const [addresses, waiting, problems] = [addressLines(world), waitingIn(world), problemsIn(world)];
  const format = line.text(FLAGS.output);
  if (format === 'json' || format === 'yaml') await printData(terminal, format, { addresses, waiting, problems });
  else print(terminal, addresses, waiting, problems);
  for (const words of world.unreadable) terminal.err(`${words}\n`);
  return world.unreadable.length > 0 ? EXIT.failed : EXIT.ok;
}

function waitingIn({ pools }: IpamWorld): readonly WaitingLine[] {
  return pools.flatMap(({ pool, status }) => (status.waiting ?? []).map((node) => ({ pool: pool.meta.ref.name, ...node })));
}

/** A node that waits names a consequence; the cause may be one of these. */
function problemsIn({ pools }: IpamWorld): readonly ProblemLine[] {
  return pools.flatMap(({ pool, status }) => {
    const degraded = status.conditions?.find(({ type, status: holds }) => type === 'Degraded' && holds === 'True');
    return degraded ? [{ pool: pool.meta.ref.name, reason: degraded.reason, message: degraded.message }] : [];
  });
}

function print(
  terminal: Terminal,
  addresses: readonly AddressLine[],
  waiting: readonly WaitingLine[],
  problems: readonly ProblemLine[],
): void {
  const rows = addresses.map(({ address, node, pool, zone = '-', state, record = '-', since, note = '' }) => {
    const colour = state === 'granted' ? 'green' : state === 'waiting' ? 'red' : 'yellow';
    return [
      address,
      node,
      pool,
      zone,
      state,
      record,
      since === undefined ? '-' : ago(since),
      paint(note, colour, terminal.colours && note !== ''),
    ];
  });
  if (rows.length === 0) terminal.out('no node has an overlay address\n');
  else terminal.out(`${columns([['ADDRESS', 'NODE', 'POOL', 'ZONE', 'STATE', 'RECORD', 'SINCE', 'NOTE'], ...rows])}\n`);
  const waits = waiting.map(({ node, pool, reason, message }) => [node, pool, reason, message]);
  if (waits.length > 0) terminal.out(`\n${columns([['WAITING NODE', 'POOL', 'REASON', 'MESSAGE'], ...waits])}\n`);
  const wrong = problems.map(({ pool, reason, message }) => [pool, reason, message]);
  if (wrong.length > 0) terminal.out(`\n${columns([['POOL WITH A PROBLEM', 'REASON', 'MESSAGE'], ...wrong])}\n`);
}
