import { readFileSync, statSync } from 'node:fs';

/**
 * Who sent something to the kernel, as `ip (1234)`. Best effort: the first netlink socket of a process has its pid as port id,
 * later ones have not, and a process in another pid namespace has another pid there.
 */
export class Processes {
  readonly #namespace: number | undefined;
  readonly #cache = new Map<number, string | undefined>();

  /** `netns`: path of the namespace that is watched; a process elsewhere is not the one. */
  constructor(netns = '/proc/self/ns/net') {
    this.#namespace = inode(netns);
  }

  /** Processes end and pids are used again: names hold for one burst of notifications. */
  forget(): void {
    if (this.#cache.size > 0) this.#cache.clear();
  }

  name(port: number): string | undefined {
    if (port === 0 || port > 0x7fffffff) return undefined;
    if (!this.#cache.has(port)) this.#cache.set(port, this.#read(port));
    return this.#cache.get(port);
  }

  #read(pid: number): string | undefined {
    if (this.#namespace === undefined || inode(`/proc/${pid}/ns/net`) !== this.#namespace) return undefined;
    try {
      return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (${pid})`;
    } catch {
      return undefined;
    }
  }
}

/** undefined when it does not exist or may not be read: most processes of interest are gone already. */
function inode(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  } catch {
    return undefined;
  }
}
