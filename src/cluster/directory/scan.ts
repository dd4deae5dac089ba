import type { BigIntStats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../runtime/atomic-file.ts';
import { cannotOpen, formatOf } from './read-file.ts';

/** A manifest file as the file system shows it. `identity` changes when the content may have changed. */
export interface FoundFile {
  readonly path: string;
  readonly identity: string;
  /** Milliseconds since 1970 of its last change. */
  readonly changed: number;
}

/** Something that is there and cannot be looked at. For a folder, `path` is the folder (empty: the root). */
export interface Hidden {
  readonly path: string;
  readonly message: string;
}

export type Scan =
  | { readonly type: 'missing'; readonly message: string }
  | {
      readonly type: 'present';
      /** Names this very folder: another one by the same name has another. Undefined when the folder cannot be looked into. */
      readonly identity?: string;
      /** Absolute paths of all folders that were looked into, with no link in them. */
      readonly folders: readonly string[];
      /** Sorted by path. */
      readonly files: readonly FoundFile[];
      /** Files that are named as manifests and cannot be used, for example a link to nothing. */
      readonly hiddenFiles: readonly Hidden[];
      readonly hiddenFolders: readonly Hidden[];
      /** Milliseconds since 1970 of the newest change of a folder or a file. */
      readonly newest: number;
    };

/**
 * `folder` is absolute. `identity` names the folder that is there now, where that is known. With `only`, no other name in it matters:
 * it holds the target of a link, and perhaps much else.
 */
export type Enter = (folder: string, about: { readonly identity?: string; readonly only?: string }) => void;

/** A link to `/` must not make us walk the whole machine. */
const MAX_ENTRIES = 100_000;

/**
 * Lists the manifests below `root`: names that begin with a dot are left out, links are followed, no folder is entered twice.
 * `enter` gets every folder on which the answer depends, before it is read: a watch that is set there misses nothing.
 */
export async function scanFolder(root: string, enter: Enter): Promise<Scan> {
  const walk = new Walk(root, enter);
  try {
    if ((await lstat(root)).isSymbolicLink()) enter(dirname(root), { only: basename(root) });
    const own = await stat(root, { bigint: true });
    if (!own.isDirectory()) return { type: 'missing', message: 'is not a folder: put a folder with manifests in its place' };
    await walk.folder('', await realpath(root), own);
    return { type: 'present', identity: `${own.dev}:${own.ino}:${own.birthtimeNs}`, ...walk.result() };
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { type: 'missing', message: 'does not exist: create it, or put it back' };
    walk.hiddenFolders.push({ path: '', message: cannotOpen(error).message });
    return { type: 'present', ...walk.result() };
  }
}

interface FoundFolder {
  readonly path: string;
  readonly real: string;
  readonly stat: BigIntStats;
}

class Walk {
  readonly hiddenFolders: Hidden[] = [];
  readonly #root: string;
  readonly #enter: Enter;
  readonly #files: FoundFile[] = [];
  readonly #hiddenFiles: Hidden[] = [];
  readonly #entered = new Set<string>();
  readonly #folders: string[] = [];
  #entries = 0;
  #newest = 0;

  constructor(root: string, enter: Enter) {
    this.#root = root;
    this.#enter = enter;
  }

  result(): Omit<Extract<Scan, { type: 'present' }>, 'type' | 'identity'> {
    const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);
    return {
      folders: this.#folders,
      files: this.#files.sort(byPath),
      hiddenFiles: this.#hiddenFiles.sort(byPath),
      hiddenFolders: this.hiddenFolders.sort(byPath),
      newest: this.#newest,
    };
  }

  /** `path` is as people see it, below the root; `real` is absolute and has no links in it. */
  async folder(path: string, real: string, own: BigIntStats): Promise<void> {
    const identity = `${own.dev}:${own.ino}`;
    if (this.#entered.has(identity)) return;
    this.#entered.add(identity);
    this.#folders.push(real);
    this.#see(own);
    this.#enter(join(this.#root, path), { identity });
    const names = (await readdir(join(this.#root, path))).filter((name) => !name.startsWith('.')).sort();
    this.#entries += names.length;
    if (this.#entries > MAX_ENTRIES) {
      if (!this.hiddenFolders.some((hidden) => hidden.path === '')) {
        this.hiddenFolders.push({ path: '', message: `holds more than ${MAX_ENTRIES} files: give the manifests a folder of their own` });
      }
      return;
    }
    const entries = await Promise.all(names.map((name) => this.#look(path === '' ? name : `${path}/${name}`, join(real, name))));
    // One after the other, so that the first path of a folder that has several is always the same.
    for (const entry of entries) if (entry !== undefined) await this.#subfolder(entry);
  }

  async #subfolder({ path, real, stat: own }: FoundFolder): Promise<void> {
    try {
      await this.folder(path, real, own);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') this.hiddenFolders.push({ path, message: cannotOpen(error).message });
    }
  }

  /** Files are noted here; the answer is for those who look for folders. */
  async #look(path: string, real: string): Promise<FoundFolder | undefined> {
    try {
      const full = join(this.#root, path);
      const entry = await lstat(full, { bigint: true });
      const target = entry.isSymbolicLink() ? await this.#follow(full) : undefined;
      const own = target?.stat ?? entry;
      if (own.isDirectory()) return { path, real: target?.real ?? real, stat: own };
      if (formatOf(path) !== undefined) this.#note(path, own);
    } catch (error) {
      const message = await this.#whyHidden(path, error);
      // What is not named as a manifest may be a folder of manifests.
      if (message !== undefined) (formatOf(path) === undefined ? this.hiddenFolders : this.#hiddenFiles).push({ path, message });
    }
    return undefined;
  }

  async #follow(link: string): Promise<{ readonly real: string; readonly stat: BigIntStats }> {
    const real = await realpath(link);
    this.#enter(dirname(real), { only: basename(real) });
    return { real, stat: await stat(real, { bigint: true }) };
  }

  #note(path: string, own: BigIntStats): void {
    this.#see(own);
    this.#files.push({ path, identity: `${own.dev}:${own.ino}:${own.size}:${own.mtimeNs}:${own.ctimeNs}`, changed: milliseconds(own) });
  }

  /** Undefined: it was deleted meanwhile. A link to nothing may be a link to a disk that is away, which is not the same as no file. */
  async #whyHidden(path: string, error: unknown): Promise<string | undefined> {
    if (errnoOf(error) !== 'ENOENT') return cannotOpen(error).message;
    const link = await lstat(join(this.#root, path)).catch(() => undefined);
    if (link?.isSymbolicLink()) return 'is a link to nothing: put its target back, or delete the link';
    return path.includes('\uFFFD') ? 'has a name that is not UTF-8: rename it' : undefined;
  }

  #see(own: BigIntStats): void {
    this.#newest = Math.max(this.#newest, milliseconds(own));
  }
}

function milliseconds(own: BigIntStats): number {
  return Number(own.ctimeNs / 1_000_000n);
}
