// Starts the cluster, installs Fairlead, and holds both until it is told to end; the lab then removes everything.
import { startCluster } from '../../tests/lab/cluster/cluster.ts';
import { installFairlead } from '../../tests/lab/cluster/install.ts';
import { besidePremises } from '../../tests/lab/cluster/premises.ts';
import { writeCommands } from './commands.ts';
import { writeReady } from './state.ts';

/** Those of the pool in docs/overlay.md. From the start: kube-proxy loses the API server when the zone of its node changes. */
const ZONES = ['a', 'a', 'b'];

const start = performance.now();
const say = (text: string) => process.stdout.write(`    ${text} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`);

try {
  const cluster = await startCluster({ ...besidePremises(), zones: ZONES });
  say('three nodes are Ready');
  await installFairlead(cluster);
  say('Fairlead is installed');
  writeCommands(cluster);
  writeReady();
  setInterval(() => {}, 2 ** 30);
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
