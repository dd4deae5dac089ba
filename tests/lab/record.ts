import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeCgroups } from './remove-cgroups.ts';

/** Which process owns which namespaces: one file per lab, so that the next run can remove what a crashed one left. */
export interface LabRecord {
  readonly id: string;
  readonly pid: number;
  /** Tells a process from a later one with the same pid. */
  readonly startTime: string;
  readonly namespaces: readonly string[];
  /** Scratch space that vanishes with the lab. */
  readonly folder: string;
  /** Folders of cgroups that are its own. */
  readonly cgroups?: readonly string[];
}

export const RECORDS = '/run/fairlead-lab';
const NAMESPACE = /^fl[0-9a-f]+-[a-z0-9-]+$/;
const FOLDER = /\/fl[0-9a-f]+$/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The labs of this process. They are destroyed when it ends, however it ends, SIGKILL apart. */
const own = new Map<string, LabRecord>();

/** To be called before the first namespace exists. */
export function remember(id: string, namespaces: readonly string[], cgroups: readonly string[] = []): LabRecord {
  const folder = join(tmpdir(), `fl${id}`);
  const record = { id, pid: process.pid, startTime: startTime(process.pid) ?? '', namespaces, folder, cgroups };
  mkdirSync(RECORDS, { recursive: true });
  const partial = `${RECORDS}/.${process.pid}-${id}`;
  writeFileSync(partial, JSON.stringify(record));
  renameSync(partial, fileOf(record));
  mkdirSync(folder);
  if (own.size === 0) watchForExit();
  own.set(id, record);
  return record;
}

/** Ends every process inside the lab's namespaces and removes these, the folder and the record. What is already gone is fine. */
export function destroy(record: LabRecord): void {
  const namespaces = record.namespaces.filter((name) => NAMESPACE.test(name));
  killInside(namespaces);
  const input = namespaces.map((name) => `netns del ${name}\n`).join('');
  spawnSync('ip', ['-force', '-batch', '-'], { input, stdio: ['pipe', 'ignore', 'ignore'] });
  removeCgroups(record.cgroups ?? []);
  if (FOLDER.test(record.folder)) rmSync(record.folder, { recursive: true, force: true });
  rmSync(fileOf(record), { force: true });
  own.delete(record.id);
  if (own.size === 0) unwatchForExit();
}

/** Destroys the labs whose owner no longer lives. */
export function sweep(): void {
  for (const record of readRecords()) {
    if (startTime(record.pid) !== record.startTime) destroy(record);
  }
}

/** Process ids whose network namespace is one of these. One pass over /proc; zombies have none and do not count. */
export function pidsInside(namespaces: readonly string[]): readonly number[] {
  const inodes = new Set(namespaces.map(netnsLink).filter((link) => link !== undefined));
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.filter((pid) => inodes.has(readLink(`/proc/${pid}/ns/net`) ?? '')).map(Number);
}

function killInside(namespaces: readonly string[]): void {
  // Repeated because a process may fork while the list is read.
  for (let round = 0; round < 100; round++) {
    const pids = pidsInside(namespaces).filter((pid) => pid !== process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

function readRecords(): readonly LabRecord[] {
  return listRecords().flatMap((name) => {
    const text = readText(`${RECORDS}/${name}`);
    return text === undefined ? [] : [JSON.parse(text) as LabRecord];
  });
}

function listRecords(): readonly string[] {
  try {
    return readdirSync(RECORDS).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): clock ticks after boot. The second field may contain blanks and brackets. */
function startTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** The name of a namespace as it appears under /proc/PID/ns. */
function netnsLink(name: string): string | undefined {
  const entry = statSync(`/run/netns/${name}`, { throwIfNoEntry: false });
  return entry === undefined ? undefined : `net:[${entry.ino}]`;
}

function readText(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

function readLink(path: string): string | undefined {
  return unlessGone(() => readlinkSync(path));
}

/** Processes and records come and go while they are read. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return undefined;
    throw error;
  }
}

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

function fileOf(record: LabRecord): string {
  return `${RECORDS}/${record.pid}-${record.id}`;
}

function destroyOwn(): void {
  for (const record of [...own.values()]) destroy(record);
}

/** The handler removes itself with the last lab, so the signal then has its usual effect. */
function onSignal(name: NodeJS.Signals): void {
  destroyOwn();
  process.kill(process.pid, name);
}

function watchForExit(): void {
  process.on('exit', destroyOwn);
  for (const name of SIGNALS) process.on(name, onSignal);
}

function unwatchForExit(): void {
  process.off('exit', destroyOwn);
  for (const name of SIGNALS) process.off(name, onSignal);
}
