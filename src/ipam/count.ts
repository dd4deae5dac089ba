import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { PrefixMap } from '../core/ip/prefix-map.ts';
import type { PrefixSet } from '../core/ip/prefix-set.ts';
import type { Range } from './provider.ts';
import { reservedOf, sizeOf } from './reserved.ts';

/** How far a range goes. Numbers above `Number.MAX_SAFE_INTEGER` are that number: an IPv6 subnet has more. */
export interface RangeCount {
  /** Addresses that nodes of the pool have or can have: not reserved, and not recorded for anybody else. */
  readonly capacity: number;
  /** Held addresses in the subnet, also those that are reserved by now. */
  readonly allocated: number;
  /** Addresses that the next nodes can get. 0 when the range is closed. */
  readonly free: number;
}

/**
 * One count for each range, in order. `held`: addresses that nodes of the pool have; `kept`: those that nobody else is given, as when a user
 * asks for them. Takes one look at each of them and at each record.
 */
export function countRanges(
  ranges: readonly Range[],
  held: ReadonlySet<string>,
  kept: ReadonlySet<string> = new Set(),
): readonly RangeCount[] {
  const tallies = ranges.map((range) => new Tally(range));
  const bySubnet = new PrefixMap<Tally[]>();
  for (const tally of tallies) {
    const { subnet } = tally.range;
    const sharing = bySubnet.get(subnet);
    if (sharing) sharing.push(tally);
    else bySubnet.set(subnet, [tally]);
  }
  const each = (text: string, add: (tally: Tally, address: Address) => void): void => {
    const address = Address.parse(text);
    for (const sharing of bySubnet.covering(Prefix.of(address))) for (const tally of sharing) add(tally, address);
  };
  for (const text of held) each(text, (tally, address) => tally.addHeld(address));
  for (const text of kept) if (!held.has(text)) each(text, (tally, address) => tally.addKept(address));
  return tallies.map((tally) => tally.count(held));
}

/** Counts one range while the held addresses go by. */
class Tally {
  readonly range: Range;
  readonly #reserved: PrefixSet;
  #allocated = 0;
  /** Neither reserved nor free, and not somebody else's. */
  #used = 0;
  #kept = 0;

  constructor(range: Range) {
    this.range = range;
    this.#reserved = reservedOf(range);
  }

  addHeld(address: Address): void {
    this.#allocated++;
    if (!this.#reserved.has(address)) this.#used++;
  }

  addKept(address: Address): void {
    if (!this.#reserved.has(address) && !this.range.records.has(address.text)) this.#kept++;
  }

  count(held: ReadonlySet<string>): RangeCount {
    const { range } = this;
    let foreign = 0;
    let ours = this.#used;
    for (const [text, { node }] of range.records) {
      const address = Address.parse(text);
      if (held.has(text) || !range.subnet.has(address) || this.#reserved.has(address)) continue;
      if (node === undefined) foreign++;
      else ours++;
    }
    const usable = sizeOf(range.subnet) - this.#reserved.prefixes.reduce((sum, prefix) => sum + sizeOf(prefix), 0n);
    const capacity = range.closed ? BigInt(ours) : usable - BigInt(foreign);
    const free = range.closed ? 0n : capacity - BigInt(ours + this.#kept);
    return { capacity: toNumber(capacity), allocated: this.#allocated, free: toNumber(free) };
  }
}

function toNumber(count: bigint): number {
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(count);
}
