import type { Random } from '../e2e/random.ts';
import type { Boundary } from './mortals.ts';

/** A boundary that has been passed so often was most probably met by death as well. */
const OFTEN = 40;

/** What befalls controllers at the boundaries of their requests: at first each kind of boundary is soon met by death, then it is rare. */
export class Fate {
  readonly #chance: Random;
  readonly #passed = new Map<string, number>();
  readonly #fatal = new Set<string>();
  crashes = 0;
  stalls = 0;
  calls = 0;

  constructor(chance: Random) {
    this.#chance = chance;
  }

  /** Kinds of boundaries at which somebody died. */
  get fatal(): ReadonlySet<string> {
    return this.#fatal;
  }

  /** Kinds of boundaries that were passed often, and at which nobody ever died. */
  get spared(): readonly string[] {
    return [...this.#passed].filter(([kind, times]) => times >= OFTEN && !this.#fatal.has(kind)).map(([kind]) => kind);
  }

  /** Milliseconds that it takes, or the end. */
  at({ when, call }: Boundary): number | 'death' {
    const kind = `${when} ${call}`;
    this.calls++;
    this.#passed.set(kind, (this.#passed.get(kind) ?? 0) + 1);
    if (this.#chance.oneIn(this.#fatal.has(kind) ? 500 : 5)) {
      this.#fatal.add(kind);
      this.crashes++;
      return 'death';
    }
    if (!this.#chance.oneIn(30)) return 0;
    this.stalls++;
    return this.#chance.below(this.#chance.oneIn(3) ? 30_000 : 2_000);
  }
}
