import { Address } from '../../core/ip/address.ts';
import { parsed } from '../views.ts';
import { fieldsOf, listOf, textOf } from '../wire.ts';

/** One address of a pool, and whose it is. */
export interface Entry {
  readonly address: Address;
  readonly node: string;
  /** When it was entered, RFC 3339; tells it from an earlier one of the same address for the same node. */
  readonly since: string;
  /** The node is gone or no longer selected: when the address is given back unless that changes. RFC 3339. */
  readonly releaseAfter?: string;
  /** It is being given back. There is no way back from here: nobody is granted it until it has gone from the ledger. */
  readonly releasing?: boolean;
  /** Of its record at the provider, once it is releasing; absent where there is none. */
  readonly record?: string;
}

/**
 * Every address that somebody has, by its text: entered before anything else is done about it, gone when nothing of it is left.
 * It is only ever written over the version that was read, so no address is in it twice, whoever writes.
 */
export type Ledger = ReadonlyMap<string, Entry>;

/** `status.ledger` of an OverlayPool. What names no address and no node is nothing that could be kept. */
export function readLedger(value: unknown): Ledger {
  const entries = listOf(value)
    .map(fieldsOf)
    .flatMap(({ address, node, since, releaseAfter, releasing, record }): readonly Entry[] => {
      const [parsedAddress] = parsed([textOf(address) ?? ''], Address.parse);
      const name = textOf(node);
      if (!parsedAddress || name === undefined) return [];
      return [
        {
          address: parsedAddress,
          node: name,
          since: textOf(since) ?? '',
          ...(textOf(releaseAfter) !== undefined && { releaseAfter: textOf(releaseAfter) ?? '' }),
          ...(releasing === true && { releasing }),
          ...(textOf(record) !== undefined && { record: textOf(record) ?? '' }),
        },
      ];
    });
  return new Map(entries.map((entry) => [entry.address.text, entry]));
}

/** As `status.ledger` of an OverlayPool has it. */
export function writtenLedger(ledger: Ledger): readonly object[] {
  return [...ledger.values()].map(({ address, ...rest }) => ({ address: address.text, ...rest }));
}

/** Thousands of entries are named in each round. */
const keys = new WeakMap<Entry, string>();

/** Names an entry as long as it lasts, whatever becomes of it. */
export function keyOf(entry: Entry): string {
  const known = keys.get(entry);
  if (known !== undefined) return known;
  const key = `${entry.address} ${entry.node} ${entry.since}`;
  keys.set(entry, key);
  return key;
}

export function sameEntry(a: Entry, b: Entry): boolean {
  return keyOf(a) === keyOf(b) && a.releaseAfter === b.releaseAfter && a.releasing === b.releasing && a.record === b.record;
}

export function sameLedger(a: Ledger, b: Ledger): boolean {
  if (a.size !== b.size) return false;
  for (const [address, entry] of a) {
    const other = b.get(address);
    if (!other || !sameEntry(entry, other)) return false;
  }
  return true;
}

/** The entries of each node. */
export function byNode(ledger: Ledger): ReadonlyMap<string, readonly Entry[]> {
  return Map.groupBy(ledger.values(), ({ node }) => node);
}
