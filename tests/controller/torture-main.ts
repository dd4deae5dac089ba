import { clusterTorture, phpIpamTorture } from './torture-worlds.ts';

/** Tortures for long: node tests/controller/torture-main.ts cluster|phpipam [first seed] [how many] [turns] */
const [where, ...numbers] = process.argv.slice(2);
const [first = 1, many = 10, turns = 1000] = numbers.map(Number);
const run = where === 'phpipam' ? phpIpamTorture : clusterTorture;
let told = performance.now();
for (let seed = first; seed < first + many; seed++) {
  const begun = performance.now();
  const figures = await run(seed, turns, (far) => {
    if (performance.now() - told < 30_000) return;
    told = performance.now();
    process.stderr.write(`${JSON.stringify(far)}\n`);
  });
  process.stdout.write(`${JSON.stringify({ where, ...figures, seconds: Math.round((performance.now() - begun) / 1000) })}\n`);
}
