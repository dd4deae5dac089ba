import { clusterTorture } from './torture-worlds.ts';

/** Tortures for long: node tests/controller/torture-main.ts [first seed] [how many] [turns] */
const [first = 1, many = 10, turns = 1000] = process.argv.slice(2).map(Number);
for (let seed = first; seed < first + many; seed++) {
  const begun = performance.now();
  const figures = await clusterTorture(seed, turns);
  process.stdout.write(`${JSON.stringify({ ...figures, seconds: Math.round((performance.now() - begun) / 1000) })}\n`);
}
