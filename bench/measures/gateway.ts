import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcess } from '../agent-process.ts';
import { BenchNode } from '../bench-node.ts';
import { writeManifests } from '../manifests.ts';
import type { Context } from '../measure.ts';
import type { Row } from '../row.ts';
import type { Witness } from '../witness.ts';
import { destinationBits, GATEWAY, OTHER_GATEWAY } from '../world.ts';

/** Longer than an agent takes to settle after a change. */
const PAUSE_MS = 1500;

interface Round {
  readonly add: number;
  readonly change: number;
}

/** Manifests edited under a running agent: from the last file's rename to the last route in the kernel, against adding the same routes so. */
export async function measureGateway(context: Context): Promise<readonly Row[]> {
  const { small, rounds } = context.scale;
  await using node = await BenchNode.create();
  const figures: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`gateway of ${small} routes in manifests, round ${round + 1} of ${rounds}`);
    const manifests = join(node.folder, `round-${round}`);
    mkdirSync(manifests);
    figures.push(await inOneAgent(node, manifests, small));
    await context.reference.remove(node.host, node.deviceIndex, small, OTHER_GATEWAY);
  }
  return [
    {
      name: `edit: gateway of ${small} routes in the manifests`,
      unit: 'ms',
      ours: figures.map(({ change }) => change),
      reference: { name: 'adding them so', samples: figures.map(({ add }) => add) },
      budget: { of: 'ratio', limit: 1.3 },
    },
  ];
}

async function inOneAgent(node: BenchNode, manifests: string, count: number): Promise<Round> {
  using witness = node.witness();
  const agent = node.startAgent(manifests);
  await agent.whileRunning(sleep(PAUSE_MS));
  const add = await edit(agent, witness, manifests, count, GATEWAY);
  await node.expectRoutes(count, GATEWAY);
  await agent.whileRunning(sleep(PAUSE_MS));
  const change = await edit(agent, witness, manifests, count, OTHER_GATEWAY);
  await node.expectRoutes(count, OTHER_GATEWAY);
  if (witness.removals > 0) throw new Error('a route was removed while its gateway changed: it was not replaced in place');
  await agent.stop();
  return { add, change };
}

async function edit(agent: AgentProcess, witness: Witness, manifests: string, count: number, gateway: string): Promise<number> {
  const arrival = witness.arrival(destinationBits(count - 1));
  writeManifests(manifests, count, gateway);
  const begin = performance.now();
  return (await agent.whileRunning(arrival)) - begin;
}
