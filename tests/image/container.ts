import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../lab/host.ts';
import { type Result, Running } from '../lab/process.ts';

/** Folders of this machine by their place in the container, which must be in the image or be made beforehand. */
export type Mounts = Readonly<Record<string, string>>;

/** What a container runtime does: a mount namespace, a root that cannot be written, the usual file systems. `$1` is the root. */
const PREPARE = [
  'root=$1; shift',
  'mount --make-rprivate /',
  'mount --bind "$root" "$root"',
  'mount -t proc proc "$root/proc"',
  'mount --rbind /sys "$root/sys"',
  'mount --rbind /dev "$root/dev"',
  'mount -t tmpfs tmpfs "$root/tmp"',
  'while [ "$1" != -- ]; do mount --bind "$1" "$root/$2"; shift 2; done; shift',
  'mount -o remount,bind,ro "$root"',
].join(' && ');

/** Runs a program of an extracted image, as its root and without the environment of the test, on this machine or on a host of a lab. */
export function runInImage(
  root: string,
  command: readonly string[],
  { on, mounts = {} }: { on?: Host; mounts?: Mounts } = {},
): Promise<Result> {
  for (const place of Object.keys(mounts)) mkdirSync(join(root, place), { recursive: true });
  const binds = Object.entries(mounts).flatMap(([place, source]) => [source, place]);
  const start = `${PREPARE} && exec env -i PATH=/usr/sbin:/usr/bin MALLOC_ARENA_MAX=1 chroot "$root" "$@"`;
  const args = ['--mount', 'sh', '-euc', start, 'sh', root, ...binds, '--', ...command];
  if (on) return on.run('unshare', ...args);
  const child = new Running('unshare', args);
  child.finishInput();
  return child.ended;
}
