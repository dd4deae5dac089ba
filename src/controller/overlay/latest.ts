import type { Clock } from '../../runtime/clock.ts';
import { NotDone } from './not-done.ts';

/** Shortest time from one question to the next: whoever comes meanwhile goes together. Milliseconds. */
const INTERVAL_MS = 100;

export interface LatestPorts<T> {
  readonly clock: Clock;
  readonly ask: () => Promise<T>;
  /** Nobody waits any longer. */
  readonly signal: AbortSignal;
}

/** Asks one question again and again for many: each gets an answer to a question that was put after it had come. */
export class Latest<T> {
  readonly #ports: LatestPorts<T>;
  #next: Promise<T> | undefined;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(ports: LatestPorts<T>) {
    this.#ports = ports;
  }

  get(): Promise<T> {
    this.#next ??= this.#soon();
    return this.#next;
  }

  async #soon(): Promise<T> {
    const { clock, ask } = this.#ports;
    const rest = this.#asked + INTERVAL_MS - clock.now();
    // Others that come in the same breath come along.
    await (rest > 0 ? this.#wait(rest) : Promise.resolve());
    this.#next = undefined;
    this.#asked = clock.now();
    return ask();
  }

  /** Rejects with NotDone at the end. */
  #wait(milliseconds: number): Promise<void> {
    const { clock, signal } = this.#ports;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = clock.after(milliseconds, resolve);
    const end = (): void => reject(new NotDone('dropped'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    return promise.finally(() => {
      cancel();
      signal.removeEventListener('abort', end);
    });
  }
}
