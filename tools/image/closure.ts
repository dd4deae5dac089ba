import { posix } from 'node:path';
import { type Architecture, PLATFORMS } from './contents.ts';
import type { LockedPackage, UnpackedPackage } from './debian.ts';
import { isElf, needsOf } from './elf.ts';
import type { Entry } from './tar.ts';

export interface Owned {
  readonly entry: Entry;
  readonly owner: LockedPackage;
}

/** The files of several packages by path, as they would lie in one root. */
export function merge(packages: readonly UnpackedPackage[]): ReadonlyMap<string, Owned> {
  return new Map(packages.flatMap(({ entries, locked }) => entries.map((entry) => [entry.path, { entry, owner: locked }] as const)));
}

/**
 * The programs with every library that they need, and the links on the way to them.
 * @param others ELF files from elsewhere that will run in the same root
 * @throws Error naming what is in none of the packages
 */
export function closure(
  root: ReadonlyMap<string, Owned>,
  architecture: Architecture,
  programs: readonly string[],
  others: ReadonlyMap<string, Uint8Array> = new Map(),
): ReadonlyMap<string, Owned> {
  const found = new Map<string, Owned>();
  const need = (path: string, by: string): void => {
    if (found.has(path)) return;
    const owned = root.get(path);
    if (owned === undefined)
      throw new Error(`${by} needs ${path} (${architecture}), which no listed package has: add its package to tools/image/contents.ts`);
    found.set(path, owned);
    const { entry } = owned;
    if (entry.kind === 'link') need(posix.join(posix.dirname(path), entry.target), path);
    if (entry.kind === 'file') needLibraries(path, entry.data);
  };
  const needLibraries = (path: string, data: Uint8Array): void => {
    if (!isElf(data)) return;
    const { machine, interpreter, libraries } = needsOf(path, data);
    if (machine !== architecture) throw new Error(`${path} is for ${machine}, not for ${architecture}`);
    if (interpreter !== undefined) need(`usr${interpreter}`, path);
    for (const name of libraries) need(`usr/lib/${PLATFORMS[architecture].triplet}/${name}`, path);
  };
  for (const path of programs) need(path, 'the image');
  for (const [path, data] of others) needLibraries(path, data);
  return found;
}
