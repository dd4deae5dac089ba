import { join } from 'node:path';
import { BenchNode } from '../bench-node.ts';
import { type Format, writeManifests } from '../manifests.ts';
import type { Context } from '../measure.ts';
import type { Row } from '../row.ts';
import type { Samples } from '../statistics.ts';
import { destinationBits, GATEWAY } from '../world.ts';

/** From the start of the agent process to the last route of a folder of manifests in the kernel, against the C program's writes. */
export async function measureEndToEnd(context: Context): Promise<readonly Row[]> {
  const { small, large, rounds, largeRounds, quietRounds } = context.scale;
  await using node = await BenchNode.create();
  return [
    await rowOf(context, node, small, 'json', rounds),
    { ...(await rowOf(context, node, large, 'json', largeRounds)), budget: { of: 'ratio', limit: 2 } },
    await rowOf(context, node, small, 'yaml', quietRounds),
    await rowOf(context, node, large, 'yaml', quietRounds),
  ];
}

async function rowOf(context: Context, node: BenchNode, count: number, format: Format, rounds: number): Promise<Row> {
  const manifests = join(node.folder, `${format}-${count}`);
  writeManifests(manifests, count, GATEWAY, format);
  const reference: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`${count} routes from ${format.toUpperCase()}, round ${round + 1} of ${rounds}`);
    reference.push((await context.reference.cycle(node.host, node.deviceIndex, count)).add);
    ours.push(await fromStart(node, manifests, count));
    await context.reference.remove(node.host, node.deviceIndex, count, GATEWAY);
  }
  return named(`start: ${count} routes from ${format.toUpperCase()}`, ours, reference);
}

async function fromStart(node: BenchNode, manifests: string, count: number): Promise<number> {
  using witness = node.witness();
  const arrival = witness.arrival(destinationBits(count - 1));
  const begin = performance.now();
  const agent = node.startAgent(manifests);
  const end = await agent.whileRunning(arrival);
  await node.expectRoutes(count, GATEWAY);
  await agent.stop();
  return end - begin;
}

function named(name: string, ours: Samples, reference: Samples): Row {
  return { name, unit: 'ms', ours, reference: { name: 'C add', samples: reference } };
}
