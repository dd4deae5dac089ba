import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadedBytes, tellLoaded } from '../loaded.ts';
import type { Context } from '../measure.ts';
import { type Memory, memoryOf } from '../process-figures.ts';
import { goOperator } from '../rivals.ts';
import type { Row } from '../row.ts';
import { Site } from './site.ts';

const NODES = 3;
/** Until everything that an agent loads is loaded: the first report is written within a second. */
const SETTLE_MS = 2_500;

/** Resident memory of agents and controller after a time of quiet, without StaticRoutes and with many; and what an agent loads. */
export async function measureApiMemory(context: Context): Promise<readonly Row[]> {
  const { objects, quietMs } = context.scale;
  await using site = await Site.create({ nodes: NODES, controllers: 1 });
  context.progress(`${NODES} agents at rest`);
  await sleep(quietMs);
  const idle = look(site);
  context.progress(`${NODES} agents at rest with ${objects} StaticRoutes`);
  await site.client.run('burst', { stand: site.stand, count: objects, connections: 10 });
  await sleep(quietMs);
  const full = look(site);
  context.progress('what the agent loads');
  const loaded = await loadedInCluster(site);
  const many = `${objects} StaticRoutes`;
  return [
    row('agent idle, RSS', idle.agents, 'resident', { limit: 62, rival: 46.5 }),
    row('agent idle, private', idle.agents, 'own', { limit: 17, rival: 7.5 }),
    row(`agent with ${many}, RSS`, full.agents, 'resident', { rival: 55 }),
    row(`agent with ${many}, private`, full.agents, 'own', { rival: 15.4 }),
    row('controller idle, RSS', idle.controllers, 'resident', {}),
    row(`controller with ${many}, RSS`, full.controllers, 'resident', {}),
    { name: 'api: JavaScript that the agent loads', unit: 'kB', ours: [loaded / 1000], budget: { of: 'value', limit: 400 } },
  ];
}

function look({ fleet: { nodes, controllers } }: Site): { readonly agents: readonly Memory[]; readonly controllers: readonly Memory[] } {
  return { agents: nodes.map(({ agent }) => memoryOf(agent.pid)), controllers: controllers.map(({ pid }) => memoryOf(pid)) };
}

async function loadedInCluster({ fleet: { nodes, lab } }: Site): Promise<number> {
  const [node] = nodes;
  if (node === undefined) throw new Error('a fleet without nodes');
  await node.agent.stop();
  const folder = join(lab.folder, 'loaded');
  mkdirSync(folder);
  const agent = node.agent.spawn([tellLoaded(folder)]);
  await agent.printed(/is the agent of node/);
  await sleep(SETTLE_MS);
  agent.kill('SIGTERM');
  await agent.ended;
  return loadedBytes(folder);
}

function row(name: string, figures: readonly Memory[], which: keyof Memory, { limit, rival }: { limit?: number; rival?: number }): Row {
  return {
    name: `api: ${name}`,
    unit: 'MiB',
    ours: figures.map((memory) => memory[which]),
    ...(limit !== undefined && { budget: { of: 'value', limit } }),
    ...(rival !== undefined && { rival: goOperator(rival) }),
  };
}
