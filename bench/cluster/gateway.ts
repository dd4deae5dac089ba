import { setTimeout as sleep } from 'node:timers/promises';
import { ECHO_PORT, SITE, V4 } from '../../demo/topology.ts';
import { echoUdp, streamUdp } from '../../tests/lab/traffic.ts';
import type { Context } from '../measure.ts';
import { goOperator } from '../rivals.ts';
import type { Row } from '../row.ts';
import { GATEWAY, OTHER_GATEWAY, STATIC_ROUTES } from './client/objects.ts';
import { Site } from './site.ts';

const NAME = 'bench-traffic';
/** Packets that are on their way when the first change comes are as much at risk as those after the last. */
const MARGIN_MS = 200;

/** A gateway changed to and fro while a node talks to what lies behind it, a packet a millisecond: how many are lost. */
export async function measureApiGateway(context: Context): Promise<readonly Row[]> {
  const { bursts: rounds, flips } = context.scale;
  await using site = await Site.create({ nodes: 1, controllers: 1 });
  const { lab, plane, nodes } = site.fleet;
  await echoUdp(lab.host('onprem'), V4.onprem, ECHO_PORT);
  await plane.api.post(STATIC_ROUTES, {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'StaticRoute',
    metadata: { name: NAME },
    spec: { subnets: [SITE[4]], via: { gateway: OTHER_GATEWAY } },
  });
  const lost: number[] = [];
  for (let round = 0; round < rounds; round++) {
    context.progress(`${flips} changes of a gateway under traffic, round ${round + 1} of ${rounds}`);
    for (const { host } of nodes) {
      const stream = await streamUdp(host, V4.onprem, ECHO_PORT);
      await sleep(MARGIN_MS);
      const gateways = Array.from({ length: flips }, (_, i) => (i % 2 === 0 ? GATEWAY : OTHER_GATEWAY));
      await site.client.run('flips', { stand: site.stand, name: NAME, subnet: SITE[4], gateways });
      await sleep(MARGIN_MS);
      lost.push((await stream.stop()).lost.length / flips);
    }
  }
  const name = 'api: gateway changed under traffic, lost packets of one a millisecond';
  return [{ name, unit: 'packets', ours: lost, budget: { of: 'value', limit: 0 }, rival: goOperator(25) }];
}
