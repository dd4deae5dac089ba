import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A line of the mount table. `key` is the same when the same thing is mounted there again. */
export interface Mount {
  readonly point: string;
  readonly source: string;
  readonly key: string;
}

/** The mounts of this process; none where there is no /proc. */
export async function readMountTable(): Promise<readonly Mount[]> {
  return parseMountTable(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
}

/** `id parent device root point options [tags...] - type source options` (proc_pid_mountinfo(5)). */
export function parseMountTable(text: string): readonly Mount[] {
  const times = new Map<string, number>();
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, source] = after.split(' ');
    if (root === undefined || point === undefined || source === undefined) return [];
    const what = `${root} ${point} ${type} ${source}`;
    const time = (times.get(what) ?? 0) + 1;
    times.set(what, time);
    return [{ point: unescaped(point), source: unescaped(source), key: `${what} ${time}` }];
  });
}

/** Blanks, tabs, line ends and backslashes are written as octal numbers. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Notices that a part of the manifests was mounted or unmounted. What is then missing was not taken away by anybody: it is under the
 * mount, or on a disk that is away. Links that are turned to another folder are no such thing, and a share that is mounted again neither.
 */
export class Mounts {
  #accepted: { readonly all: ReadonlySet<string>; readonly below: readonly Mount[] } | undefined;

  /** What is not as it was when it was last accepted; undefined: nothing. `folders`: those with manifests, without links in their paths. */
  compare(table: readonly Mount[], folders: readonly string[]): string | undefined {
    if (this.#accepted === undefined) return undefined;
    const { all, below } = this.#accepted;
    const keys = new Set(table.map(({ key }) => key));
    const lost = below.find(({ key }) => !keys.has(key));
    if (lost !== undefined) return `${lost.source} is no longer mounted on ${lost.point}`;
    const gained = concerning(table, folders).find(({ key }) => !all.has(key));
    return gained && `${gained.source} was mounted on ${gained.point}`;
  }

  accept(table: readonly Mount[], folders: readonly string[]): void {
    this.#accepted = { all: new Set(table.map(({ key }) => key)), below: concerning(table, folders) };
  }
}

/** The mounts that hold one of the folders, or cover something that stands in one. */
function concerning(table: readonly Mount[], folders: readonly string[]): readonly Mount[] {
  const standing = new Set(folders);
  const above = new Set(folders.flatMap(withParents));
  return table.filter(({ point }) => above.has(point) || standing.has(dirname(point)));
}

function withParents(folder: string): readonly string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withParents(parent)];
}
