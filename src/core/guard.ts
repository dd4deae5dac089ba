import type { Change } from './change.ts';
import type { RepairBudget } from './repair.ts';

/** What a round may do now, and what it has to leave for later. */
export interface Guarded {
  readonly allowed: readonly Change[];
  /** Removals that wait until every source has delivered everything once. */
  readonly withheld: readonly Change[];
  /** Repairs that wait because something keeps undoing them. */
  readonly contested: readonly Change[];
}

/**
 * The last gate before the kernel: incomplete resources remove nothing but what does harm and what is revoked, and a fight slows down. `now` in
 * milliseconds.
 */
export function guard(changes: readonly Change[], complete: boolean, repairs: RepairBudget, now: number): Guarded {
  if (complete && repairs.isEmpty) return { allowed: changes, withheld: [], contested: [] };
  const allowed: Change[] = [];
  const withheld: Change[] = [];
  const contested: Change[] = [];
  for (const change of changes) {
    if (!complete && takesAway(change)) withheld.push(change);
    else if (!repairs.permits(change, now)) contested.push(change);
    else allowed.push(change);
  }
  return { allowed, withheld, contested };
}

function takesAway(change: Change): boolean {
  switch (change.op) {
    case 'remove-route':
      return !change.harmful;
    case 'remove-link':
      return !change.replaced && !change.revoked;
    case 'remove-address':
      return !change.revoked;
    case 'set-sysctl':
      return change.restores;
    default:
      return false;
  }
}
