import type { NextHop } from '../../core/route.ts';
import { listNextHops } from './listing.ts';
import type { Dumper } from './netlink/dump.ts';
import type { NextHopContext } from './netlink/nexthops.ts';

const UNKNOWN: readonly NextHop[] = [{ onLink: false }];

/**
 * What nexthop objects lead to. With `net.ipv4.nexthop_compat_mode=0` a foreign route says the number of its object and nothing else. They
 * are read when such a route is met, so that nobody else pays for them.
 */
export class NextHopObjects {
  readonly #context: NextHopContext;
  #hops = new Map<number, readonly NextHop[]>();
  readonly #asked = new Set<number>();

  constructor(context: NextHopContext) {
    this.#context = context;
  }

  /** Whether `of` was asked for what it did not know: `read`, and look again. */
  get isLacking(): boolean {
    return this.#asked.size > 0;
  }

  of(id: number): readonly NextHop[] {
    const hops = this.#hops.get(id);
    if (!hops) this.#asked.add(id);
    return hops ?? UNKNOWN;
  }

  /** @throws KernelUnavailable */
  read(dumper: Dumper): void {
    const listed = listNextHops(dumper, this.#context);
    this.#hops = new Map([...this.#asked].map((id) => [id, UNKNOWN]));
    for (const { id, hop } of listed) if (hop) this.#hops.set(id, [hop]);
    for (const { id, members } of listed) {
      const hops = members.flatMap((member) => this.#hops.get(member) ?? []);
      if (hops.length > 0) this.#hops.set(id, hops);
    }
    this.#asked.clear();
  }

  /** Something about nexthops has changed. Answers whether any of them is in use here. */
  forget(): boolean {
    const used = this.#hops.size > 0;
    this.#hops.clear();
    return used;
  }
}
