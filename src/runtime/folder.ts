import { lstat, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A folder cannot be made. `fact` names what is in the way, `fix` what to do about it. */
export class NoFolder extends Error {
  override readonly name = 'NoFolder';
  readonly code: string;
  readonly fix: string;

  constructor(code: string, fact: string, fix: string) {
    super(`${code}: ${fact}`);
    this.code = code;
    this.fix = fix;
  }
}

/**
 * Makes a folder and those above it, where they are missing. `mkdir` of node:fs with `recursive` never returns below /proc, where a
 * parent is there and takes no children.
 * @throws NoFolder; other errors of node:fs
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  for (let folder = path; !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) await make(folder);
}

async function isFolder(path: string): Promise<boolean> {
  const there = await stat(path).catch(codeOf);
  if (typeof there === 'object') {
    if (there.isDirectory()) return true;
    throw new NoFolder('ENOTDIR', `${path} is not a folder`, `make ${path} a folder, or choose another one`);
  }
  // A file further up: the way up comes to it.
  if (there !== 'ENOENT') return false;
  const link = await lstat(path).catch(() => undefined);
  if (!link?.isSymbolicLink()) return false;
  throw new NoFolder('ENOENT', `${path} is a link to nothing`, 'create its target, or choose another folder');
}

async function make(folder: string): Promise<void> {
  const failure = await mkdir(folder).catch(codeOf);
  if (failure === 'ENOENT') throw new NoFolder('ENOENT', `${dirname(folder)} takes no new folders`, 'choose another folder');
}

/** The codes that can be explained here; EEXIST: another writer was quicker. @throws the others */
function codeOf(error: unknown): 'ENOENT' | 'ENOTDIR' | 'EEXIST' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EEXIST') return code;
  throw error;
}
