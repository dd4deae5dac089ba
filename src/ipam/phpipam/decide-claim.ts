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

/**
 * What comes of a claim once everything that was asked for has been written. A database that lacks its unique key may hold two rows for one
 * address; then nobody can know that he was the first, so whoever finds another's row beside his own does not have the address. Undefined
 * when the row cannot be found again.
 *
 * A row of ours that is too much is not deleted here, but shown by `look` as one that can be released: a deletion whose answer gets lost
 * may still be carried out when the row has long been found, alone, and taken up again.
 */
export function settleClaim(rows: readonly AddressRow[], node: string, ownership: Ownership): Claim | undefined {
  const sorted = oldestFirst(rows);
  const other = sorted.find((row) => !ownership.isOf(row, node));
  if (other) return { outcome: 'taken', by: holderOf(other) };
  const [oldest] = sorted;
  return oldest && { outcome: 'held', record: oldest.id };
}
