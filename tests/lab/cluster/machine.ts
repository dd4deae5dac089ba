import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../../../tools/programs/programs.ts';
import type { Host } from '../host.ts';
import { CommandFailed, type Result, Running } from '../process.ts';
import { emptyCgroups } from '../remove-cgroups.ts';
import type { Hierarchy } from './cgroups.ts';

/** What a machine needs besides its host. */
export interface MachineParts {
  /** Everything that it writes; outlives a crash, as a disk does. */
  readonly folder: string;
  /** The root below its own layer. */
  readonly base: string;
  readonly hierarchies: readonly Hierarchy[];
  /** Its cgroup in each hierarchy. */
  readonly cgroups: readonly string[];
}

/**
 * Joins the cgroups, makes them the root of what it sees, then becomes process 1's parent in new namespaces. It dies with this process,
 * and all inside with it. In version 2 a group with children that have controllers has no processes itself, so the node's daemons, and
 * this one, are in a child.
 */
const START = `set -e
for group in $NODE_GROUPS; do echo $$ >"$group/cgroup.procs"; done
exec >>"$NODE_FOLDER/boot.log" 2>&1
exec setpriv --pdeathsig KILL nsenter --net="/run/netns/$NODE_NETNS" unshare --cgroup sh -ec '
  if [ "$NODE_CGROUPS" = unified ]; then
    mkdir -p "$NODE_GROUPS/daemons"
    echo $$ >"$NODE_GROUPS/daemons/cgroup.procs"
  fi
  exec unshare --mount --pid --uts --ipc --propagation private --fork --kill-child=KILL sh "$NODE_BOOT"'`;

const POLL_MS = 10;

/** A node's computer: it boots, runs containerd, kubelet and kube-proxy, and crashes. */
export class Machine {
  readonly #host: Host;
  readonly #parts: MachineParts;
  #running: Running | undefined;

  constructor(host: Host, parts: MachineParts) {
    this.#host = host;
    this.#parts = parts;
    mkdirSync(parts.folder, { recursive: true });
  }

  /** Where it keeps its files, as this process sees them. */
  get folder(): string {
    return this.#parts.folder;
  }

  get isRunning(): boolean {
    return this.#running?.isRunning ?? false;
  }

  /** Does not wait for anything. */
  start(): void {
    const { folder, base, hierarchies, cgroups } = this.#parts;
    const environment = {
      NODE_NAME: this.#host.name,
      NODE_NETNS: this.#host.namespace,
      NODE_FOLDER: folder,
      NODE_BASE: base,
      NODE_BOOT: join(import.meta.dirname, 'boot.sh'),
      NODE_GROUPS: cgroups.join(' '),
      NODE_CGROUPS: hierarchies.map(({ option }) => option).join(' ') || 'unified',
      NODE_PROGRAMS: [program('kubelet'), program('kube-proxy')].join(' '),
    };
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    this.#running = new Running('env', [...words, 'sh', '-c', START]);
    this.#running.finishInput();
  }

  /** Ends everything in it at once, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.#running?.kill('SIGKILL');
    await this.#running?.ended;
    // The kubelet would wait seconds for every container of which it finds a cgroup.
    emptyCgroups(this.#parts.cgroups);
  }

  /** Runs a command in the machine, with its programs. */
  async run(command: string, ...args: readonly string[]): Promise<Result> {
    const words = ['-t', `${await this.#init()}`, '-m', '-n', '-p', '-u', '-i', '-C', command, ...args];
    const child = new Running('env', ['PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'nsenter', ...words]);
    child.finishInput();
    return child.ended;
  }

  /** Like `run`, and answers the standard output. @throws CommandFailed */
  async check(command: string, ...args: readonly string[]): Promise<string> {
    const result = await this.run(command, ...args);
    if (result.code !== 0) throw new CommandFailed(`${this.#host.name}: ${command} ${args.join(' ')}`, result);
    return result.stdout;
  }

  /** What went wrong before or in a program: `boot`, `containerd`, `kubelet`, `kube-proxy`, `images`. */
  log(name: string): string {
    const { folder } = this.#parts;
    return readFileSync(name === 'boot' ? join(folder, 'boot.log') : join(folder, 'upper/var/log', `${name}.log`), 'utf8');
  }

  /** Its process 1, as this machine numbers it. @throws Error when it does not run */
  async #init(): Promise<string> {
    while (this.#running?.isRunning) {
      const { pid } = this.#running;
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      if (children !== '') return children.split(' ')[0] ?? '';
      await sleep(POLL_MS);
    }
    throw new Error(`${this.#host.name} does not run`);
  }
}
