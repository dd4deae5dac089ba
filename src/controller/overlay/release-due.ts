import type { Clock } from '../../runtime/clock.ts';
import type { Ledger } from './ledger.ts';

/**
 * When the next address is to be given back, by the clock; infinite when there is none. What has been due before waits for something else, as
 * for what is recorded of it, and whoever brings that wakes us.
 */
export function releaseDue(ledger: Ledger, clock: Pick<Clock, 'now' | 'date'>): number {
  const now = clock.date().getTime();
  let first = Number.POSITIVE_INFINITY;
  for (const { releaseAfter, releasing } of ledger.values()) {
    const due = releaseAfter === undefined || releasing ? Number.NaN : Date.parse(releaseAfter);
    if (due > now && due < first) first = due;
  }
  return clock.now() + (first - now);
}
