import { access, readdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isSysctlName, type RememberedSysctl } from '../core/change.ts';
import { errnoOf, FileFailed, readIfExists, writeAtomic } from '../runtime/atomic-file.ts';
import { currentRealm, type Realm } from '../runtime/realm.ts';

/** The sysctl values that were there before ours: sysctls carry no mark, so this is the only trace of them. */
export interface SysctlMemory {
  /** Changes nothing on disk. @throws FileFailed when it cannot be read. */
  load(): Promise<Recollection>;
  /** @throws FileFailed when it cannot be stored; then the sysctl must not be changed. */
  save(entries: readonly RememberedSysctl[]): Promise<void>;
}

export interface Recollection {
  readonly sysctls: readonly RememberedSysctl[];
  /** For people: what the memory holds besides, and nobody can restore from here. */
  readonly unusable?: string;
}

export const SYSCTL_FILE = 'sysctls.json';

/** What a file says; `aside` is the end of the name under which it is kept when something of it cannot be used here. */
interface Reading extends Recollection {
  readonly aside?: string;
}

/**
 * Keeps them in `<state>/sysctls.json`. What cannot be used here (a damaged file, values of another network namespace) is kept under
 * another name before the file is written again. Values from before a reboot are gone with it, and forgotten.
 */
export function fileSysctlMemory(stateFolder: string, realm: () => Promise<Realm> = currentRealm): SysctlMemory {
  const path = join(stateFolder, SYSCTL_FILE);
  let aside: string | undefined;
  return {
    load: async () => {
      const { aside: name, ...recollection } = interpret(await readIfExists(path), path, await realm());
      aside = name;
      return recollection;
    },
    save: async (sysctls) => {
      if (aside !== undefined) await setAside(path, aside);
      aside = undefined;
      await writeAtomic(path, `${JSON.stringify({ version: 2, ...(await realm()), sysctls })}\n`);
    },
  };
}

/** The files that `save` has put aside, sorted. */
export async function keptAside(stateFolder: string): Promise<string[]> {
  const names = await readdir(stateFolder).catch(() => []);
  return names
    .filter((name) => name.startsWith(`${SYSCTL_FILE}.`))
    .sort()
    .map((name) => join(stateFolder, name));
}

function interpret(text: string | undefined, path: string, { boot, network }: Realm): Reading {
  if (text === undefined) return { sysctls: [] };
  const file = parse(text);
  const entries = Array.isArray(file.sysctls) ? file.sysctls : [];
  const sysctls = entries.filter(isEntry);
  if (!Array.isArray(file.sysctls) || sysctls.length < entries.length || typeof file.boot !== 'string') {
    const unusable = `${path} is damaged: it may name values of rp_filter that Fairlead changed, and those are not restored; compare them with what "sysctl -a" says`;
    return { sysctls: file.boot === boot && file.network === network ? sysctls : [], unusable, aside: 'damaged' };
  }
  if (file.boot !== boot || sysctls.length === 0) return { sysctls: [] };
  if (file.network === network) return { sysctls };
  const list = sysctls.map(({ device, name, previous }) => `net.ipv4.conf.${device.name}.${name} = ${previous}`).join(', ');
  const unusable = `${path} is of another network namespace, ${file.network}, and not restored from ${network}: there it was ${list}`;
  return { sysctls: [], unusable, aside: `${file.network}`.replaceAll(/\W+/g, '-').replace(/-$/, '') };
}

interface Stored {
  readonly boot?: unknown;
  readonly network?: unknown;
  readonly sysctls?: unknown;
}

function parse(text: string): Stored {
  try {
    return (JSON.parse(text) as Stored | null) ?? {};
  } catch {
    return {};
  }
}

function isEntry(value: unknown): value is RememberedSysctl {
  const entry = value as Partial<RememberedSysctl> | null;
  return (
    typeof entry?.device?.name === 'string' &&
    typeof entry.device.index === 'number' &&
    isSysctlName(entry.name) &&
    typeof entry.previous === 'number' &&
    typeof entry.value === 'number'
  );
}

/** A name that is free, so that no earlier one is lost. */
async function setAside(path: string, ending: string): Promise<void> {
  try {
    for (let count = 1; ; count++) {
      const target = `${path}.${ending}${count === 1 ? '' : `-${count}`}`;
      if (
        await access(target).then(
          () => true,
          () => false,
        )
      )
        continue;
      await rename(path, target);
      return;
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw new FileFailed(`cannot keep ${basename(path)} aside (${errnoOf(error)}): move ${path} away by hand`, error);
  }
}
