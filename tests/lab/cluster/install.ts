import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
export const IMAGE = join(ROOT, 'dist', 'fairlead-image.tar');
export const CHART = join(ROOT, 'charts', 'fairlead');
export const NAMESPACE = 'fairlead-system';

/**
 * Installs Fairlead as a user would, from the image and the chart of this repository, and resolves when all its pods are Ready.
 * @param values more `--set` arguments, for example `agent.listen=127.0.0.1:9999`
 * @throws Error when there is no image, or with what helm and the pods say
 */
export async function installFairlead(cluster: Cluster, values: readonly string[] = []): Promise<void> {
  if (!existsSync(IMAGE)) throw new Error(`${IMAGE} is not there: run "make image"`);
  await cluster.loadImage(IMAGE);
  const settings = values.flatMap((value) => ['--set', value]);
  const wait = ['--wait', '--timeout', '3m'];
  await cluster.plane.helm([
    'upgrade',
    '--install',
    'fairlead',
    CHART,
    '--namespace',
    NAMESPACE,
    '--create-namespace',
    ...wait,
    ...settings,
  ]);
}
