interface Lasted<T> {
  readonly item: T;
  readonly since: number;
}

/** What has been so for some time, by name: what passes by itself sooner is nobody's business. Milliseconds of whatever clock is used. */
export class Lasting<T> {
  readonly #least: number;
  #items: ReadonlyMap<string, Lasted<T>> = new Map();
  #now = 0;

  constructor(least: number) {
    this.#least = least;
  }

  /** What is so now. Answers what has been for long. */
  look(items: ReadonlyMap<string, T>, now: number): readonly T[] {
    this.#now = now;
    this.#items = new Map([...items].map(([name, item]) => [name, { item, since: this.#items.get(name)?.since ?? now }]));
    return [...this.#items.values()].flatMap((lasted) => (this.#isLong(lasted, now) ? [lasted.item] : []));
  }

  /** What was so at the last look; undefined when it was not. */
  at(name: string): T | undefined {
    return this.#items.get(name)?.item;
  }

  /** The same, but only of what has been for long by now. */
  long(name: string, now: number): T | undefined {
    const lasted = this.#items.get(name);
    return lasted && this.#isLong(lasted, now) ? lasted.item : undefined;
  }

  /** How long after the last look the next will have been for long; infinite when there is none. */
  get left(): number {
    const ages = [...this.#items.values()].map(({ since }) => this.#now - since);
    return Math.min(...ages.filter((age) => age < this.#least).map((age) => this.#least - age));
  }

  #isLong({ since }: Lasted<T>, now: number): boolean {
    return now - since >= this.#least;
  }
}
