import { Address } from '../../core/ip/address.ts';
import type { Inventory, IpamRecord, Range } from '../../ipam/provider.ts';
import type { Orphan } from './decide-ledger.ts';
import type { Ledger } from './ledger.ts';

/** What we have done at the provider. */
export interface Change {
  readonly address: Address;
  /** Undefined: nothing is recorded there any more. */
  readonly record: IpamRecord | undefined;
}

/** What a provider has shown, and what we have changed there since. */
export class InventoryView {
  /** The same object as long as nothing has changed. */
  #inventory: Inventory | undefined;
  #begun = Number.NEGATIVE_INFINITY;
  #changes: readonly { readonly at: number; readonly changes: readonly Change[] }[] = [];
  #orphans: readonly Orphan[] = [];

  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  /** When the look began that showed it. */
  get begun(): number {
    return this.#begun;
  }

  /** Records of ours that no entry was about before the look, nor is now. */
  get orphans(): readonly Orphan[] {
    return this.#orphans;
  }

  /** `before` is the ledger when the look began. */
  show(inventory: Inventory, begun: number, before: Ledger): void {
    this.#changes = this.#changes.filter(({ at }) => at >= begun);
    this.#inventory = changed(
      inventory,
      this.#changes.flatMap(({ changes }) => changes),
    );
    this.#begun = begun;
    this.#orphans = inventory.ranges.flatMap(recordsOfOurs).filter(({ address }) => !before.has(address.text));
  }

  note(changes: readonly Change[], at: number): void {
    if (changes.length === 0) return;
    this.#changes = [...this.#changes, { at, changes }];
    if (this.#inventory) this.#inventory = changed(this.#inventory, changes);
    const gone = new Set(changes.flatMap(({ address, record }) => (record ? [] : [address.text])));
    this.#orphans = this.#orphans.filter(({ address }) => !gone.has(address.text));
  }

  recordAt(address: Address): IpamRecord | undefined {
    for (const { records } of this.#inventory?.ranges ?? []) {
      const record = records.get(address.text);
      if (record) return record;
    }
    return undefined;
  }
}

/** A range has thousands of records, so each is copied once, however many have changed. */
function changed(inventory: Inventory, changes: readonly Change[]): Inventory {
  if (changes.length === 0) return inventory;
  const ranges = inventory.ranges.map((range): Range => {
    const here = changes.filter(({ address }) => range.subnet.has(address));
    if (here.length === 0) return range;
    const records = new Map(range.records);
    for (const { address, record } of here) {
      if (record) records.set(address.text, record);
      else records.delete(address.text);
    }
    return { ...range, records };
  });
  return { ...inventory, ranges };
}

function recordsOfOurs({ records }: Range): readonly Orphan[] {
  return [...records].flatMap(([address, { node, record }]) =>
    node === undefined ? [] : [{ address: Address.parse(address), node, record }],
  );
}
