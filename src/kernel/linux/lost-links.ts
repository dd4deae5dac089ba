import type { Address } from '../../core/ip/address.ts';
import type { Route, RouteSpec } from '../../core/route.ts';

/** A link that went down or away, or an address that was taken from it. */
export interface Loss {
  readonly device: number;
  readonly source?: Address;
}

/**
 * Links and source addresses that went away since the routes were last read. With them the kernel drops IPv4 routes
 * without a word, as it does with next hop objects.
 */
export class LostLinks {
  #losses: readonly Loss[] = [];
  #nextHops = false;

  add(loss: Loss): void {
    this.#losses = [...this.#losses, loss];
  }

  addNextHop(): void {
    this.#nextHops = true;
  }

  explains({ spec }: Route): boolean {
    return this.#nextHops || this.#losses.some((loss) => concerns(loss, spec));
  }

  clear(): void {
    this.#losses = [];
    this.#nextHops = false;
  }
}

/** Whether the kernel may have dropped routes like this one. */
export function concerns(loss: Loss, spec: RouteSpec): boolean {
  if (loss.source && spec.source?.equals(loss.source)) return true;
  return spec.hops.some((hop) => hop.device?.index === loss.device);
}
