import { Address } from '../core/ip/address.ts';
import { lastBits } from '../core/ip/prefix.ts';
import type { Range } from './provider.ts';
import { reservedOf } from './reserved.ts';

/**
 * The free addresses of a range, lowest first. It moves on and never looks back, so all of them together cost one look at each address
 * that is taken and at each that is given, however large the range is. What becomes free meanwhile is found by a new one.
 */
export class FreeAddresses {
  readonly range: Range;
  readonly #isTaken: (text: string) => boolean;
  /** First and last bits of what is never given, in order; those behind us are dropped. */
  readonly #reserved: { readonly first: bigint; readonly last: bigint }[];
  readonly #last: bigint;
  #next: bigint;

  /** `isTaken`: by the text of an address; besides what the range has recorded. */
  constructor(range: Range, isTaken: (text: string) => boolean) {
    this.range = range;
    this.#isTaken = isTaken;
    this.#reserved = reservedOf(range)
      .prefixes.map((prefix) => ({ first: prefix.bits, last: lastBits(prefix) }))
      .reverse();
    this.#last = lastBits(range.subnet);
    this.#next = range.closed ? this.#last + 1n : range.subnet.bits;
  }

  /** The lowest free one; the same until it is taken. */
  peek(): Address | undefined {
    for (; this.#next <= this.#last; this.#next++) {
      if (this.#jump()) continue;
      const address = new Address(this.range.subnet.family, this.#next);
      const { text } = address;
      if (!this.range.records.has(text) && !this.#isTaken(text)) return address;
    }
    return undefined;
  }

  /** Goes to the last of the reserved addresses that begin here. Whether there are any. */
  #jump(): boolean {
    const ahead = this.#reserved.at(-1);
    if (ahead === undefined || ahead.first > this.#next) return false;
    this.#reserved.pop();
    this.#next = ahead.last;
    return true;
  }
}
