import type { Change } from './change.ts';
import type { Prefix } from './ip/prefix.ts';
import type { PlannedAddress } from './plan.ts';
import { TABLE_MAIN } from './route.ts';

/** So many repairs of one object are immediate; one more is allowed for each `REFILL_MS` that pass. */
export const BURST = 32;
export const REFILL_MS = 2_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;

interface Fight {
  readonly tokens: number;
  readonly at: number;
  readonly delay: number;
  readonly notBefore: number;
}

/**
 * Keeps us from fighting: each repair of an object takes a token; without tokens repairs wait, twice as long each time,
 * up to a minute. Only quiet after that refills the tokens. Times are milliseconds of any monotonic clock.
 */
export class RepairBudget {
  readonly #fights = new Map<string, Fight>();

  get isEmpty(): boolean {
    return this.#fights.size === 0;
  }

  /** Objects that are being repaired less often now. */
  contested(now: number): string[] {
    return [...this.#fights].filter(([, fight]) => fight.notBefore > now).map(([key]) => key);
  }

  permits(change: Change, now: number): boolean {
    const fight = this.#fights.get(objectKey(change));
    return fight === undefined || fight.notBefore <= now;
  }

  /** Milliseconds until the next delayed repair may happen; undefined when none waits. */
  nextIn(now: number): number | undefined {
    let next: number | undefined;
    for (const { notBefore } of this.#fights.values()) if (notBefore > now) next = Math.min(next ?? Infinity, notBefore - now);
    return next;
  }

  /** An object of ours was changed from outside and has just been repaired. */
  repaired(key: string, now: number): void {
    const before = this.#fights.get(key) ?? { tokens: BURST, at: now, delay: 0, notBefore: 0 };
    // It was on its way before the delay was known: that is no reason for a longer one.
    if (now < before.notBefore) return;
    const quiet = Math.max(0, now - Math.max(before.at, before.notBefore));
    const refilled = Math.min(BURST, before.tokens + quiet / REFILL_MS);
    const tokens = Math.max(0, refilled - 1);
    const delay = refilled >= 1 ? 0 : Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, before.delay * 2));
    this.#fights.set(key, { tokens, at: now, delay, notBefore: now + delay });
  }

  /** Drops what has been quiet for long enough to have all its tokens again. */
  tidy(now: number): void {
    for (const [key, fight] of this.#fights) {
      if (fight.notBefore <= now && fight.tokens + (now - fight.at) / REFILL_MS >= BURST) this.#fights.delete(key);
    }
  }
}

/** Names what a change is about, for budgets and reports: stable over time. */
export function objectKey(change: Change): string {
  switch (change.op) {
    case 'set-sysctl':
      return `sysctl net.ipv4.conf.${change.device.name}.${change.name}`;
    case 'add-link':
    case 'set-link':
      return linkKey(change.link.name);
    case 'remove-link':
      return linkKey(change.device.name);
    case 'add-address':
    case 'add-network':
    case 'remove-address':
      return addressKey(change.address);
    default:
      return routeKey(change.route.prefix, change.route.spec.table, change.route.spec.metric);
  }
}

export function linkKey(name: string): string {
  return `device ${name}`;
}

/** Also of an address whose device has another index by now. */
export function addressKey({ device, address, prefixLength }: Omit<PlannedAddress, 'label'>): string {
  return `address ${address}/${prefixLength} dev ${device.name}`;
}

export function routeKey(prefix: Prefix, table: number, metric: number): string {
  return `route ${prefix}${table === TABLE_MAIN ? '' : ` table ${table}`} metric ${metric}`;
}
