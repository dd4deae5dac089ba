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

/** `fairlead ipam list`: every overlay address of the cluster, one a line, and the nodes that wait for one. */
export async function listAddresses({ line, terminal }: Context, { client }: Cluster): Promise<number> {
  const world = await askingTheCluster(client, () => gatherWorld(client));
  const [addresses, waiting] = [addressLines(world), waitingIn(world)];
  const format = line.text(FLAGS.output);
  if (format === 'json' || format === 'yaml') await printData(terminal, format, { addresses, waiting });
  else print(terminal, addresses, waiting);
  for (const words of world.unreadable) terminal.err(`${words}\n`);
  return world.unreadable.length > 0 ? EXIT.failed : EXIT.ok;
}

function waitingIn({ pools }: IpamWorld): readonly WaitingLine[] {
  return pools.flatMap(({ pool, status }) => (status.waiting ?? []).map((node) => ({ pool: pool.meta.ref.name, ...node })));
}

function print(terminal: Terminal, addresses: readonly AddressLine[], waiting: readonly WaitingLine[]): void {
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
  if (waiting.length === 0) return;
  const lines = waiting.map(({ node, pool, reason, message }) => [node, pool, reason, message]);
  terminal.out(`\n${columns([['WAITING NODE', 'POOL', 'REASON', 'MESSAGE'], ...lines])}\n`);
}
