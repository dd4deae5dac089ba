import { Address } from '../../core/ip/address.ts';
import type { Inventory, IpamRecord, Range } from '../../ipam/provider.ts';
import type { Orphan } from './decide-ledger.ts';
import type { Ledger } from './ledger.ts';

/** What we have done at the provider: something is recorded for an address, or the record of that name is gone. */
export type Change = { readonly address: Address; readonly record: IpamRecord } | { readonly address: Address; readonly gone: string };

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
    const records = [...inventory.ranges.map((range) => range.records), inventory.stranded ?? new Map()];
    this.#orphans = records.flatMap(recordsOfOurs).filter(({ address }) => !before.has(address.text));
  }

  note(changes: readonly Change[], at: number): void {
    if (changes.length === 0) return;
    this.#changes = [...this.#changes, { at, changes }];
    if (this.#inventory) this.#inventory = changed(this.#inventory, changes);
    const gone = new Set(changes.flatMap((change) => ('gone' in change ? `${change.address} ${change.gone}` : [])));
    this.#orphans = this.#orphans.filter(({ address, record }) => !gone.has(`${address} ${record}`));
  }

  /** What is recorded for that very node, also where nothing can be given now, or beside what is somebody else's. */
  recordOf(address: Address, node: string): IpamRecord | undefined {
    const { ranges = [], stranded } = this.#inventory ?? {};
    const all = [...ranges.map(({ records }) => records.get(address.text)), stranded?.get(address.text)];
    return all.find((record) => record?.node === node);
  }

  /** Whether it shows whatever is recorded for an address: of a subnet that cannot be used it may show nothing. */
  covers(address: Address): boolean {
    const { ranges = [], stranded } = this.#inventory ?? {};
    return ranges.some(({ subnet }) => subnet.has(address)) || (stranded?.has(address.text) ?? false);
  }
}

/** A range has thousands of records, so each is copied once, however many have changed. */
function changed(inventory: Inventory, changes: readonly Change[]): Inventory {
  if (changes.length === 0) return inventory;
  const ranges = inventory.ranges.map((range): Range => {
    const here = changes.filter(({ address }) => range.subnet.has(address));
    if (here.length === 0) return range;
    const records = new Map(range.records);
    for (const change of here) {
      if ('record' in change) records.set(change.address.text, change.record);
      else drop(records, change);
    }
    return { ...range, records };
  });
  const stranded = new Map(inventory.stranded);
  for (const change of changes) if ('gone' in change) drop(stranded, change);
  return { ...inventory, ranges, stranded };
}

/** Another record of the same address stays. */
function drop(records: Map<string, IpamRecord>, { address, gone }: { readonly address: Address; readonly gone: string }): void {
  if (records.get(address.text)?.record === gone) records.delete(address.text);
}

function recordsOfOurs(records: ReadonlyMap<string, IpamRecord>): readonly Orphan[] {
  return [...records].flatMap(([address, { node, record }]) =>
    node === undefined ? [] : [{ address: Address.parse(address), node, record }],
  );
}
