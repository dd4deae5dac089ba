import { BenchNode } from '../bench-node.ts';
import type { Context } from '../measure.ts';
import type { Row } from '../row.ts';

const REPEATS = 5;

/** Processor time of a round that reads everything again and finds nothing to do, as the agent's audit does: all threads, kernel included. */
export async function measureResync(context: Context): Promise<readonly Row[]> {
  const { small, rounds } = context.scale;
  await using node = await BenchNode.create();
  using worker = context.worker.start();
  context.progress(`reading ${small} routes again, ${rounds * REPEATS} times`);
  const task = { netns: node.netns, deviceIndex: node.deviceIndex, count: small, rounds: rounds * REPEATS };
  const answer = await worker.run({ name: 'resync', ...task });
  if (!('resync' in answer)) throw new Error('the worker answered something else');
  return [{ name: `resync: ${small} routes, CPU`, unit: 'ms', ours: answer.resync, budget: { of: 'value', limit: 15 } }];
}
