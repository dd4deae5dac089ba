import type { Clock } from '../../runtime/clock.ts';

/** Between two times that the status of one object is brought up to date. Milliseconds. */
const REST_MS = 1_000;

/** Keeps two controllers that know different things, and both believe to lead, from answering each other as fast as they can. */
export class TellRests {
  readonly #clock: Clock;
  /** By uid. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(uid: string): void {
    this.#until.set(uid, this.#clock.now() + REST_MS);
  }

  isOver(uid: string): boolean {
    return (this.#until.get(uid) ?? 0) <= this.#clock.now();
  }

  /** When the next one is over; infinite when there is none. */
  get due(): number {
    for (const uid of this.#until.keys()) if (this.isOver(uid)) this.#until.delete(uid);
    return Math.min(...this.#until.values());
  }
}
