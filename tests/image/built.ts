import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { MissingPrerequisite } from '../lab/prerequisites.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['LICENSE', 'bin', 'native', 'package.json', 'package-lock.json', 'src', 'tools', 'tsconfig.base.json'] as const;
const COMMANDS = {
  git: 'git',
  npm: 'npm',
  'dpkg-deb': 'dpkg',
  tar: 'tar',
  chroot: 'coreutils',
  unshare: 'util-linux',
  readelf: 'binutils',
} as const;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Index {
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Config {
  readonly architecture: string;
  readonly os: string;
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
}

/** @throws MissingPrerequisite naming the Debian packages */
export function requireImageTools(): void {
  const missing = Object.entries(COMMANDS).filter(([command]) => {
    const places = (process.env['PATH'] ?? '').split(':');
    return !places.some((place) => existsSync(join(place, command)));
  });
  if (missing.length > 0)
    throw new MissingPrerequisite(`missing commands: apt-get install -y ${missing.map(([, pack]) => pack).join(' ')}`);
}

/** Copies of the sources with an image built in each. They are removed when the scope ends. */
export class Workshop implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fairlead-image-'));

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** A repository with the sources in one commit, always the same, and the npm packages that go into the bundle or build it. */
  copy(name: string, from = ROOT): string {
    const to = join(this.#folder, name);
    mkdirSync(join(to, 'node_modules'), { recursive: true });
    for (const source of SOURCES) cpSync(join(from, source), join(to, source), { recursive: true });
    for (const path of bundledPackages(from)) cpSync(join(from, path), join(to, path), { recursive: true });
    writeFileSync(join(to, '.gitignore'), 'node_modules\ndist\n');
    for (const command of ['init --quiet', 'add --all', 'commit --quiet --message sources']) git(to, ...command.split(' '));
    return to;
  }

  /** Builds bundle and image there. */
  async build(root: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const run = (tool: string) =>
      promisify(execFile)(process.execPath, [join(root, tool)], { cwd: root, env: { ...process.env, ...environment } });
    await run('tools/build.ts');
    return (await run('tools/image/main.ts')).stdout;
  }

  /** The root file system of an architecture, as `tar` unpacks its layers in their order. */
  extract(image: OciLayout, architecture: string): string {
    const root = join(this.#folder, `root-${architecture}`);
    mkdirSync(root);
    for (const { digest } of image.manifest(architecture).layers) {
      execFileSync('tar', ['-xzpf', image.path(digest), '--same-owner', '-C', root]);
    }
    return root;
  }

  /** Writes a file beside the copies. */
  file(name: string, data: Uint8Array): string {
    const path = join(this.#folder, name);
    writeFileSync(path, data);
    return path;
  }
}

/** Git without the settings of this machine. */
export function git(folder: string, ...args: readonly string[]): string {
  const who = ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'nobody'],
    [`GIT_${role}_EMAIL`, 'nobody@example.org'],
    [`GIT_${role}_DATE`, '2026-01-02T03:04:05+06:00'],
  ]);
  const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', ...Object.fromEntries(who) };
  return execFileSync('git', ['-C', folder, ...args], { env, encoding: 'utf8' }).trim();
}

interface LockedModules {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

function bundledPackages(root: string): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as LockedModules;
  return Object.entries(packages)
    .filter(([path, { dev, optional }]) => path !== '' && ((!dev && !optional) || path.includes('esbuild')))
    .map(([path]) => path)
    .filter((path) => existsSync(join(root, path)));
}

/** A layout on disk, read as it is. */
export class OciLayout {
  readonly folder: string;
  readonly #archives = new Map<string, readonly Buffer[]>();

  constructor(folder: string) {
    this.folder = folder;
  }

  path(digest: string): string {
    return join(this.folder, 'blobs', digest.replace(':', '/'));
  }

  read(digest: string): Buffer {
    return readFileSync(this.path(digest));
  }

  json<T>(digest: string): T {
    return JSON.parse(this.read(digest).toString()) as T;
  }

  /** The entry point of the layout. */
  get index(): Index {
    return JSON.parse(readFileSync(join(this.folder, 'index.json'), 'utf8')) as Index;
  }

  get imageDigest(): string {
    return this.index.manifests[0]?.digest ?? '';
  }

  /** One descriptor per architecture. */
  get platforms(): readonly Descriptor[] {
    return this.json<Index>(this.imageDigest).manifests;
  }

  manifest(architecture: string): Manifest {
    const found = this.platforms.find(({ platform }) => platform?.architecture === architecture);
    if (found === undefined) throw new Error(`the image has no ${architecture}`);
    return this.json(found.digest);
  }

  config(architecture: string): Config {
    return this.json(this.manifest(architecture).config.digest);
  }

  /** The archives of an architecture, not compressed. */
  archives(architecture: string): readonly Buffer[] {
    const known = this.#archives.get(architecture);
    const archives = known ?? this.manifest(architecture).layers.map(({ digest }) => gunzipSync(this.read(digest)));
    this.#archives.set(architecture, archives);
    return archives;
  }
}
