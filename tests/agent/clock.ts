import type { Clock } from '../../src/runtime/clock.ts';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Milliseconds; the wall clock starts at a fixed date. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(Date.UTC(2027, 0, 1) + this.#now);
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time that work takes: no timer goes off meanwhile. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on, timer after timer; `settle` lets what each one started come to its end. */
  async advance(milliseconds: number, settle: () => Promise<void>): Promise<void> {
    await settle();
    const end = this.#now + milliseconds;
    for (let timer = this.#nextBefore(end); timer; timer = this.#nextBefore(end)) {
      this.#now = Math.max(this.#now, timer.due);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #nextBefore(end: number): Timer | undefined {
    const [first] = [...this.#timers].sort((a, b) => a.due - b.due);
    return first && first.due <= end ? first : undefined;
  }
}
