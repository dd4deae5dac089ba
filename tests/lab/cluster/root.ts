import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { closure, merge } from '../../../tools/image/closure.ts';
import { type Architecture, PLATFORMS } from '../../../tools/image/contents.ts';
import { type DebLock, readLock, unpack } from '../../../tools/image/debian.ts';
import { type Entry, link } from '../../../tools/image/tar.ts';
import { cacheFolder } from '../../../tools/programs/cache.ts';
import { IMAGES, imageArchive } from './images.ts';

/** What runs in a node beside Kubernetes. Their libraries must be in the locked packages, too. */
const PROGRAMS = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'mount', 'umount', 'nft', 'busybox'] as const;
const CNI_PLUGINS = ['bridge', 'host-local', 'loopback'] as const;

/** Programs and libraries; nothing to read. */
const WANTED = /^usr\/(bin|sbin|lib|lib64|libexec)\//;
const FOLDERS = [
  'dev',
  'etc',
  'mnt',
  'opt',
  'proc',
  'root',
  'run',
  'sys',
  'tmp',
  'usr/local/bin',
  'var/lib/containerd',
  'var/lib/kubelet',
  'var/log',
];
const OLD_PLACES = ['bin', 'sbin', 'lib', 'lib64'] as const;
/** Where a node finds the images that need no registry. */
const IMAGE_FOLDER = 'usr/share/images';
/** Changes when what is written here does. */
const FORMAT = '3';

/**
 * The folder that every node's root is a layer on: Debian packages by their locked checksums, unpacked and not installed, and two
 * images. Made once, in the cache.
 * @throws Error when a package cannot be downloaded or lacks a library
 */
export async function nodeRoot(): Promise<string> {
  const lock = readLock();
  const architecture = hostArchitecture();
  const key = createHash('sha256')
    .update(JSON.stringify([FORMAT, lock.packages.node[architecture]]))
    .digest('hex')
    .slice(0, 12);
  const root = join(cacheFolder(), 'node', key);
  if (existsSync(root)) return root;
  const fresh = `${root}.${process.pid}.tmp`;
  try {
    await fill(fresh, lock, architecture);
    if (!existsSync(root)) renameSync(fresh, root);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return root;
}

async function fill(root: string, lock: DebLock, architecture: Architecture): Promise<void> {
  process.stderr.write(`==> unpacking the root of a node (debs.lock.json)\n`);
  const packages = await Promise.all(lock.packages.node[architecture].map((locked) => unpack(locked, lock)));
  const all = merge(packages);
  const paths = PROGRAMS.map((name) => [`usr/bin/${name}`, `usr/sbin/${name}`].find((path) => all.has(path)) ?? `usr/bin/${name}`);
  closure(all, architecture, [...paths, ...CNI_PLUGINS.map((name) => `usr/lib/cni/${name}`)]);
  for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
  for (const { entry } of all.values()) if (WANTED.test(entry.path)) write(root, entry);
  for (const place of OLD_PLACES) if (all.has(`usr/${place}`)) write(root, link(place, `usr/${place}`));
  writeFileSync(join(root, 'etc/os-release'), `PRETTY_NAME="Debian ${lock.suite}, packages of a test node"\n`);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  linkApplets(root);
  const busybox = readFileSync(join(root, 'usr/bin/busybox'));
  mkdirSync(join(root, IMAGE_FOLDER), { recursive: true });
  for (const image of IMAGES)
    writeFileSync(join(root, IMAGE_FOLDER, `${image.file}.tar`), await imageArchive(image, busybox, architecture));
}

/** Commands that no package brings are busybox. */
function linkApplets(root: string): void {
  const applets = execFileSync(join(root, 'usr/bin/busybox'), ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const isThere = (name: string) => ['usr/bin', 'usr/sbin'].some((folder) => existsSync(join(root, folder, name)));
  for (const name of applets) if (!isThere(name)) symlinkSync('busybox', join(root, 'usr/bin', name));
}

function write(root: string, entry: Entry): void {
  const path = join(root, entry.path);
  mkdirSync(entry.kind === 'folder' ? path : dirname(path), { recursive: true });
  if (entry.kind === 'link') symlinkSync(entry.target, path);
  if (entry.kind === 'file') writeFileSync(path, entry.data, { mode: entry.mode });
}

function hostArchitecture(): Architecture {
  const found = Object.entries(PLATFORMS).find(([, { cpu }]) => cpu === process.arch);
  if (found === undefined)
    throw new Error(`a node cannot be made on ${process.arch}: the lock file has ${Object.keys(PLATFORMS).join(', ')}`);
  return found[0] as Architecture;
}
