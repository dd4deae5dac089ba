import { describe, it } from 'node:test';
import { clusterTorture, phpIpamTorture } from './torture-worlds.ts';

const SEED = Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000);

describe('a thousand addresses given and given back by three controllers that are stopped dead again and again', () => {
  it('of the ranges of a pool: none twice, none lost', async (context) => {
    context.diagnostic(`FAIRLEAD_SEED=${SEED} ${JSON.stringify(await clusterTorture(SEED, 700))}`);
  });

  it('of a phpIPAM: none twice, none lost, and nothing recorded that no node holds', async (context) => {
    context.diagnostic(`FAIRLEAD_SEED=${SEED} ${JSON.stringify(await phpIpamTorture(SEED, 300))}`);
  });
});
