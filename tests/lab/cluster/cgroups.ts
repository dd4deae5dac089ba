import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A mounted cgroup hierarchy, and the place in it of this process. */
export interface Hierarchy {
  /** Option of `mount -t cgroup`, for example `cpu` or `name=systemd`; empty for version 2. */
  readonly option: string;
  readonly folder: string;
}

const V2_CONTROLLERS = ['cpu', 'cpuset', 'io', 'memory', 'pids'];

/**
 * The hierarchies in which machines get a cgroup of their own (cgroups(7)): all of version 1 where it has the controllers, below where
 * this process is; else the root of version 2.
 */
export function hierarchies(): readonly Hierarchy[] {
  const mounts = readMounts();
  const own = readOwn();
  const first = mounts
    .filter(({ type }) => type === 'cgroup')
    .flatMap(({ point, root, options }) => {
      const option = [...own.keys()].find((name) => name !== '' && name.split(',').every((part) => options.includes(part)));
      const path = own.get(option ?? '');
      return option === undefined || path === undefined
        ? []
        : [{ option, folder: join(point, path.slice(root === '/' ? 0 : root.length)) }];
    });
  if (first.some(({ option }) => option.split(',').includes('memory'))) return first;
  const second = mounts.find(({ type }) => type === 'cgroup2');
  if (second === undefined) throw new Error('no cgroups are mounted below /sys/fs/cgroup, and containers need them');
  return [{ option: '', folder: second.point }];
}

/** Makes the cgroups of a machine, one in each hierarchy, and answers their folders. */
export function makeCgroups(name: string, all: readonly Hierarchy[]): readonly string[] {
  return all.map(({ option, folder }) => {
    const path = join(folder, name);
    if (option === '') delegate(folder);
    mkdirSync(path, { recursive: true });
    if (option.split(',').includes('cpuset')) inheritCpuset(path);
    return path;
  });
}

/** Lets the groups below have the controllers that there are; version 2 gives none by default. */
function delegate(folder: string): void {
  const available = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const wanted = V2_CONTROLLERS.filter((name) => available.includes(name)).map((name) => `+${name}`);
  writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.join(' '));
}

/** Version 1 does not: a new cpuset is empty and takes no process. */
function inheritCpuset(path: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(path, file), readFileSync(join(dirname(path), file)));
}

interface Mount {
  readonly point: string;
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** /proc/self/mountinfo, see proc_pid_mountinfo(5). */
function readMounts(): readonly Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = front.split(' ');
    const [type = '', , options = ''] = back.split(' ');
    return { point, root, type, options: options.split(',') };
  });
}

/** The cgroup of this process by hierarchy. */
function readOwn(): ReadonlyMap<string, string> {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  return new Map(lines.map((line) => [line.split(':')[1] ?? '', line.split(':').slice(2).join(':')]));
}
