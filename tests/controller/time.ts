import type { Clock } from '../../src/runtime/clock.ts';

interface Timer {
  readonly process: ProcessClock;
  /** By the clock of its process. */
  readonly due: number;
  readonly callback: () => void;
}

/** True time, which no process sees, and the processes that live in it. Milliseconds. */
export class Time {
  now = 0;
  readonly timers = new Set<Timer>();
  /** Whether something is under way that takes no time here, such as a request over a real socket. */
  busy: () => boolean = () => false;

  /** Lets everything happen that is due, in order; `settle` lets each event come to its end, `look` sees every moment. */
  async advance(milliseconds: number, look: () => void = () => {}): Promise<void> {
    await this.#settle();
    look();
    const end = this.now + milliseconds;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.now = Math.max(this.now, next.at);
      look();
      this.timers.delete(next.timer);
      next.timer.callback();
      look();
      await this.#settle();
      look();
    }
    this.now = end;
    look();
  }

  /** Ends everything that a process still has before it. */
  forget(process: ProcessClock): void {
    for (const timer of this.timers) if (timer.process === process) this.timers.delete(timer);
  }

  async #settle(): Promise<void> {
    await settle();
    while (this.busy()) await settle();
  }

  #next(end: number): { readonly timer: Timer; readonly at: number } | undefined {
    let first: { timer: Timer; at: number } | undefined;
    for (const timer of this.timers) {
      const at = timer.process.trueTime(timer.due);
      if (at !== undefined && at <= end && (!first || at < first.at)) first = { timer, at };
    }
    return first;
  }
}

/** The clock of one process: its origin, its wall clock and whether it runs at all are its own. */
export class ProcessClock implements Clock {
  readonly #time: Time;
  readonly #origin: number;
  /** What its wall clock is wrong by. */
  skew = 0;
  /** Stopped as by SIGSTOP: time goes on, and nothing of it runs. */
  paused = false;

  constructor(time: Time, origin = 0) {
    this.#time = time;
    this.#origin = origin;
  }

  now(): number {
    return this.#origin + this.#time.now;
  }

  date(): Date {
    return new Date(Date.UTC(2027, 0, 1) + this.#time.now + this.skew);
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { process: this, due: this.now() + milliseconds, callback };
    this.#time.timers.add(timer);
    return () => this.#time.timers.delete(timer);
  }

  /** When a timer can go off; undefined while nothing can. */
  trueTime(due: number): number | undefined {
    return this.paused ? undefined : due - this.#origin;
  }
}

/** Lets promises come to their end. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
