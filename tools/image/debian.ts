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

export interface Mirrors {
  /** Serves the newest versions. */
  readonly current: string;
  /** Serves all versions that ever were, by date. */
  readonly snapshots: string;
}

const MIRRORS: Mirrors = {
  current: process.env['FAIRLEAD_DEBIAN_MIRROR'] || 'http://deb.debian.org',
  snapshots: 'https://snapshot.debian.org/archive',
};
const PATIENCE_MS = 120_000;

export const readLock = (): DebLock => JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as DebLock;

/** @param path from the mirror's root, as in a locked package. @throws Error naming what was tried */
export async function download(path: string, mirror = MIRRORS.current): Promise<Uint8Array> {
  let fault: string;
  try {
    const response = await fetch(`${mirror}/${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    fault = `answers ${response.status}`;
  } catch (error) {
    fault = `cannot be reached (${(error as Error).cause ?? error})`;
  }
  throw new Error(`${mirror}/${path} ${fault}`);
}

/** @throws Error when it is on no mirror any more: old versions leave it when a newer one is released */
export async function unpack(locked: LockedPackage, { snapshot }: DebLock, mirrors = MIRRORS): Promise<UnpackedPackage> {
  const name = locked.path.slice(locked.path.lastIndexOf('/') + 1);
  const data = await cached(`debs/${name}`, { algorithm: 'sha256', hex: locked.sha256 }, () => fetchPackage(locked, snapshot, mirrors));
  if (data.length !== locked.size) throw new Error(`${name} has ${data.length} bytes, but debs.lock.json says ${locked.size}`);
  const path = join(CACHE, 'debs', name);
  const [contents, control] = await Promise.all([dpkgDeb('--fsys-tarfile', path), dpkgDeb('--field', path)]);
  return { locked, entries: readTar(contents), control: control.toString() };
}

async function fetchPackage({ name, version, path }: LockedPackage, snapshot: string, mirrors: Mirrors): Promise<Uint8Array> {
  const [archive, ...rest] = path.split('/');
  const faults: string[] = [];
  for (const mirror of [`${mirrors.current}/${archive}`, `${mirrors.snapshots}/${archive}/${snapshot}`]) {
    try {
      return await download(rest.join('/'), mirror);
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  throw new Error(
    [
      `${name} ${version} cannot be downloaded:`,
      ...faults.map((fault) => `  ${fault}`),
      `If the network is fine, Debian has replaced this version: run "${REFRESH}", build and test the image, and commit the lock file.`,
    ].join('\n'),
  );
}

async function dpkgDeb(action: string, path: string): Promise<Buffer> {
  try {
    return (await promisify(execFile)('dpkg-deb', [action, path], { encoding: 'buffer', maxBuffer: 2 ** 30 })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('no "dpkg-deb" to unpack Debian packages: install the package dpkg (every distribution has it)');
  }
}
