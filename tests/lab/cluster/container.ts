import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What the kernel says about the first process of a container. */
export interface ContainerProcess {
  /** As this machine numbers it. */
  readonly pid: number;
  /** Its user and group, `0:0`. */
  readonly user: string;
  /** The sets of capabilities in hexadecimal digits, by name: `CapEff`, `CapPrm`, `CapInh`, `CapBnd`, `CapAmb`. */
  readonly capabilities: Readonly<Record<string, string>>;
  /** No program that it starts gets more rights. */
  readonly noNewPrivileges: boolean;
  /** Whether a seccomp filter decides on its system calls. */
  readonly filtered: boolean;
  /** `net:[4026531840]`, equal for all in the same network. */
  readonly network: string;
}

/**
 * The process of a container, by the id of a Pod's status: `containerd://...`. See proc_pid_status(5).
 * @throws Error when it does not run
 */
export function containerProcess(containerID: string): ContainerProcess {
  const id = containerID.replace(/^.*:\/\//, '');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  // What it has started, and what `kubectl exec` has, is in the same cgroup.
  const pid = pids.map(Number).find((each) => read(`/proc/${each}/cgroup`).includes(id) && innerPid(each) === 1);
  if (pid === undefined) throw new Error(`no process of container ${id} runs`);
  const status = statusOf(pid);
  return {
    pid,
    user: [status['Uid'], status['Gid']].map((ids) => ids?.split('\t')[0]).join(':'),
    capabilities: Object.fromEntries(Object.entries(status).filter(([name]) => name.startsWith('Cap'))),
    noNewPrivileges: status['NoNewPrivs'] === '1',
    filtered: status['Seccomp'] === '2',
    network: readlinkSync(`/proc/${pid}/ns/net`),
  };
}

/** As it numbers itself. */
function innerPid(pid: number): number {
  return Number(statusOf(pid)['NSpid']?.split('\t').at(-1));
}

function statusOf(pid: number): Readonly<Record<string, string>> {
  const lines = read(`/proc/${pid}/status`).trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
}

/** A process may end meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
