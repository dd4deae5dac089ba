import type { Address } from './address.ts';
import { comparePrefixes, endsBefore, Prefix } from './prefix.ts';

/**
 * A set of addresses written as the fewest prefixes: sorted, disjoint, neighbours merged. Immutable.
 * `overlapping` and `has` take O(log n).
 */
export class PrefixSet {
  readonly prefixes: readonly Prefix[];

  private constructor(prefixes: readonly Prefix[]) {
    this.prefixes = prefixes;
  }

  static readonly empty: PrefixSet = new PrefixSet([]);

  static of(prefixes: Iterable<Prefix>): PrefixSet {
    const out: Prefix[] = [];
    for (const prefix of [...prefixes].sort(comparePrefixes)) {
      if (out.at(-1)?.contains(prefix)) continue;
      out.push(prefix);
      mergeTail(out);
    }
    return new PrefixSet(out);
  }

  get isEmpty(): boolean {
    return this.prefixes.length === 0;
  }

  union(other: PrefixSet): PrefixSet {
    return PrefixSet.of([...this.prefixes, ...other.prefixes]);
  }

  subtract(other: PrefixSet): PrefixSet {
    return PrefixSet.of(this.prefixes.flatMap((prefix) => without(prefix, other)));
  }

  intersect(other: PrefixSet): PrefixSet {
    return PrefixSet.of(
      this.prefixes.flatMap((prefix) => other.overlapping(prefix).map((found) => (prefix.contains(found) ? found : prefix))),
    );
  }

  has(address: Address): boolean {
    return this.overlaps(Prefix.of(address));
  }

  /** The members that share an address with a prefix, in order. */
  overlapping(prefix: Prefix): readonly Prefix[] {
    const start = this.#firstEndingAtOrAfter(prefix);
    let stop = start;
    while (this.#overlapsAt(stop, prefix)) stop++;
    return start === stop ? NONE : this.prefixes.slice(start, stop);
  }

  /** Whether any member shares an address with a prefix. */
  overlaps(prefix: Prefix): boolean {
    return this.#overlapsAt(this.#firstEndingAtOrAfter(prefix), prefix);
  }

  /** For an index at or after the first member that does not end before the prefix. */
  #overlapsAt(index: number, prefix: Prefix): boolean {
    const member = this.prefixes[index];
    return member !== undefined && !endsBefore(prefix, member);
  }

  /** Index of the first member whose last address is not before the prefix. */
  #firstEndingAtOrAfter(prefix: Prefix): number {
    let low = 0;
    let high = this.prefixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const member = this.prefixes[middle];
      if (member !== undefined && endsBefore(member, prefix)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  toString(): string {
    return this.prefixes.join(' ');
  }
}

const NONE: readonly Prefix[] = [];

function mergeTail(out: Prefix[]): void {
  for (;;) {
    const high = out.at(-1);
    const low = out.at(-2);
    if (!high || !low || low.length !== high.length || low.family !== high.family || low.length === 0) return;
    const parent = Prefix.of(low.first, low.length - 1);
    if (parent.bits !== low.bits || !parent.contains(high)) return;
    out.splice(-2, 2, parent);
  }
}

function without(prefix: Prefix, other: PrefixSet): readonly Prefix[] {
  const overlaps = other.overlapping(prefix);
  if (overlaps.length === 0) return [prefix];
  if (overlaps.some((found) => found.contains(prefix))) return [];
  return prefix.split().flatMap((half) => without(half, other));
}
