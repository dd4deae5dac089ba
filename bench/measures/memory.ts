import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchNode } from '../bench-node.ts';
import { writeManifests } from '../manifests.ts';
import type { Context } from '../measure.ts';
import { type Memory, memoryOf } from '../process-figures.ts';
import type { Row } from '../row.ts';
import type { Samples } from '../statistics.ts';
import { destinationBits, GATEWAY } from '../world.ts';

/** Resident memory of the agent, idle with one route and with many, after a time of quiet. */
export async function measureMemory(context: Context): Promise<readonly Row[]> {
  const { large, quietRounds } = context.scale;
  const idle: Memory[] = [];
  const full: Memory[] = [];
  for (let round = 0; round < quietRounds; round++) {
    context.progress(`agents at rest, round ${round + 1} of ${quietRounds}`);
    idle.push(await atRest(1, context.scale.quietMs));
    full.push(await atRest(large, context.scale.quietMs));
  }
  return [
    row('idle, RSS', idle, 'resident', 62),
    row('idle, private', idle, 'own', 17),
    row('idle, PSS', idle, 'proportional'),
    row(`${large} routes, RSS`, full, 'resident', 90),
    row(`${large} routes, private`, full, 'own'),
  ];
}

async function atRest(count: number, quietMs: number): Promise<Memory> {
  await using node = await BenchNode.create();
  using witness = node.witness();
  const manifests = join(node.folder, 'manifests');
  writeManifests(manifests, count, GATEWAY);
  const arrival = witness.arrival(destinationBits(count - 1));
  const agent = node.startAgent(manifests);
  await agent.whileRunning(arrival);
  await agent.whileRunning(sleep(quietMs));
  const memory = memoryOf(agent.pid);
  await agent.stop();
  return memory;
}

function row(name: string, figures: readonly Memory[], which: keyof Memory, limit?: number): Row {
  const ours: Samples = figures.map((memory) => memory[which]);
  return { name: `memory: ${name}`, unit: 'MiB', ours, ...(limit !== undefined && { budget: { of: 'value' as const, limit } }) };
}
