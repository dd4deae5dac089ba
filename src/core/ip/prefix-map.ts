import type { Address } from './address.ts';
import { Prefix } from './prefix.ts';

/** The prefixes of one family and length, by what tells them apart: a small number for IPv4, the text for IPv6. */
interface Row<T> {
  readonly family: number;
  readonly length: number;
  readonly values: Map<number | string, T>;
}

/** Values by prefix, with longest-prefix match. Made for 100,000 entries that come in runs of one length. */
export class PrefixMap<T> {
  /** Longest first, so that a search for what covers an address finds the best one first. */
  #rows: readonly Row<T>[] = [];
  #last: Row<T> | undefined;

  get size(): number {
    let size = 0;
    for (const row of this.#rows) size += row.values.size;
    return size;
  }

  get(prefix: Prefix): T | undefined {
    return this.#row(prefix.family, prefix.length)?.values.get(prefix.key);
  }

  set(prefix: Prefix, value: T): void {
    const row = this.#row(prefix.family, prefix.length) ?? this.#add(prefix);
    row.values.set(prefix.key, value);
  }

  /** Whether it was there. */
  delete(prefix: Prefix): boolean {
    return this.#row(prefix.family, prefix.length)?.values.delete(prefix.key) ?? false;
  }

  *values(): Generator<T> {
    for (const row of this.#rows) yield* row.values.values();
  }

  /** Values of the prefixes that contain this one (itself included), longest first. */
  *covering(prefix: Prefix): Generator<T> {
    for (const { family, length, values } of this.#rows) {
      if (family !== prefix.family || length > prefix.length) continue;
      const value = values.get(Prefix.of(prefix.first, length).key);
      if (value !== undefined) yield value;
    }
  }

  /** The value of the longest prefix that holds an address. */
  longest(address: Address): T | undefined {
    for (const value of this.covering(Prefix.of(address))) return value;
    return undefined;
  }

  #row(family: number, length: number): Row<T> | undefined {
    const last = this.#last;
    if (last !== undefined && last.length === length && last.family === family) return last;
    for (const row of this.#rows) {
      if (row.length !== length || row.family !== family) continue;
      this.#last = row;
      return row;
    }
    return undefined;
  }

  #add({ family, length }: Prefix): Row<T> {
    const row: Row<T> = { family, length, values: new Map() };
    this.#rows = [...this.#rows, row].sort((a, b) => b.length - a.length);
    return row;
  }
}
