import type { NodePlan } from '../core/plan.ts';
import { waitKey } from '../core/planner/node.ts';

/** How long a route stays without a next hop before `onMissingGateway` decides, in milliseconds. */
export const GRACE_MS = 10_000;

/** Since when each missing next hop has been missing. Times are those of the caller's monotonic clock. */
export class Grace {
  #since = new Map<string, number>();
  #overdue: ReadonlySet<string> = new Set();

  /** The next hops that have been missing for too long; the same set as before as long as its members are. */
  get overdue(): ReadonlySet<string> {
    return this.#overdue;
  }

  /** Takes note of what a plan waits for. Answers whether `overdue` has changed, which calls for a new plan. */
  update(plan: NodePlan, now: number): boolean {
    const keys = plan.resources.flatMap(({ meta, waiting }) => waiting.map((family) => waitKey(meta.ref, family)));
    this.#since = new Map(keys.map((key) => [key, this.#since.get(key) ?? now]));
    const overdue = new Set(keys.filter((key) => now - (this.#since.get(key) ?? now) >= GRACE_MS));
    if (overdue.size === this.#overdue.size && overdue.isSubsetOf(this.#overdue)) return false;
    this.#overdue = overdue;
    return true;
  }

  /** Milliseconds until the next one is overdue; undefined when none will be. */
  nextIn(now: number): number | undefined {
    const waits = [...this.#since].filter(([key]) => !this.#overdue.has(key)).map(([, since]) => since + GRACE_MS - now);
    return waits.length > 0 ? Math.max(0, Math.min(...waits)) : undefined;
  }
}
