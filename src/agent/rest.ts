import type { Clock } from '../runtime/clock.ts';

/** Milliseconds. */
export interface RestOptions {
  /** A rest is so many times as long as the work before it. */
  readonly times: number;
  readonly longest: number;
  /** From the beginning of one work to that of the next. Default 0. */
  readonly shortest?: number;
}

/** Bounds the share of the time that something takes: in a burst of changes each state but the last is soon out of date. */
export class Rest {
  readonly #clock: Clock;
  readonly #options: RestOptions;
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, options: RestOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Milliseconds until it is over; 0 when it is. */
  get left(): number {
    return Math.max(0, this.#until - this.#clock.now());
  }

  /** Work that began at this time of the clock has just ended. */
  begin(workBegan: number): void {
    const { times, longest, shortest = 0 } = this.#options;
    const now = this.#clock.now();
    this.#until = Math.max(now + Math.min((now - workBegan) * times, longest), workBegan + shortest);
  }
}
