import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../measure.ts';
import { goOperator } from '../rivals.ts';
import type { Row } from '../row.ts';
import { Site } from './site.ts';

const NODES = 3;

/** The API server is killed, stays away, and is started again: how soon a new object is in every kernel. */
export async function measureOutage(context: Context): Promise<readonly Row[]> {
  const { outages, awayMs } = context.scale;
  await using site = await Site.create({ nodes: NODES, controllers: 1 });
  const { client, stand } = site;
  const { plane } = site.fleet;
  const kernel: number[] = [];
  const accepted: number[] = [];
  for (let index = 0; index < outages; index++) {
    context.progress(`an API server away for ${awayMs / 1000} s, ${index + 1} of ${outages}`);
    await plane.stopApiServer('SIGKILL');
    await sleep(awayMs);
    const comeback = client.run('comeback', { stand, index });
    const [figures] = await Promise.all([comeback, plane.startApiServer()]);
    kernel.push(figures.kernel);
    accepted.push(figures.accepted);
  }
  const back = `api: server back after ${awayMs / 1000} s`;
  return [
    {
      name: `${back}, a new object in the last kernel of ${NODES}`,
      unit: 'ms',
      ours: kernel,
      budget: { of: 'value', limit: 3_000 },
      rival: goOperator(38_000),
    },
    { name: `${back}, until it accepts that object`, unit: 'ms', ours: accepted },
  ];
}
