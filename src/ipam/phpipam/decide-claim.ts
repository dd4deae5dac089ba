import type { Claim } from '../provider.ts';
import { holderOf, type Ownership } from './ownership.ts';
import { type AddressRow, oldestFirst } from './rows.ts';

/** What is to be done about an address. */
export type Existing =
  | { readonly next: 'create' }
  /** A person has said that what is recorded is this node's. */
  | { readonly next: 'adopt'; readonly id: string }
  | { readonly next: 'none'; readonly claim: Claim };

/** `rows`: all that is recorded for the address. */
export function decideExisting(rows: readonly AddressRow[], node: string, adopt: boolean, ownership: Ownership): Existing {
  const [first, ...others] = rows;
  if (!first) return { next: 'create' };
  const isFree = others.length === 0 && !first.isGateway && !ownership.isAnyFairlead(first);
  if (adopt && isFree) return { next: 'adopt', id: first.id };
  const claim = settleClaim(rows, node, ownership);
  return claim ? { next: 'none', claim } : { next: 'create' };
}

/**
 * What comes of a claim, by what is recorded once it has been written. A database that lacks its unique key may hold two rows for one
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
