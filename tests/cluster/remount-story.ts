import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until, wireRoute } from '../../src/cluster/cluster.contract.ts';
import type { ResourceSource } from '../../src/cluster/cluster.ts';
import { openDirectory } from '../../src/cluster/directory/directory.ts';
import type { ResourceSnapshot } from '../../src/core/resources.ts';

/** What a source says while its folder, below the empty one of the command line, is mounted and unmounted. Needs a mount namespace of its own. */
const [, , base = ''] = process.argv;
const [folder, real, other] = ['manifests', 'real', 'other'].map((name) => join(base, name)) as [string, string, string];

function put(where: string, ...names: readonly string[]): void {
  mkdirSync(where, { recursive: true });
  for (const name of names) writeFileSync(join(where, `${name}.json`), JSON.stringify(wireRoute(name, '10.1.0.0/16')));
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args);
}

/** Names in force; when incomplete, the words of the reason that matter. */
function summary({ staticRoutes, complete, incompleteReason = '' }: ResourceSnapshot): string {
  const names = staticRoutes.map(({ meta }) => meta.ref.name).toSorted();
  const [fact] = /no longer mounted|was mounted/.exec(incompleteReason) ?? [];
  const [, lacks] = /\((StaticRoute .*?)\)/.exec(incompleteReason) ?? [];
  return `${names.join(' ')}${complete ? '' : ` ? ${fact}, lacks ${lacks}`}`;
}

async function told(source: ResourceSource, what: string, satisfies: (snapshot: ResourceSnapshot) => boolean): Promise<string> {
  return summary(await until(source, what, satisfies));
}

const doubted = ({ incompleteReason = '' }: ResourceSnapshot): boolean => incompleteReason.includes('mounted');
const holds =
  (count: number) =>
  ({ complete, staticRoutes }: ResourceSnapshot): boolean =>
    complete && staticRoutes.length === count;

put(folder, 'stale');
put(real, 'a', 'b', 'c');
put(other, 'a');
mount('--bind', real, folder);
const source = openDirectory({ directory: folder, timing: { quiet: 60, poll: 20, fastPoll: 20 } });
const keepAlive = setInterval(() => {}, 1_000);
await source.start();
const lines = [await told(source, 'three are in force', holds(3))];
execFileSync('umount', [folder]);
lines.push(`unmounted: ${await told(source, 'mounts are doubted', doubted)}`);
mount('--bind', real, folder);
lines.push(`mounted again: ${await told(source, 'three are in force', holds(3))}`);
mount('--bind', other, folder);
lines.push(`mounted over: ${await told(source, 'mounts are doubted', doubted)}`);
put(other, 'b', 'c');
lines.push(`all there: ${await told(source, 'three are in force', holds(3))}`);
rmSync(join(other, 'c.json'));
lines.push(`deleted: ${await told(source, 'two are in force', holds(2))}`);
await source.close();
clearInterval(keepAlive);
process.stdout.write(`${lines.join('\n')}\n`);
