import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchNode } from '../bench-node.ts';
import { loadedBytes, tellLoaded } from '../loaded.ts';
import { writeManifests } from '../manifests.ts';
import type { Context } from '../measure.ts';
import type { Row } from '../row.ts';
import { destinationBits, GATEWAY } from '../world.ts';

/** Until everything that an agent loads is loaded: the first report is written within a second. */
const SETTLE_MS = 1500;

/**
 * What an agent with one route loads, and the time from its start to that route; beside it a Node that does nothing. The budget is about
 * the first plan, which nobody sees from outside: it is there a millisecond before its route.
 */
export async function measureStart(context: Context): Promise<readonly Row[]> {
  const { rounds } = context.scale;
  await using node = await BenchNode.create();
  const manifests = join(node.folder, 'manifests');
  writeManifests(manifests, 1, GATEWAY);
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`start, round ${round + 1} of ${rounds}`);
    bare.push(await bareNode(node));
    ours.push(await firstRoute(node, manifests));
    await context.reference.remove(node.host, node.deviceIndex, 1, GATEWAY);
  }
  context.progress('what the agent loads');
  const loaded = await loadedBy(node, manifests);
  return [
    {
      name: 'start: to the first route',
      unit: 'ms',
      ours,
      reference: { name: 'empty Node', samples: bare },
      budget: { of: 'value', limit: 150 },
    },
    { name: 'start: JavaScript that the agent loads', unit: 'kB', ours: [loaded / 1000], budget: { of: 'value', limit: 400 } },
  ];
}

async function firstRoute(node: BenchNode, manifests: string): Promise<number> {
  using witness = node.witness();
  const arrival = witness.arrival(destinationBits(0));
  const begin = performance.now();
  const agent = node.startAgent(manifests);
  const end = await agent.whileRunning(arrival);
  await agent.stop();
  return end - begin;
}

async function bareNode(node: BenchNode): Promise<number> {
  const begin = performance.now();
  await once(spawn('ip', ['netns', 'exec', node.host.namespace, process.execPath, '--eval', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - begin;
}

async function loadedBy(node: BenchNode, manifests: string): Promise<number> {
  const folder = join(node.folder, 'loaded');
  mkdirSync(folder);
  const agent = node.startAgent(manifests, [tellLoaded(folder)]);
  await agent.whileRunning(sleep(SETTLE_MS));
  await agent.stop();
  return loadedBytes(folder);
}
