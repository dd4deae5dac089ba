import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

/** Nothing is installed that docs/dependencies.json does not allow, and nothing is allowed that is not installed. */
const root = join(import.meta.dirname, '../..');
const read = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T;

const allowed = read<{
  readonly direct: Readonly<Record<string, string>>;
  readonly transitive: Readonly<Record<string, readonly string[]>>;
  readonly platforms: readonly string[];
}>('docs/dependencies.json');
const manifest = read<Readonly<Record<string, Readonly<Record<string, string>>>>>('package.json');
const lock = read<{ readonly packages: Readonly<Record<string, { readonly integrity?: string }>> }>('package-lock.json');

describe('dependencies', () => {
  it('that we name ourselves have a reason each', () => {
    const named = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((key) =>
      Object.keys(manifest[key] ?? {}),
    );
    assert.deepEqual(named.sort(), Object.keys(allowed.direct).sort());
    for (const [name, reason] of Object.entries(allowed.direct)) assert.ok(reason.length > 10, `${name} needs a reason`);
  });

  it('that come with them are listed under what brings them', () => {
    const installed = Object.keys(lock.packages)
      .filter((path) => path !== '')
      .map((path) => path.replace(/^.*node_modules\//, ''));
    const known = new Set([...Object.keys(allowed.direct), ...Object.values(allowed.transitive).flat()]);
    const unknown = installed.filter((name) => !known.has(name) && !allowed.platforms.some((start) => name.startsWith(start)));
    assert.deepEqual(unknown, []);
    assert.deepEqual(
      [...known].filter((name) => !installed.includes(name)),
      [],
    );
  });

  it('are all pinned by a checksum', () => {
    const loose = Object.entries(lock.packages)
      .filter(([path, entry]) => path !== '' && !entry.integrity)
      .map(([path]) => path);
    assert.deepEqual(loose, []);
  });
});
