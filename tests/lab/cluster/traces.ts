import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { RECORDS } from '../record.ts';
import { hierarchies } from './cgroups.ts';

/** Where the programs of a node write on a machine that is one. */
const FOLDERS = [
  '/usr/libexec/kubernetes',
  join(homedir(), '.kube'),
  '/var/lib/kubelet',
  '/var/lib/containerd',
  '/var/lib/cni',
  '/etc/cni',
  '/run/containerd',
];

/** What the programs of a node set for the whole kernel. */
const SYSCTLS = [
  'kernel/hostname',
  'kernel/panic',
  'kernel/panic_on_oops',
  'net/ipv4/ip_forward',
  'net/netfilter/nf_conntrack_max',
  'vm/overcommit_memory',
];

/** What clusters may have left on this machine. Compare it with what there was before; what a living lab has does not count. */
export function traces(): unknown {
  // Labs come and go meanwhile: their records are there before anything of them, and until everything is gone.
  const earlier = recordedIds();
  const found = {
    cgroups: hierarchies().flatMap(({ folder }) => readdirSync(folder)),
    namespaces: list('/run/netns'),
    folders: list(tmpdir()),
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map(
        (line) =>
          line
            .split(' ')[1]
            ?.split('/')
            .find((part) => labOf(part) !== undefined) ?? '',
      ),
  };
  const living = new Set([...earlier, ...recordedIds()]);
  const orphans = (names: readonly string[]) => names.filter((name) => labOf(name) !== undefined && !living.has(labOf(name)));
  return {
    ...Object.fromEntries(Object.entries(found).map(([what, names]) => [what, orphans(names)])),
    written: FOLDERS.filter((path) => existsSync(path)),
    sysctls: SYSCTLS.map((name) => `${name} ${readIfThere(`/proc/sys/${name}`)}`),
  };
}

/** The lab that a name belongs to. */
function labOf(name: string): string | undefined {
  return /^fl([0-9a-f]{6})(-|$)/.exec(name)?.[1];
}

function recordedIds(): readonly (string | undefined)[] {
  return list(RECORDS).map((name) => name.split('-').at(-1));
}

function list(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}
