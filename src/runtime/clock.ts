/** Time as the roles see it, so that tests can move it. Milliseconds. */
export interface Clock {
  /** Monotonic. */
  now(): number;
  /** Wall clock. */
  date(): Date;
  /** Calls back once, never before `now` has gone on by so much; the answer cancels. A waiting timer does not keep the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Node takes 31 bits: what is longer it would do at once. */
const LONGEST_TIMER_MS = 2_000_000_000;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(milliseconds, callback) {
    const due = performance.now() + milliseconds;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const rest = due - performance.now();
      // Node drops the fraction and counts in whole milliseconds of its own, so it may call up to two of ours too early.
      if (rest <= LONGEST_TIMER_MS) timer = setTimeout(callback, Math.max(0, Math.ceil(rest)) + 1).unref();
      else timer = setTimeout(wait, LONGEST_TIMER_MS).unref();
    };
    wait();
    return () => clearTimeout(timer);
  },
};

/** Delays for retries: doubling from `first` to `longest` milliseconds; `reset` after a success. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #next: number;

  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
    this.#next = first;
  }

  next(): number {
    const delay = this.#next;
    this.#next = Math.min(this.#longest, delay * 2);
    return delay;
  }

  reset(): void {
    this.#next = this.#first;
  }
}
