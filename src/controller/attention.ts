/** Longest time between two looks that still counts as listening all the while. Milliseconds. */
const LONGEST_GAP_MS = 20_000;

/**
 * A clock that stands still while this process does not hear what others say: while the API server is away, and while the process was
 * stopped. Whoever is silent by this clock really is. Milliseconds.
 */
export class Attention {
  #attended = 0;
  #lookedAt: number | undefined;

  /** `now` is monotonic; `listening` tells whether what was said since the last look has been heard. */
  look(now: number, listening: boolean): number {
    const gap = now - (this.#lookedAt ?? now);
    this.#lookedAt = now;
    if (listening) this.#attended += Math.min(gap, LONGEST_GAP_MS);
    return this.#attended;
  }
}
