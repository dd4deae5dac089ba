import { type LastGoodOptions, LastGoodStore } from './last-good.ts';
import { EMPTY_MEMORY, type Memory, sameInForce } from './memory.ts';

/** What could not be written is tried again so often, in milliseconds: the disk may have room again though nothing changes. */
const RETRY = 10_000;

export interface KeeperOptions extends LastGoodOptions {
  /** Changes that come within so many milliseconds make one write. */
  readonly delay: number;
  /** Milliseconds until what could not be written is tried again. Default ten seconds. */
  readonly retry?: number;
}

/** Keeps what is in force over a restart, whenever that changes. */
export class LastGoodKeeper {
  readonly #store: LastGoodStore;
  readonly #readOnly: boolean;
  readonly #delay: number;
  readonly #retry: number;
  #offered: Memory = EMPTY_MEMORY;
  /** Undefined when nobody knows: it could not be written. */
  #saved: Memory | undefined = EMPTY_MEMORY;
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, options: KeeperOptions) {
    this.#store = new LastGoodStore(path, options);
    this.#readOnly = options.readOnly;
    this.#delay = options.delay;
    this.#retry = options.retry ?? RETRY;
  }

  /** What was kept by an earlier run. */
  async load(): Promise<Memory> {
    this.#offered = await this.#store.load();
    this.#saved = this.#offered;
    return this.#offered;
  }

  /** What is in force now. */
  offer(memory: Memory): void {
    this.#offered = memory;
    if (this.#isStored(memory)) return;
    this.#timer ??= setTimeout(() => void this.flush(), this.#delay);
  }

  /** Resolves when what is in force now is stored, or could not be; also when that was already under way. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const memory = this.#offered;
    if (!this.#isStored(memory)) {
      this.#saved = memory;
      this.#saving = this.#saving.then(() => this.#save(memory));
    }
    return this.#saving;
  }

  #isStored(memory: Memory): boolean {
    return this.#readOnly || (this.#saved !== undefined && sameInForce(this.#saved, memory));
  }

  async #save(memory: Memory): Promise<void> {
    if (await this.#store.save(memory)) return;
    this.#saved = undefined;
    this.#timer ??= setTimeout(() => void this.flush(), this.#retry).unref();
  }
}
