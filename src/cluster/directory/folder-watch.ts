import { type FSWatcher, watch } from 'node:fs';
import { errnoOf } from '../../runtime/atomic-file.ts';

/** `code` is an errno name. */
export interface WatchFailure {
  readonly folder: string;
  readonly code: string;
}

/**
 * inotify watches on a changing set of folders. Calls back for anything that happens in one of them; what it was must be looked up.
 * A folder that cannot be watched (inotify limit, file system without notifications) is counted in `blind`, for the caller to poll.
 */
export class FolderWatch {
  readonly #onEvent: () => void;
  readonly #watches = new Map<string, Watch>();
  #round = 0;
  #blind = 0;
  #failure: WatchFailure | undefined;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Folders of this round that could not be watched. */
  get blind(): number {
    return this.#blind;
  }

  /** The last of them, and why. */
  get failure(): WatchFailure | undefined {
    return this.#failure;
  }

  /** Begins to name the folders that matter. */
  begin(): void {
    this.#round++;
    this.#blind = 0;
  }

  /** `identity` tells another folder by the same name. With `only`, other names in the folder do not matter. */
  add(folder: string, { identity, only }: { readonly identity?: string; readonly only?: string }): void {
    const known = this.#watches.get(folder)?.identity;
    if (identity !== undefined && known !== undefined && known !== identity) this.#drop(folder);
    const present = this.#watches.get(folder) ?? this.#open(folder);
    if (present === undefined) return;
    present.identity = identity ?? present.identity;
    if (present.round !== this.#round) present.names = new Set();
    present.round = this.#round;
    if (only === undefined) present.names = 'all';
    else if (present.names !== 'all') present.names.add(only);
  }

  /** Ends the watches that were not named since `begin`. */
  end(): void {
    for (const [folder, { round }] of this.#watches) if (round !== this.#round) this.#drop(folder);
  }

  close(): void {
    for (const folder of [...this.#watches.keys()]) this.#drop(folder);
  }

  #open(folder: string): Watch | undefined {
    try {
      const watcher = watch(folder);
      const opened: Watch = { watcher, round: 0, names: new Set() };
      watcher.on('change', (type, name) => this.#heard(folder, opened, type, typeof name === 'string' ? name : undefined));
      watcher.on('error', () => this.#lost(folder, opened));
      this.#watches.set(folder, opened);
      return opened;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      this.#failure = { folder, code: errnoOf(error) };
      this.#blind++;
      return undefined;
    }
  }

  #heard(folder: string, heard: Watch, type: string, name: string | undefined): void {
    // A watch stays on the folder that it was set on; under this path there may be another one by now.
    const maybeSelf = type === 'rename' && name !== undefined && folder.endsWith(`/${name}`);
    if (maybeSelf) this.#lost(folder, heard);
    else if (heard.names === 'all' || name === undefined || heard.names.has(name)) this.#onEvent();
  }

  #lost(folder: string, lost: Watch): void {
    if (this.#watches.get(folder) === lost) this.#drop(folder);
    this.#onEvent();
  }

  #drop(folder: string): void {
    this.#watches.get(folder)?.watcher.close();
    this.#watches.delete(folder);
  }
}

interface Watch {
  readonly watcher: FSWatcher;
  identity?: string | undefined;
  round: number;
  names: Set<string> | 'all';
}
