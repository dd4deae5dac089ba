/** Repeatable chance: the same seed gives the same numbers (mulberry32). */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return this.#next() % end;
  }

  /** From 0 up to 1. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** Undefined only when there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(Math.max(items.length, 1))];
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }
}

/** Does something during which `Math.random` can be repeated as well. */
export async function withRandom<T>(random: Random, work: () => Promise<T>): Promise<T> {
  const before = Math.random;
  Math.random = () => random.fraction();
  try {
    return await work();
  } finally {
    Math.random = before;
  }
}
