import type { LedgerEntry } from '../api/kinds/overlay-pool-status.ts';
import { Address } from '../core/ip/address.ts';
import type { Inventory, IpamRecord } from '../ipam/provider.ts';
import { type Bounds, whyReserved } from '../ipam/reserved.ts';
import { lostRecordsIn } from './ipam-lost-records.ts';
import { waitingFor } from './ipam-waiting.ts';
import type { IpamWorld, OverlayIPView, PoolView } from './ipam-world.ts';

/** Two lists that do not say the same of an address. */
export interface Difference {
  readonly pool: string;
  readonly address?: string;
  readonly node?: string;
  /** The fact, with the name of everything that it is about. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
  /** What `--repair` does; absent when it is not safe, or nobody's but the controller's. */
  readonly repair?: Repair;
}

export type Repair = ReleaseRepair | ClaimRepair;

/** Enters it into the ledger as one that is given back, or marks the entry so; the controller does the rest. */
export interface ReleaseRepair {
  readonly type: 'release';
  readonly pool: string;
  readonly address: string;
  readonly node: string;
  readonly record?: string;
  /** A record that nobody knows of: then the Node may well be there. */
  readonly orphan: boolean;
}

/** Records it in the external system. */
export interface ClaimRepair {
  readonly type: 'claim';
  readonly pool: string;
  readonly address: string;
  readonly node: string;
}

/** A controller that works gives back what is due within seconds. */
const OVERDUE_MS = 300_000;

const SEE_CONTROLLER = 'see that the controller runs, and what its log says';

/** What the lists say differently, by pool and address. Pure. `now`: milliseconds since 1970. */
export function differencesIn(world: IpamWorld, now: number): readonly Difference[] {
  const found = [
    ...world.pools.flatMap((view) => [...new PoolComparison(view, world, now).differences()]),
    ...poollessIn(world),
    ...givenTwiceIn(world),
    ...lostRecordsIn(world),
  ];
  return found.toSorted((a, b) => compareTexts(a.pool, b.pool) || compareAddresses(a.address, b.address));
}

/** One pool: its ledger, the NodeOverlayIPs that name it, and what its external system has. */
class PoolComparison {
  readonly #name: string;
  readonly #world: IpamWorld;
  readonly #now: number;
  readonly #entries: ReadonlyMap<string, readonly LedgerEntry[]>;
  readonly #holders: ReadonlyMap<string, readonly OverlayIPView[]>;
  /** Absent where the pool itself is the only system, or the other was not asked. */
  readonly #inventory: Inventory | undefined;
  readonly #external: boolean;
  /** Those that can be seen. */
  readonly #ranges: readonly Bounds[];
  readonly #allSeen: boolean;

  constructor({ pool, status }: PoolView, world: IpamWorld, now: number) {
    const { ipam, meta } = pool;
    this.#name = meta.ref.name;
    this.#world = world;
    this.#now = now;
    this.#entries = Map.groupBy(status.ledger ?? [], ({ address }) => address);
    this.#holders = holdersOf(world.overlayIPs.filter(({ overlayIP }) => overlayIP.pool === this.#name));
    this.#inventory = world.inventories.get(this.#name);
    this.#external = ipam.type !== 'cluster';
    const own = ipam.type === 'cluster' ? ipam.ranges.map(({ exclude, ...range }) => ({ ...range, excluded: exclude })) : [];
    this.#ranges = this.#inventory?.ranges ?? own;
    this.#allSeen = !this.#external || this.#inventory?.problems.length === 0;
  }

  *differences(): Generator<Difference> {
    for (const [address, entries] of this.#entries) yield* this.#inLedger(address, entries);
    for (const [address, holders] of this.#holders) {
      for (const holder of holders) if (isInForce(holder)) yield* this.#ofHolder(address, holder);
    }
    yield* this.#ofRecords();
  }

  *#inLedger(address: string, entries: readonly LedgerEntry[]): Generator<Difference> {
    const [entry] = entries;
    if (entries.length > 1) {
      const message = `the ledger has it more than once, for ${entries.map(({ node }) => node).join(' and ')}`;
      yield this.#difference({ address, message, fix: 'delete the NodeOverlayIP of the node that is not to have it' });
    } else if (entry && entry.releasing !== true) yield* this.#ofEntry(entry);
  }

  *#ofEntry(entry: LedgerEntry): Generator<Difference> {
    const { address, node, releaseAfter } = entry;
    const holders = this.#holders.get(address) ?? [];
    if (releaseAfter !== undefined) yield* this.#overdue(entry);
    if (holders.some(({ overlayIP }) => overlayIP.node === node)) return;
    // Said of that one.
    if (holders.some(isInForce)) return;
    if (this.#world.nodes.has(node)) yield this.#unused(entry);
    else if (releaseAfter === undefined) yield this.#lost(entry);
  }

  /** Of a node that is there: without a NodeOverlayIP, or with one that names another address. */
  #unused({ address, node }: LedgerEntry): Difference {
    const other = this.#world.overlayIPs.find(({ overlayIP }) => overlayIP.pool === this.#name && overlayIP.node === node);
    const waits = other && waitingFor(other);
    if (waits) return this.#difference({ address, node, message: `node ${node} keeps it in the ledger: ${waits.why}`, fix: waits.fix });
    const message = `the ledger has it for node ${node}, which has no NodeOverlayIP with it`;
    return this.#difference({ address, node, message, fix: `the controller makes that: ${SEE_CONTROLLER}` });
  }

  *#overdue({ address, node, releaseAfter = '' }: LedgerEntry): Generator<Difference> {
    if (this.#now - Date.parse(releaseAfter) < OVERDUE_MS) return;
    const message = `it was to be given back at ${releaseAfter}, and is still that of node ${node}`;
    yield this.#difference({ address, node, message, fix: SEE_CONTROLLER });
  }

  /** Its record must be known before the entry is marked, or it would stay where it is. */
  #lost({ address, node }: LedgerEntry): Difference {
    const message = `the ledger has it for node ${node}, and there is neither that Node nor its NodeOverlayIP`;
    if (this.#external && !this.#isInside(address)) {
      const once = this.#allSeen ? 'its range is in the pool again' : 'phpIPAM can be asked for its record';
      return this.#difference({ address, node, message, fix: `it is to be given back, once ${once}` });
    }
    const record = this.#recordOf(address);
    const found = record?.node === node ? { record: record.record } : {};
    const repair: Repair = { type: 'release', pool: this.#name, address, node, ...found, orphan: false };
    return this.#difference({ address, node, message, fix: 'it is to be given back', repair });
  }

  *#ofHolder(address: string, holder: OverlayIPView): Generator<Difference> {
    const { node, meta } = holder.overlayIP;
    const { name } = meta.ref;
    yield* this.#ofHolderAndLedger(address, holder);
    yield* this.#ofHolderAndRecord(address, holder);
    yield* this.#ofHolderAndRanges(address, holder);
    if (!holder.held) {
      const message = `NodeOverlayIP ${name} lacks the finalizer that keeps its address until it is given back`;
      yield this.#difference({ address, node, message, fix: `the controller adds it: ${SEE_CONTROLLER}` });
    }
  }

  /** As after an edit of the pool: a node keeps what it has. */
  *#ofHolderAndRanges(address: string, { overlayIP: { node, meta, addresses } }: OverlayIPView): Generator<Difference> {
    const range = this.#rangeOf(address);
    const { name } = meta.ref;
    const another = `ask for another address with a NodeOverlayIP ${name} of your own (kubectl replace --force)`;
    if (range === undefined) {
      if (!this.#allSeen) return;
      const message = `node ${node} has it, and it is in no range of the pool`;
      yield this.#difference({ address, node, message, fix: `take its range into the pool again, or ${another}` });
      return;
    }
    const why = whyReserved(range, Address.parse(address));
    if (why !== undefined) {
      const message = `node ${node} has it, and range ${range.subnet} gives it to nobody: ${why}`;
      yield this.#difference({ address, node, message, fix: `change that range of the pool, or ${another}` });
    }
    const length = addresses.find((own) => own.address.text === address)?.prefixLength;
    if (length === undefined || length === range.subnet.length) return;
    const message = `node ${node} has it as ${address}/${length}, and its range is ${range.subnet}`;
    const fix = `"kubectl delete nodeoverlayip ${name}" gives it the same address as ${address}/${range.subnet.length}, and takes it off for a moment`;
    yield this.#difference({ address, node, message, fix });
  }

  *#ofHolderAndLedger(address: string, { overlayIP }: OverlayIPView): Generator<Difference> {
    const { node, meta } = overlayIP;
    const { name } = meta.ref;
    const [entry] = this.#entries.get(address) ?? [];
    if (entry === undefined) {
      const message = `NodeOverlayIP ${name} has it, and the ledger does not`;
      yield this.#difference({ address, node, message, fix: `the controller enters it: ${SEE_CONTROLLER}` });
    } else if (entry.node !== node) {
      const message = `NodeOverlayIP ${name} has it, and the ledger has it for node ${entry.node}`;
      yield this.#difference({ address, node, message, fix: 'delete the NodeOverlayIP of the node that is not to have it' });
    } else if (!this.#world.nodes.has(node) && entry.releaseAfter === undefined && entry.releasing !== true) {
      const message = `NodeOverlayIP ${name} and the ledger have it for node ${node}, and there is no such Node`;
      yield this.#difference({ address, node, message, fix: `the controller gives it back: ${SEE_CONTROLLER}` });
    }
  }

  /** What is not in the ledger, or is being given back, needs no record. */
  *#ofHolderAndRecord(address: string, { overlayIP }: OverlayIPView): Generator<Difference> {
    const { node, meta } = overlayIP;
    const [entry] = this.#entries.get(address) ?? [];
    if (!this.#external || !this.#isInside(address) || entry?.node !== node || entry.releasing === true) return;
    const record = this.#recordOf(address);
    if (record === undefined) {
      const repair: Repair = { type: 'claim', pool: this.#name, address, node };
      const message = `node ${node} has it, and phpIPAM has no record of it`;
      yield this.#difference({ address, node, message, fix: 'it is to be recorded', repair });
    } else if (record.node !== node) {
      const message = `node ${node} has it, and phpIPAM has recorded it for ${record.holder} (record ${record.record})`;
      const fix = `see whose it is, then delete that record or NodeOverlayIP ${meta.ref.name}`;
      yield this.#difference({ address, node, message, fix });
    }
  }

  /** Records of ours that nothing here knows of: whoever made them did not live to say so. */
  *#ofRecords(): Generator<Difference> {
    const { ranges = [], stranded = new Map<string, IpamRecord>() } = this.#inventory ?? {};
    const records = new Map([...ranges.flatMap((range) => [...range.records]), ...stranded]);
    for (const [address, { node, record }] of records) {
      if (node === undefined || this.#entries.has(address) || this.#holders.has(address)) continue;
      const message = `phpIPAM has recorded it for node ${node} (record ${record}), and neither the ledger nor a NodeOverlayIP has it`;
      const repair: Repair = { type: 'release', pool: this.#name, address, node, record, orphan: true };
      yield this.#difference({ address, node, message, fix: 'it is to be given back', repair });
    }
  }

  #recordOf(address: string): IpamRecord | undefined {
    return this.#inventory?.ranges.map(({ records }) => records.get(address)).find((record) => record !== undefined);
  }

  /** Whether a range that can be seen has it. */
  #isInside(address: string): boolean {
    return this.#rangeOf(address) !== undefined;
  }

  #rangeOf(address: string): Bounds | undefined {
    return this.#ranges.find(({ subnet }) => subnet.has(Address.parse(address)));
  }

  #difference(difference: Omit<Difference, 'pool'>): Difference {
    return { pool: this.#name, ...difference };
  }
}

/** Whether a node may use its addresses. */
function isInForce({ overlayIP }: OverlayIPView): boolean {
  return overlayIP.granted && !overlayIP.deleting;
}

function poollessIn({ pools, overlayIPs, unreadable }: IpamWorld): readonly Difference[] {
  const known = new Set(pools.map(({ pool }) => pool.meta.ref.name));
  // A pool that cannot be read is none of those, and is there all the same.
  if (unreadable.some((words) => words.startsWith('OverlayPool '))) return [];
  return overlayIPs
    .filter(({ overlayIP }) => !known.has(overlayIP.pool))
    .map(({ overlayIP: { pool, node, meta } }) => ({
      pool,
      node,
      message: `NodeOverlayIP ${meta.ref.name} is of OverlayPool ${pool}, which does not exist`,
      fix: `create the pool, or delete the NodeOverlayIP`,
    }));
}

function givenTwiceIn({ overlayIPs }: IpamWorld): readonly Difference[] {
  const granted = overlayIPs.filter(isInForce);
  return [...holdersOf(granted)].flatMap(([address, [first, ...others]]) => {
    if (first === undefined || others.length === 0) return [];
    const names = [first, ...others].map(({ overlayIP }) => overlayIP.meta.ref.name).join(' and ');
    const { pool, node } = first.overlayIP;
    return [
      { pool, address, node, message: `NodeOverlayIPs ${names} all have it`, fix: 'delete all but one: the others get another address' },
    ];
  });
}

/** By the text of each address. */
function holdersOf(views: readonly OverlayIPView[]): ReadonlyMap<string, readonly OverlayIPView[]> {
  const pairs = views.flatMap((view) => view.overlayIP.addresses.map(({ address }) => [address.text, view] as const));
  const holders = new Map<string, OverlayIPView[]>();
  for (const [address, view] of pairs) holders.set(address, [...(holders.get(address) ?? []), view]);
  return holders;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As numbers, the older family first. */
export function compareAddresses(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return compareTexts(a ?? '', b ?? '');
  const [left, right] = [Address.parse(a), Address.parse(b)];
  if (left.family !== right.family) return left.family - right.family;
  return left.bits < right.bits ? -1 : left.bits > right.bits ? 1 : 0;
}
