import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compileFlags } from '../build-addon.ts';
import { CACHE, digest } from './cache.ts';
import { closure, merge } from './closure.ts';
import { type Architecture, CLANG, CLANG_RESOURCES, LLD, PLATFORMS } from './contents.ts';
import { type DebLock, unpack } from './debian.ts';
import { strip } from './elf.ts';
import type { NodePackage } from './npm.ts';
import type { Entry } from './tar.ts';

/** The kernel's headers are links from the first place to the second. */
const HEADERS = /^usr\/(include|lib\/linux)\//;

/** `netlink.node` for an architecture, built by the locked compiler. @throws Error with the compiler's words */
export async function buildAddon(root: string, architecture: Architecture, node: NodePackage, lock: DebLock): Promise<Buffer> {
  const compiler = await compilerFolder(lock);
  const work = mkdtempSync(join(tmpdir(), 'fairlead-addon-'));
  try {
    const headers = await Promise.all(lock.packages.headers[architecture].map((locked) => unpack(locked, lock)));
    write(
      work,
      headers.flatMap(({ entries }) => entries.filter(({ path }) => HEADERS.test(path))),
    );
    write(
      work,
      [...node.files].filter(([path]) => path.startsWith('include/')).map(([path, entry]) => ({ ...entry, path })),
    );
    const source = join(root, 'native/netlink.c');
    run(compiler, CLANG, [...clangFlags(compiler, work, architecture), '-c', source, '-o', join(work, 'netlink.o')]);
    run(compiler, LLD, ['-shared', '--build-id=none', '-o', join(work, 'netlink.node'), join(work, 'netlink.o')]);
    return strip('netlink.node', readFileSync(join(work, 'netlink.node')));
  } finally {
    rmSync(work, { recursive: true });
  }
}

function clangFlags(compiler: string, work: string, architecture: Architecture): string[] {
  const { triplet, cpu } = PLATFORMS[architecture];
  const resources = join(compiler, CLANG_RESOURCES);
  const places = [join(resources, 'include'), join(work, 'usr/include', triplet), join(work, 'usr/include'), join(work, 'include/node')];
  return [
    `--target=${triplet}`,
    '-resource-dir',
    resources,
    '-nostdinc',
    ...places.flatMap((place) => ['-isystem', place]),
    ...compileFlags(cpu),
  ];
}

/** Starts a program of the compiler's folder with its own loader and libraries, so that it runs on any distribution. */
function run(compiler: string, program: string, args: readonly string[]): void {
  const { triplet, loader } = PLATFORMS[hostArchitecture()];
  const name = program === LLD ? 'ld.lld' : 'clang';
  const start = ['--argv0', name, '--library-path', join(compiler, 'usr/lib', triplet), join(compiler, program)];
  try {
    execFileSync(join(compiler, 'usr', loader), [...start, ...args], { stdio: 'pipe', encoding: 'utf8' });
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    throw new Error(`${name} failed to build native/netlink.c:\n${stderr || message}`);
  }
}

function hostArchitecture(): Architecture {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`the image is built on amd64 or arm64, not on ${process.arch}`);
}

/** The unpacked compiler in the cache, 200 MB, named after what is in it. */
async function compilerFolder(lock: DebLock): Promise<string> {
  const host = hostArchitecture();
  const packages = lock.packages.compiler[host];
  const path = join(CACHE, `compiler-${digest('sha256', Buffer.from(JSON.stringify(packages))).slice(0, 16)}`);
  if (existsSync(path)) return path;
  const root = merge(await Promise.all(packages.map((locked) => unpack(locked, lock))));
  const needed = closure(root, host, [CLANG, LLD]);
  const resources = [...root.values()].filter(({ entry }) => entry.path.startsWith(`${CLANG_RESOURCES}/include/`));
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(`${path}.`);
  write(
    draft,
    [...needed.values(), ...resources].map(({ entry }) => entry),
  );
  try {
    renameSync(draft, path);
  } catch {
    // another build was faster
    rmSync(draft, { recursive: true });
  }
  return path;
}

function write(folder: string, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const path = join(folder, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    if (entry.kind === 'file') writeFileSync(path, entry.data, { mode: entry.mode });
    else if (entry.kind === 'link') symlinkSync(entry.target, path);
  }
}
