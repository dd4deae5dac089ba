import { join } from 'node:path';
import type { RememberedSysctl } from '../core/change.ts';
import { readIfExists, writeAtomic } from '../runtime/atomic-file.ts';

/** The sysctl values that were there before ours: sysctls carry no mark, so this is the only trace of them. */
export interface SysctlMemory {
  load(): Promise<readonly RememberedSysctl[]>;
  /** @throws when it cannot be stored; then the sysctl must not be changed. */
  save(entries: readonly RememberedSysctl[]): Promise<void>;
}

export const SYSCTL_FILE = 'sysctls.json';

/** Keeps them in `<state>/sysctls.json`. A damaged file counts as empty: nothing is restored from guesses. */
export function fileSysctlMemory(stateFolder: string): SysctlMemory {
  const path = join(stateFolder, SYSCTL_FILE);
  return {
    load: async () => parse(await readIfExists(path)),
    save: (entries) => writeAtomic(path, `${JSON.stringify({ version: 1, sysctls: entries })}\n`),
  };
}

function parse(text: string | undefined): RememberedSysctl[] {
  try {
    const { sysctls } = JSON.parse(text ?? '{}') as { readonly sysctls?: unknown };
    return Array.isArray(sysctls) ? sysctls.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is RememberedSysctl {
  const entry = value as Partial<RememberedSysctl> | null;
  return (
    typeof entry?.device === 'string' && entry.name === 'rp_filter' && typeof entry.previous === 'number' && typeof entry.value === 'number'
  );
}
