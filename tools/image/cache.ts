import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Downloads are kept outside the repository, so that `make clean` and a second clone need no network. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead/image');

export interface Checksum {
  readonly algorithm: 'sha256' | 'sha512';
  readonly hex: string;
}

/**
 * The bytes with this checksum: from the cache, else what `download` brings. What is wrong in the cache is downloaded again.
 * @throws Error when the download has another checksum
 */
export async function cached(name: string, wanted: Checksum, download: () => Promise<Uint8Array>): Promise<Buffer> {
  const path = join(CACHE, name);
  const kept = readIfThere(path);
  if (kept && digest(wanted.algorithm, kept) === wanted.hex) return kept;
  const fresh = Buffer.from(await download());
  const actual = digest(wanted.algorithm, fresh);
  if (actual !== wanted.hex)
    throw new Error(`${name} was downloaded with ${wanted.algorithm} ${actual}, but the lock file says ${wanted.hex}`);
  writeWhole(path, fresh);
  return fresh;
}

export const digest = (algorithm: string, data: Uint8Array): string => createHash(algorithm).update(data).digest('hex');

/** Never half-written where another process may read it. */
export function writeWhole(path: string, data: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(draft, data);
  renameSync(draft, path);
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
