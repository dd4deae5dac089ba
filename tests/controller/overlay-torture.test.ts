import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Figures } from './torture-options.ts';
import { clusterTorture, phpIpamTorture } from './torture-worlds.ts';

const seed = Number(process.env['FAIRLEAD_SEED'] ?? Date.now() % 1_000_000);
/** Together a thousand addresses that are given, and a thousand that are given back. */
const TURNS = { cluster: 700, phpIPAM: 300 } as const;

// For longer, and with many seeds: node tests/controller/torture-main.ts
describe('three controllers that all believe to lead, and die at the boundaries of their requests', () => {
  it(`lose no address and give none twice in ${TURNS.cluster} turns, out of ranges of the pool`, (t) =>
    told(t, clusterTorture(seed, TURNS.cluster)));

  it(`lose no address and give none twice in ${TURNS.phpIPAM} turns, and leave nothing behind in phpIPAM`, (t) =>
    told(t, phpIpamTorture(seed, TURNS.phpIPAM)));
});

async function told(t: TestContext, run: Promise<Figures>): Promise<void> {
  t.diagnostic(`FAIRLEAD_SEED=${seed} repeats this run`);
  const figures = await run;
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.crashes >= figures.boundaries && figures.boundaries > 40, 'they die at every kind of boundary');
}
