interface Lasted<T> {
  readonly item: T;
  readonly since: number;
}

/** What has been so for some time, by name: what passes by itself sooner is nobody's business. Milliseconds of whatever clock is used. */
export class Lasting<T> {
  readonly #least: number;
  /** Undefined before the first look. */
  #items: ReadonlyMap<string, Lasted<T>> | undefined;
  #now = 0;

  constructor(least: number) {
    this.#least = least;
  }

  /**
   * What is so now. Answers what has been for long: at the first look that is everything, if somebody has told of any of it before; else what is
   * told would be taken back, and told again.
   */
  look(items: ReadonlyMap<string, T>, now: number, isTold: (item: T) => boolean = () => false): readonly T[] {
    const before = this.#items;
    const begins = !before && [...items.values()].some(isTold) ? now - this.#least : now;
    const lasted = new Map([...items].map(([name, item]) => [name, { item, since: before?.get(name)?.since ?? begins }]));
    this.#now = now;
    this.#items = lasted;
    return [...lasted.values()].flatMap((each) => (this.#isLong(each, now) ? [each.item] : []));
  }

  /** What was so at the last look; undefined when it was not. */
  at(name: string): T | undefined {
    return this.#items?.get(name)?.item;
  }

  /** The same, but only of what has been for long by now. */
  long(name: string, now: number): T | undefined {
    const lasted = this.#items?.get(name);
    return lasted && this.#isLong(lasted, now) ? lasted.item : undefined;
  }

  /** How long after the last look the next will have been for long; infinite when there is none. */
  get left(): number {
    const ages = [...(this.#items?.values() ?? [])].map(({ since }) => this.#now - since);
    return Math.min(...ages.filter((age) => age < this.#least).map((age) => this.#least - age));
  }

  #isLong({ since }: Lasted<T>, now: number): boolean {
    return now - since >= this.#least;
  }
}
