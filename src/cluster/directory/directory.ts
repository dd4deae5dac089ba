import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceSnapshot } from '../../core/resources.ts';
import type { ResourceSource } from '../cluster.ts';
import { LastGoodKeeper } from '../last-good-keeper.ts';
import { EMPTY_MEMORY, type Memory, sameSnapshot } from '../memory.ts';
import { Calm } from './calm.ts';
import { FileCache } from './file-cache.ts';
import { FolderWatch } from './folder-watch.ts';
import { type FileView, type FolderView, mergeFolder } from './merge.ts';
import { cannotWatch } from './messages.ts';
import { Mounts, readMountTable } from './mounts.ts';
import { type Scan, scanFolder } from './scan.ts';

export interface DirectoryOptions {
  /** The manifests folder. It may be missing. */
  readonly directory: string;
  /** The file that keeps what is in force over a restart; undefined: nothing is kept. */
  readonly lastGood?: string | undefined;
  /** Look, but keep nothing: for `plan`. */
  readonly readOnly?: boolean | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Hears that `lastGood` could not be written; when absent, `onWarning` does. */
  readonly onNotKept?: ((text: string) => void) | undefined;
  readonly timing?: Partial<Timing> | undefined;
}

/** Milliseconds. */
export interface Timing {
  /** Removals count after this long without any change in the folder. */
  readonly quiet: number;
  /** Events that come within this time are one. */
  readonly coalesce: number;
  /** For changes that the kernel does not announce, such as those made on a network file system by others. */
  readonly poll: number;
  /** While the folder is missing, or cannot be watched. */
  readonly fastPoll: number;
  /** Changes that come within this time are kept for a restart by one write. */
  readonly save: number;
}

export const DEFAULT_TIMING: Timing = { quiet: 300, coalesce: 3, poll: 30_000, fastPoll: 1000, save: 100 };

/** Resources from a folder of manifests, as it is now and whenever it changes. Call `start` to begin. */
export function openDirectory(options: DirectoryOptions): ResourceSource {
  return new DirectorySource(options);
}

class DirectorySource implements ResourceSource {
  readonly #directory: string;
  readonly #timing: Timing;
  readonly #warn: (text: string) => void;
  readonly #keeper: LastGoodKeeper | undefined;
  readonly #cache: FileCache;
  readonly #watch: FolderWatch;
  readonly #calm: Calm;
  readonly #mounts = new Mounts();
  readonly #listeners: (() => void)[] = [];
  #memory: Memory = EMPTY_MEMORY;
  #snapshot: ResourceSnapshot | undefined;
  #waiting = false;
  #closed = false;
  #looking: Promise<void> = Promise.resolve();
  #lookTimer: NodeJS.Timeout | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #notBefore = 0;
  #warnedBlind = false;

  constructor({ directory, lastGood, readOnly, onWarning, onNotKept, timing }: DirectoryOptions) {
    this.#directory = directory;
    this.#timing = { ...DEFAULT_TIMING, ...timing };
    this.#warn = onWarning ?? (() => {});
    const hearers = { warn: this.#warn, notKept: onNotKept ?? this.#warn };
    const keeping = { ...hearers, readOnly: readOnly ?? false, delay: this.#timing.save };
    this.#keeper = lastGood === undefined ? undefined : new LastGoodKeeper(lastGood, keeping);
    this.#cache = new FileCache(directory);
    this.#calm = new Calm(this.#timing.quiet);
    this.#watch = new FolderWatch(() => {
      this.#calm.disturb();
      this.#lookIn(this.#timing.coalesce);
    });
  }

  async start(): Promise<void> {
    this.#memory = (await this.#keeper?.load()) ?? EMPTY_MEMORY;
    await this.#lookNow();
    // Something was taken away a moment ago. A run that makes one round only must not miss it.
    if (!this.#waiting) return;
    await sleep(this.#timing.quiet);
    await this.#lookNow();
  }

  snapshot(): ResourceSnapshot {
    if (this.#snapshot === undefined) throw new Error(`the source of ${this.#directory} has not been started`);
    return this.#snapshot;
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#lookTimer);
    await this.#looking;
    this.#watch.close();
    await this.#keeper?.flush();
  }

  /** Looks in so many milliseconds, or earlier if that is due already. */
  #lookIn(milliseconds: number): void {
    // Looks take at most half of the time, however fast the folder changes.
    const at = Math.max(performance.now() + milliseconds, this.#notBefore);
    if (this.#closed || at >= this.#lookAt) return;
    clearTimeout(this.#lookTimer);
    this.#lookAt = at;
    this.#lookTimer = setTimeout(() => {
      this.#lookAt = Number.POSITIVE_INFINITY;
      void this.#lookNow();
    }, at - performance.now());
  }

  /** One look at a time. */
  #lookNow(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    const begun = performance.now();
    const disturbances = this.#calm.disturbances;
    this.#watch.begin();
    // Before the folder: what is mounted in between shows at the next look, and nothing counts as removed before that.
    const table = await readMountTable();
    const scan = await scanFolder(this.#directory, (folder, about) => this.#watch.add(folder, about));
    this.#watch.end();
    const files = scan.type === 'present' ? await this.#cache.read(scan.files) : [];
    const { quiet, returned } = this.#calm.judge(scan, begun, disturbances);
    const remounted = scan.type === 'present' ? this.#mounts.compare(table, scan.folders) : undefined;
    const view = viewOf(this.#directory, scan, files, { quiet, returned, ...(remounted !== undefined && { remounted }) });
    const merged = mergeFolder(this.#memory, view, new Date().toISOString());
    if (scan.type === 'present' && (remounted === undefined || merged.nothingLacks)) this.#mounts.accept(table, scan.folders);
    this.#memory = merged.memory;
    this.#waiting = merged.waiting;
    this.#announce(merged.snapshot);
    this.#notBefore = 2 * performance.now() - begun;
    this.#planNext(scan);
  }

  #announce(snapshot: ResourceSnapshot): void {
    if (this.#snapshot === undefined || !sameSnapshot(this.#snapshot, snapshot)) {
      this.#snapshot = snapshot;
      for (const listener of this.#listeners) listener();
    }
    this.#keeper?.offer(this.#memory);
  }

  #planNext(scan: Scan): void {
    const { poll, fastPoll } = this.#timing;
    const blind = scan.type === 'present' && this.#watch.blind > 0;
    const { failure } = this.#watch;
    if (blind && failure !== undefined && !this.#warnedBlind) this.#warn(cannotWatch(failure));
    this.#warnedBlind ||= blind;
    if (this.#waiting) this.#lookIn(this.#calm.remaining());
    this.#lookIn(scan.type === 'missing' || blind ? fastPoll : poll);
  }
}

type State = Pick<Extract<FolderView, { type: 'present' }>, 'quiet' | 'returned' | 'remounted'>;

function viewOf(directory: string, scan: Scan, files: readonly FileView[], state: State): FolderView {
  if (scan.type === 'missing') return { type: 'missing', directory, message: scan.message };
  const hidden = scan.hiddenFiles.map(({ path, message }): FileView => ({ path, reading: { type: 'unreadable', message } }));
  const all = hidden.length === 0 ? files : [...files, ...hidden].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { type: 'present', directory, files: all, hiddenFolders: scan.hiddenFolders, ...state };
}
