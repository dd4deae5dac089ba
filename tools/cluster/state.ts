import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a cluster that outlives its command keeps what others must know. */
export const FOLDER = process.env['FAIRLEAD_CLUSTER'] || '/run/fairlead-cluster';
export const LOG = join(FOLDER, 'log');
export const BIN = join(FOLDER, 'bin');

const PID = join(FOLDER, 'pid');
const READY = join(FOLDER, 'ready');

/** The process that holds the cluster, if there is one. */
export function holder(): number | undefined {
  const pid = Number(read(PID) ?? Number.NaN);
  return read(`/proc/${pid}/cmdline`)?.includes('tools/cluster/hold.ts') ? pid : undefined;
}

export const isReady = (): boolean => read(READY) !== undefined;
export const readLog = (): string => read(LOG) ?? '';
export const writePid = (pid: number): void => writeFileSync(PID, `${pid}`);
export const writeReady = (): void => writeFileSync(READY, '');
export const forget = (): void => rmSync(FOLDER, { recursive: true, force: true });

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
