import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentProcess } from '../agent-process.ts';
import { BenchNode } from '../bench-node.ts';
import { writeManifests } from '../manifests.ts';
import type { Context } from '../measure.ts';
import type { Row } from '../row.ts';
import { quantile, type Samples } from '../statistics.ts';
import type { Witness } from '../witness.ts';
import { destinationBits, GATEWAY, routes } from '../world.ts';

const FEW = 100;
/** Between two deletions, so that one repair does not wait for what follows another; uneven, so that no timer keeps step. */
const SHORTEST_PAUSE_MS = 3;
const PAUSES = 7;
/** After the start, until the first report is written. */
const SETTLE_MS = 2000;

/** Routes deleted one by one by another process: from the call that deletes to the kernel's notice that the route is back. */
export async function measureHeal(context: Context): Promise<readonly Row[]> {
  const few = await heal(context, FEW);
  const many = await heal(context, context.scale.small);
  return [...rows(FEW, few, 0.3, 3), ...rows(context.scale.small, many, 3, 15)];
}

/** @returns milliseconds, by batch. */
async function heal(context: Context, count: number): Promise<readonly Samples[]> {
  const { deletions, batches } = context.scale;
  await using node = await BenchNode.create();
  using witness = node.witness();
  const manifests = join(node.folder, 'manifests');
  writeManifests(manifests, count, GATEWAY);
  const last = witness.arrival(destinationBits(count - 1));
  const agent = node.startAgent(manifests);
  await agent.whileRunning(last);
  await agent.whileRunning(sleep(SETTLE_MS));

  const victims = routes(count, GATEWAY, node.deviceIndex);
  const samples: number[][] = [];
  for (let batch = 0, deletion = 0; batch < batches; batch++) {
    context.progress(`${deletions} deletions among ${count} routes, batch ${batch + 1} of ${batches}`);
    const figures: number[] = [];
    for (let i = 0; i < deletions / batches; i++, deletion++) {
      const victim = victims[spreadOut(deletion, count)];
      if (!victim) throw new Error('no route to delete');
      figures.push(await deleteOne(agent, witness, Number(victim.prefix.bits), () => witness.remove(victim)));
      await sleep(SHORTEST_PAUSE_MS + (deletion % PAUSES));
    }
    samples.push(figures);
  }
  await node.expectRoutes(count, GATEWAY);
  await agent.stop();
  return samples;
}

/** All over the table, and no route more often than needed: repairs of one object are rationed. A prime that divides no count of ours. */
function spreadOut(deletion: number, count: number): number {
  return (deletion * 7919) % count;
}

async function deleteOne(agent: AgentProcess, witness: Witness, bits: number, remove: () => void): Promise<number> {
  const arrival = witness.arrival(bits);
  const begin = performance.now();
  remove();
  return (await agent.whileRunning(arrival)) - begin;
}

function rows(count: number, batches: readonly Samples[], p50: number, p99: number): readonly Row[] {
  const row = (share: number, limit: number): Row => ({
    name: `heal: one of ${count} routes, p${share * 100}`,
    unit: 'ms',
    ours: batches.map((batch) => quantile(batch, share)),
    total: quantile(batches.flat(), share),
    budget: { of: 'value', limit },
  });
  return [row(0.5, p50), row(0.99, p99)];
}
