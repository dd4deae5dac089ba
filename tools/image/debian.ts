import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, cached } from './cache.ts';
import type { Architecture, Purpose } from './contents.ts';
import { type Entry, readTar } from './tar.ts';

/** A Debian package as `debs.lock.json` pins it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Of the mirror: the archive's name, then what its index says. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface DebLock {
  readonly suite: string;
  /** When it was written; snapshot.debian.org serves each package as of then. */
  readonly snapshot: string;
  readonly packages: Readonly<Record<Purpose, Readonly<Record<Architecture, readonly LockedPackage[]>>>>;
}

export interface UnpackedPackage {
  readonly locked: LockedPackage;
  readonly entries: readonly Entry[];
  /** The control file, see deb-control(5). */
  readonly control: string;
}

export const LOCK_FILE = join(import.meta.dirname, 'debs.lock.json');
export const REFRESH = 'node_modules/.bin/node tools/image/lock.ts';
const MIRROR = process.env['FAIRLEAD_DEBIAN_MIRROR'] || 'http://deb.debian.org';
const SNAPSHOTS = 'https://snapshot.debian.org/archive';
const PATIENCE_MS = 120_000;

export const readLock = (): DebLock => JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as DebLock;

/** @param path from the mirror's root, as in a locked package. @throws Error naming what to do */
export async function download(path: string, sources: readonly string[] = [MIRROR]): Promise<Uint8Array> {
  const faults: string[] = [];
  for (const source of sources) {
    try {
      const response = await fetch(`${source}/${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      faults.push(`${source} answers ${response.status}`);
    } catch (error) {
      faults.push(`${source} cannot be reached (${error instanceof Error ? String(error.cause ?? error.message) : error})`);
    }
  }
  throw new Error(`${path}: ${faults.join(', ')}`);
}

/** @throws Error when it is on no mirror any more: old versions leave it when a newer one is released */
export async function unpack(locked: LockedPackage, { snapshot }: DebLock): Promise<UnpackedPackage> {
  const file = locked.path.slice(locked.path.lastIndexOf('/') + 1);
  const [archive = '', ...rest] = locked.path.split('/');
  const old = `${SNAPSHOTS}/${archive}/${snapshot}`;
  const data = await cached(`debs/${file}`, { algorithm: 'sha256', hex: locked.sha256 }, async () => {
    try {
      return await download(locked.path);
    } catch (gone) {
      return download(rest.join('/'), [old]).catch((alsoGone: Error) => {
        throw new Error(
          `${locked.name} ${locked.version} cannot be downloaded: ${(gone as Error).message}; ${alsoGone.message}.\n` +
            `If the network is fine, Debian has replaced this version: run "${REFRESH}", test the image, and commit the lock file.`,
        );
      });
    }
  });
  if (data.length !== locked.size) throw new Error(`${file} has ${data.length} bytes, but the lock file says ${locked.size}`);
  const path = join(CACHE, 'debs', file);
  const [contents, control] = await Promise.all([dpkgDeb('--fsys-tarfile', path), dpkgDeb('--field', path)]);
  return { locked, entries: readTar(contents), control: control.toString() };
}

async function dpkgDeb(action: string, path: string): Promise<Buffer> {
  try {
    return (await promisify(execFile)('dpkg-deb', [action, path], { encoding: 'buffer', maxBuffer: 2 ** 30 })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('no "dpkg-deb" to unpack Debian packages: install the package dpkg (every distribution has it)');
  }
}
