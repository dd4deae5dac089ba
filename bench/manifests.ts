import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { destination } from './world.ts';

export type Format = 'json' | 'yaml';

/** The most that one StaticRoute may have. */
const SUBNETS_PER_OBJECT = 4096;

/** Writes `count` prefixes through `gateway` as StaticRoutes, one file each; files that are there are replaced atomically. */
export function writeManifests(folder: string, count: number, gateway: string, format: Format = 'json'): void {
  mkdirSync(folder, { recursive: true });
  for (let first = 0, object = 0; first < count; first += SUBNETS_PER_OBJECT, object++) {
    const name = `bench-${String(object).padStart(3, '0')}`;
    const subnets = Array.from({ length: Math.min(SUBNETS_PER_OBJECT, count - first) }, (_, i) => destination(first + i).text);
    const manifest = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', metadata: { name }, spec: { subnets, via: { gateway } } };
    const partial = join(folder, `.${name}`);
    writeFileSync(partial, format === 'json' ? `${JSON.stringify(manifest, null, 2)}\n` : stringify(manifest));
    renameSync(partial, join(folder, `${name}.${format}`));
  }
}
