import { readFile, readlink } from 'node:fs/promises';

/** Within what the index of a network device means one device: a boot, and a network namespace. */
export interface Realm {
  /** A UUID (random(4)); empty where it cannot be read. */
  readonly boot: string;
  /** `net:[4026531840]` (namespaces(7)); empty where it cannot be read. */
  readonly network: string;
}

export async function currentRealm(): Promise<Realm> {
  const [boot, network] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/net').catch(() => ''),
  ]);
  return { boot: boot.trim(), network };
}
