import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const CGROUP = /\/fl[0-9a-f]+-[a-z0-9-]+$/;
const ROUNDS = 500;
const PAUSE_MS = 20;

/** Ends what is inside these cgroups of labs, and removes them with those below. What is gone already is fine. */
export function removeCgroups(folders: readonly string[]): void {
  for (const folder of folders.filter((path) => CGROUP.test(path))) {
    // A dead process leaves its cgroup a moment later.
    for (let round = 0; round < ROUNDS && !isRemoved(folder); round++) pause();
  }
}

/** Empties cgroups and removes all below them, but not them. */
export function emptyCgroups(folders: readonly string[]): void {
  for (const folder of folders.filter((path) => CGROUP.test(path))) {
    for (let round = 0; round < ROUNDS && !childrenOf(folder).every((child) => isRemoved(child)); round++) pause();
  }
}

function isRemoved(folder: string): boolean {
  if (!existsSync(folder)) return true;
  killInside(folder);
  if (!childrenOf(folder).every((child) => isRemoved(child))) return false;
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function childrenOf(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
}

function killInside(folder: string): void {
  const pids = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').map(Number);
  for (const pid of pids) {
    if (pid > 0 && pid !== process.pid) tryKill(pid);
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
