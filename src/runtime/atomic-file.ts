import { open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder, NoFolder } from './folder.ts';

const SUFFIX = '.fairlead-tmp';

/** A file could not be written or read. `code` is the errno name; the message names the path and the fix. */
export class FileFailed extends Error {
  override readonly name = 'FileFailed';
  readonly code: string;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = errnoOf(cause);
  }
}

/**
 * Replaces a file as a whole, mode 0644: after a crash at any point it holds either the old text or the new one.
 * Missing folders are created. Calls for the same path are carried out one after the other.
 * @throws FileFailed
 */
export function writeAtomic(path: string, text: string): Promise<void> {
  const before = pending.get(path) ?? Promise.resolve();
  const mine = before.then(
    () => replace(path, text),
    () => replace(path, text),
  );
  pending.set(path, mine);
  const forget = (): void => {
    if (pending.get(path) === mine) pending.delete(path);
  };
  mine.then(forget, forget);
  return mine;
}

/** The text of a file (UTF-8), or undefined when there is none. @throws FileFailed */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw failedTo('read', path, error);
  }
}

const pending = new Map<string, Promise<void>>();
const swept = new Set<string>();
let serial = 0;

async function replace(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${process.pid}.${++serial}${SUFFIX}`);
  try {
    await makeFolder(directory);
    await sweepOnce(path);
    await writeThrough(temporary, text);
    await rename(temporary, path);
    await syncDirectory(directory);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw failedTo('write', path, error);
  }
}

async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    // The process's umask must not decide who can read it.
    await file.chmod(0o644);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the rename itself durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Removes what writers of this path left behind when they were killed. */
async function sweepOnce(path: string): Promise<void> {
  if (swept.has(path)) return;
  swept.add(path);
  const prefix = `.${basename(path)}.`;
  const directory = dirname(path);
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith(SUFFIX)) continue;
    const writer = Number(name.slice(prefix.length).split('.')[0]);
    if (!isAnotherLiveProcess(writer)) await unlink(join(directory, name)).catch(() => undefined);
  }
}

/** A file with our own process id is from an earlier life: nothing of this path was written yet in this one. */
function isAnotherLiveProcess(id: number): boolean {
  if (!Number.isInteger(id) || id <= 0 || id === process.pid) return false;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** The errno name of a failed file operation (`ENOENT`), or `UNKNOWN`. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

/** What a failed operation of node:fs on a file means for people. */
export function failedTo(verb: 'read' | 'write', path: string, error: unknown): FileFailed {
  const advice = error instanceof NoFolder ? error.fix : adviceFor(errnoOf(error), verb, path);
  return new FileFailed(`cannot ${verb} ${path} (${describe(error)}): ${advice}`, error);
}

function describe(error: unknown): string {
  if (error instanceof NoFolder) return error.message;
  return MEANINGS[errnoOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'EACCES: permission denied',
  EPERM: 'EPERM: not permitted',
  EROFS: 'EROFS: the file system is read-only',
  ENOSPC: 'ENOSPC: no space left on the device',
  EDQUOT: 'EDQUOT: the disk quota is used up',
  EISDIR: 'EISDIR: it is a folder',
  ENOTDIR: 'ENOTDIR: a part of the path is not a folder',
  ENOENT: 'ENOENT: there is no such file or folder',
};

function adviceFor(code: string, verb: 'read' | 'write', path: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT') return `free some space under ${dirname(path)}`;
  if (code === 'EISDIR') return `move the folder ${path} away`;
  if (code === 'ENOTDIR' || code === 'EEXIST') return `make ${dirname(path)} a folder, or choose another one`;
  if (code === 'ENOENT') return verb === 'read' ? 'correct the path' : `create the folder ${dirname(path)}, or choose another one`;
  return `give this process access to ${dirname(path)}, or choose another folder`;
}
