import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Checksum, cached } from './cache.ts';
import { type Architecture, PLATFORMS } from './contents.ts';
import { type Entry, readTar } from './tar.ts';

/** What package-lock.json says of a package. */
export interface LockedModule {
  readonly version: string;
  readonly integrity: string;
  readonly license?: string;
}

/** @param path as in package-lock.json, for example `node_modules/zod`. @throws Error when the lock file has it not */
export function lockedModule(root: string, path: string): LockedModule {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedModule> };
  const locked = packages[path];
  if (locked === undefined) throw new Error(`package-lock.json has no ${path}: run "npm install" and commit the lock file`);
  return locked;
}

/** @param integrity as npm writes it: `sha512-` and base64 */
export function checksumOf({ integrity }: LockedModule): Checksum {
  const [algorithm, value = ''] = integrity.split('-');
  if (algorithm !== 'sha512') throw new Error(`package-lock.json has an integrity of another kind than sha512: ${integrity}`);
  return { algorithm, hex: Buffer.from(value, 'base64').toString('hex') };
}

export interface NodeRelease {
  readonly name: string;
  readonly locked: LockedModule;
}

export interface NodePackage extends NodeRelease {
  /** `bin/node`, `LICENSE`, `include/node/...`. */
  readonly files: ReadonlyMap<string, Entry & { readonly kind: 'file' }>;
}

/** Node for an architecture, byte for byte what package-lock.json pins. */
export async function nodePackage(root: string, architecture: Architecture): Promise<NodePackage> {
  const name = `node-linux-${PLATFORMS[architecture].cpu}`;
  const locked = lockedModule(root, `node_modules/${name}`);
  const archive = await cached(`npm/${name}-${locked.version}.tgz`, checksumOf(locked), () => npmPack(root, `${name}@${locked.version}`));
  const files = readTar(gunzipSync(archive)).flatMap((entry) =>
    entry.kind === 'file' ? [[entry.path.replace(/^[^/]+\//, ''), entry] as const] : [],
  );
  return { name, locked, files: new Map(files) };
}

/** @throws Error when the package has no such file */
export function fileOf({ name, files }: NodePackage, path: string): Uint8Array {
  const entry = files.get(path);
  if (entry === undefined) throw new Error(`the npm package ${name} has no ${path}`);
  return entry.data;
}

/** The archive as the registry has it, through npm, which knows the user's registry and proxy. */
async function npmPack(root: string, spec: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-npm-'));
  try {
    const options = ['--ignore-scripts', '--json', '--loglevel=error', '--prefer-offline', '--pack-destination', folder];
    const { stdout } = await promisify(execFile)('npm', ['pack', spec, ...options], { cwd: root, maxBuffer: 2 ** 26 });
    const [packed] = Object.values(JSON.parse(stdout)) as { readonly filename: string }[];
    return readFileSync(join(folder, packed?.filename ?? ''));
  } catch (error) {
    throw new Error(`npm cannot fetch ${spec}: ${(error as Error).message.trim()}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
