import type { Claim } from '../provider.ts';
import { holderOf, type Ownership } from './ownership.ts';
import { type AddressRow, oldestFirst } from './rows.ts';

/** What is to be done about an address that exists already. */
export type Existing =
  /** Ours: nothing. */
  | { readonly next: 'verify' }
  /** A person has said that it is this node's. */
  | { readonly next: 'adopt'; readonly id: string }
  /** It has gone meanwhile. */
  | { readonly next: 'create' }
  | { readonly next: 'none'; readonly claim: Claim };

/** `rows`: all that is recorded for the address. */
export function decideExisting(rows: readonly AddressRow[], node: string, adopt: boolean, ownership: Ownership): Existing {
  const [first, ...others] = oldestFirst(rows);
  if (!first) return { next: 'create' };
  if (rows.some((row) => ownership.isOf(row, node))) return { next: 'verify' };
  if (adopt && others.length === 0 && !first.isGateway && !ownership.isAnyFairlead(first)) return { next: 'adopt', id: first.id };
  return { next: 'none', claim: { outcome: 'taken', by: holderOf(first) } };
}

/** What comes of a claim once everything that was asked for has been written; `drop`: rows of ours that have to go. */
export interface Settlement {
  readonly claim: Claim | undefined;
  readonly drop: readonly string[];
}

/**
 * `made`: the row that this very claim has made. A database that lacks its unique key may hold two rows for one address; then nobody can
 * know that he was the first, so whoever finds the other's row beside his own withdraws. Only what this claim has made, or what is younger
 * than the other's, is dropped: an older row may belong to a node that has been using the address for long.
 * No claim at all: the row cannot be found again.
 */
export function settleClaim(rows: readonly AddressRow[], node: string, made: string | undefined, ownership: Ownership): Settlement {
  const sorted = oldestFirst(rows);
  const mine = sorted.filter((row) => ownership.isOf(row, node));
  const [other] = sorted.filter((row) => !mine.includes(row));
  const [oldest, ...doubles] = mine;
  if (other) {
    const younger = mine.filter((row) => row.id === made || BigInt(row.id) > BigInt(other.id));
    return { claim: { outcome: 'taken', by: holderOf(other) }, drop: younger.map(({ id }) => id) };
  }
  if (!oldest) return { claim: undefined, drop: [] };
  return { claim: { outcome: 'held', record: oldest.id }, drop: doubles.map(({ id }) => id) };
}
