import { Address, FAMILIES, type Family } from '../core/ip/address.ts';
import { FreeAddresses } from './free-addresses.ts';
import type { Range, UnusableRange } from './provider.ts';
import { whyReserved } from './reserved.ts';
import { exhausted, mustBeMended, nothingServes, type Waiting, type WaitReason } from './waiting.ts';
import { rangesFor, UNUSABLE } from './zone-ranges.ts';

/** A node that is to get addresses. */
export interface Wish {
  readonly node: string;
  /** Undefined when nothing says where the node is. */
  readonly zone: string | undefined;
  /** Only these, as for a node that already has the other one; absent: every family. */
  readonly families?: readonly Family[];
}

export type Allocation =
  | { readonly outcome: 'allocated'; readonly node: string; readonly addresses: readonly AllocatedAddress[] }
  | { readonly outcome: 'waiting'; readonly node: string; readonly reason: WaitReason; readonly message: string };

/** At most one of each family, IPv4 first. */
export interface AllocatedAddress {
  readonly address: Address;
  readonly range: Range;
}

/**
 * Chooses addresses for nodes, in order: one of each family for which the node's zone has ranges, or none at all. The lowest free address
 * of the first range that has one. A record that is already this node's, as one whose claim was cut short, comes before a free address.
 *
 * Pure: equal arguments give equal answers. `held`: every address, by its text, that is some node's already or still being released.
 * `unusable`: ranges that exist and are not among `ranges`; their nodes wait for them.
 */
export function allocate(
  wishes: readonly Wish[],
  ranges: readonly Range[],
  held: ReadonlySet<string>,
  unusable: readonly UnusableRange[] = [],
): readonly Allocation[] {
  const allocator = new Allocator(ranges, held, unusable);
  return wishes.map((wish) => allocator.serve(wish));
}

/** What is left of the ranges while nodes are served one after another. */
class Allocator {
  readonly #ranges: readonly Range[];
  readonly #unusable: readonly UnusableRange[];
  readonly #held: ReadonlySet<string>;
  readonly #given = new Set<string>();
  readonly #free: ReadonlyMap<Range, FreeAddresses>;
  readonly #own: ReadonlyMap<string, readonly AllocatedAddress[]>;
  /** By zone and family: there are far fewer than nodes. */
  readonly #serving = new Map<string, ReturnType<typeof rangesFor>>();

  constructor(ranges: readonly Range[], held: ReadonlySet<string>, unusable: readonly UnusableRange[]) {
    this.#ranges = ranges;
    this.#held = held;
    this.#unusable = unusable;
    this.#free = new Map(ranges.map((range) => [range, new FreeAddresses(range, (text) => this.#isTaken(text))]));
    this.#own = recordsByNode(ranges);
  }

  serve(wish: Wish): Allocation {
    const { node } = wish;
    const chosen = this.#choose(wish);
    if ('reason' in chosen) return { outcome: 'waiting', node, ...chosen };
    for (const { address } of chosen) this.#given.add(address.text);
    return { outcome: 'allocated', node, addresses: chosen };
  }

  /** Takes nothing, since the second family may have nothing to give. */
  #choose({ node, zone, families = FAMILIES }: Wish): readonly AllocatedAddress[] | Waiting {
    const chosen: AllocatedAddress[] = [];
    for (const family of FAMILIES.filter((each) => families.includes(each))) {
      const serving = this.#rangesFor(zone, family);
      if (serving === UNUSABLE) return mustBeMended(zone);
      if (serving.length === 0) continue;
      const found = this.#recorded(node, serving) ?? this.#lowest(serving);
      if (!found) return exhausted(zone, family, serving);
      chosen.push(found);
    }
    return chosen.length > 0 ? chosen : nothingServes(zone, this.#ranges);
  }

  #recorded(node: string, serving: readonly Range[]): AllocatedAddress | undefined {
    return this.#own.get(node)?.find(({ address, range }) => serving.includes(range) && !this.#isTaken(address.text));
  }

  #lowest(serving: readonly Range[]): AllocatedAddress | undefined {
    for (const range of serving) {
      const address = this.#free.get(range)?.peek();
      if (address) return { address, range };
    }
    return undefined;
  }

  #rangesFor(zone: string | undefined, family: Family): ReturnType<typeof rangesFor> {
    const key = `${family} ${zone === undefined ? '' : `zone ${zone}`}`;
    const known = this.#serving.get(key);
    if (known) return known;
    const found = rangesFor(zone, family, this.#ranges, this.#unusable);
    this.#serving.set(key, found);
    return found;
  }

  #isTaken(text: string): boolean {
    return this.#held.has(text) || this.#given.has(text);
  }
}

/** What is recorded for each node of this pool, and may be: in the order of the ranges, lowest first. */
function recordsByNode(ranges: readonly Range[]): ReadonlyMap<string, readonly AllocatedAddress[]> {
  const byNode = new Map<string, AllocatedAddress[]>();
  for (const range of ranges) {
    for (const { node, address } of nodesRecorded(range)) {
      const list = byNode.get(node);
      if (list) list.push({ address, range });
      else byNode.set(node, [{ address, range }]);
    }
  }
  return byNode;
}

function nodesRecorded(range: Range): readonly { readonly node: string; readonly address: Address }[] {
  return [...range.records]
    .flatMap(([text, { node }]) => (node === undefined ? [] : { node, address: Address.parse(text) }))
    .filter(({ address }) => range.subnet.has(address) && whyReserved(range, address) === undefined)
    .sort((a, b) => (a.address.bits < b.address.bits ? -1 : 1));
}
