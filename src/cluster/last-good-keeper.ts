import { type LastGoodOptions, LastGoodStore } from './last-good.ts';
import { EMPTY_MEMORY, type Memory, sameInForce } from './memory.ts';

/** Keeps what is in force over a restart, whenever that changes: changes that come within `delay` milliseconds by one write. */
export class LastGoodKeeper {
  readonly #store: LastGoodStore;
  readonly #readOnly: boolean;
  readonly #delay: number;
  #offered: Memory = EMPTY_MEMORY;
  #saved: Memory = EMPTY_MEMORY;
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, options: LastGoodOptions & { readonly delay: number }) {
    this.#store = new LastGoodStore(path, options);
    this.#readOnly = options.readOnly;
    this.#delay = options.delay;
  }

  /** What was kept by an earlier run. */
  async load(): Promise<Memory> {
    this.#saved = await this.#store.load();
    this.#offered = this.#saved;
    return this.#saved;
  }

  /** What is in force now. */
  offer(memory: Memory): void {
    this.#offered = memory;
    if (this.#readOnly || sameInForce(this.#saved, memory)) return;
    this.#timer ??= setTimeout(() => void this.flush(), this.#delay);
  }

  /** Resolves when what is in force now is stored, also when that was already under way. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const memory = this.#offered;
    if (!this.#readOnly && !sameInForce(this.#saved, memory)) {
      this.#saved = memory;
      this.#saving = this.#saving.then(() => this.#store.save(memory));
    }
    return this.#saving;
  }
}
