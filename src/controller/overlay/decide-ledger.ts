import type { Address } from '../../core/ip/address.ts';
import type { LabelSelector } from '../../core/resources.ts';
import { selects } from '../../core/selector.ts';
import { allocate, type Wish } from '../../ipam/allocate.ts';
import type { NodeView } from '../views.ts';
import type { AgentWait } from './agent-waits.ts';
import { lackedFamilies } from './decide-families.ts';
import { refusalOf } from './decide-request.ts';
import { missingFor, rangeOf, type Supply } from './decide-supply.ts';
import { addressText, isAbout, mayBeInUse, type OverlayIPView } from './ip-view.ts';
import { byNode, type Entry, keyOf, type Ledger, sameLedger } from './ledger.ts';
import { bytesOf, MOST_BYTES } from './ledger-size.ts';
import type { PoolView } from './pool-view.ts';
import type { Verdict } from './reasons.ts';
import { zoneOf } from './zone.ts';

/** All that decides about the ledger of one pool. */
export interface LedgerWorld {
  readonly pool: PoolView;
  /** All Nodes, by name. */
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** The NodeOverlayIPs of this pool, by node. */
  readonly objects: ReadonlyMap<string, OverlayIPView>;
  /** Undefined: nobody is given anything now, and `shortage` says why. */
  readonly supply: Supply | undefined;
  readonly shortage: Pick<Verdict, 'reason' | 'message'>;
  /** Addresses that other pools have, with the name of the pool. */
  readonly elsewhere: ReadonlyMap<string, string>;
  /** Records of this pool at the provider that no entry is about. */
  readonly orphans: readonly Orphan[];
  /** The identifier of an entry's record at the provider; null: there is surely none; undefined: nobody knows, look. */
  readonly recordOf: (entry: Entry) => string | null | undefined;
  /** Keys of the entries of which nothing is left: the provider has released them, and no node uses them. */
  readonly finished: ReadonlySet<string>;
  /** Keys of the entries that the provider says are somebody else's. */
  readonly taken: ReadonlySet<string>;
  /** Whose an address is, as the provider has said when it was asked for a NodeOverlayIP, by its uid. */
  readonly refused: (uid: string, address: string) => string | undefined;
  /** For which agent has been waited in vain, by its node. */
  readonly waitFor: (node: string) => AgentWait | undefined;
  /** Whether `objects` are as new as the ledger: else nothing is given, and nothing rebuilt. */
  readonly familiar: boolean;
  /** Whether it has been made sure that a node uses an address though this very ledger has it for another. */
  readonly isProven: (contest: Contest) => boolean;
  readonly date: Date;
}

export interface Orphan {
  readonly address: Address;
  readonly node: string;
  readonly record: string;
}

/** A node that uses an address which the ledger has for another: that cannot be, unless the ledger was restored or what is known is old. */
export interface Contest {
  readonly address: Address;
  readonly object: OverlayIPView;
  /** Of the ledger. */
  readonly version: string;
}

export interface LedgerDecision {
  readonly ledger: Ledger;
  readonly changed: boolean;
  /** Addresses that no node is given of itself: NodeOverlayIPs name them, or other pools have them. */
  readonly kept: ReadonlySet<string>;
  /** By node: why it has no address, or does not get the one it asks for. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Entries that are to be given back when it is known what is recorded for them. */
  readonly unrecorded: readonly Entry[];
  /** Nobody is granted these addresses until it has been found out who has them. */
  readonly contests: readonly Contest[];
  /** Two nodes with one address: what must never be, and what only a person can mend. */
  readonly doubles: readonly string[];
}

/** What the ledger of a pool should be, from the one that is written. Pure: whoever loses the race for it asks again with the newer one. */
export function decideLedger(world: LedgerWorld): LedgerDecision {
  const draft = new LedgerDraft(world);
  draft.keep();
  if (world.familiar) {
    draft.rebuild();
    if (!world.pool.deleting) draft.grantRequests();
    if (!world.pool.deleting) draft.serveNodes();
    draft.collectOrphans();
  }
  return draft.decision();
}

/** Nodes that a pool selects; undefined when its selector cannot be read. */
export function selectedBy(pool: PoolView): (node: NodeView | undefined) => boolean {
  const selector: LabelSelector | undefined = pool.spec?.nodeSelector;
  return (node) => node !== undefined && selector !== undefined && selects(selector, node.labels) === true;
}

class LedgerDraft {
  readonly #world: LedgerWorld;
  readonly #entries = new Map<string, Entry>();
  readonly #verdicts = new Map<string, Verdict>();
  readonly #unrecorded: Entry[] = [];
  readonly #contests: Contest[] = [];
  readonly #doubles: string[] = [];
  readonly #selected: (node: NodeView | undefined) => boolean;
  readonly #now: string;
  /** Who names an address, by its text. */
  readonly #named: ReadonlyMap<string, readonly OverlayIPView[]>;
  readonly #kept: ReadonlySet<string>;
  #bytes = 0;

  constructor(world: LedgerWorld) {
    this.#world = world;
    this.#selected = selectedBy(world.pool);
    this.#now = world.date.toISOString();
    this.#named = indexed(world.objects.values());
    this.#kept = new Set([...this.#named.keys(), ...world.elsewhere.keys()]);
  }

  decision(): LedgerDecision {
    return {
      ledger: this.#entries,
      changed: !sameLedger(this.#entries, this.#world.pool.ledger),
      kept: this.#kept,
      verdicts: this.#verdicts,
      unrecorded: this.#unrecorded,
      contests: this.#contests,
      doubles: this.#doubles,
    };
  }

  /** What becomes of the entries that there are. */
  keep(): void {
    for (const entry of this.#world.pool.ledger.values()) {
      const next = this.#fate(entry);
      if (next) this.#put(next);
    }
  }

  #fate(entry: Entry): Entry | undefined {
    const { pool, finished, taken, nodes, familiar } = this.#world;
    if (entry.releasing) return finished.has(keyOf(entry)) ? undefined : entry;
    if (!pool.spec) return entry;
    if (!familiar) return entry;
    if (pool.deleting || taken.has(keyOf(entry)) || this.#isSuperseded(entry)) return this.#release(entry);
    if (!this.#selected(nodes.get(entry.node))) return this.#leaving(entry);
    return entry.releaseAfter === undefined ? entry : staying(entry);
  }

  /** Its node has another address in place, which somebody has asked for. */
  #isSuperseded({ node, address }: Entry): boolean {
    const object = this.#world.objects.get(node);
    return object?.granted === true && object.device === 'InPlace' && !object.deleting && !isAbout(object, [{ address }]);
  }

  #leaving(entry: Entry): Entry {
    const { date, pool } = this.#world;
    const latest = new Date(date.getTime() + (pool.spec?.reclaimDelay ?? 0)).toISOString();
    const { releaseAfter } = entry;
    const after = releaseAfter !== undefined && releaseAfter < latest ? releaseAfter : latest;
    if (after <= this.#now) return this.#release(entry);
    return after === releaseAfter ? entry : { ...entry, releaseAfter: after };
  }

  #release(entry: Entry): Entry {
    const known = this.#world.recordOf(entry);
    const record = known === undefined && this.#isSurelyUnrecorded(entry) ? null : known;
    if (record === undefined) {
      this.#unrecorded.push(entry);
      return entry;
    }
    return { ...entry, releasing: true, ...(record !== null && { record }) };
  }

  /**
   * Whether it was granted while the pool itself gave its addresses: every grant out of an external system tells the name of its record. What
   * was not granted yet may have been claimed all the same, and what a range holds that can be seen may have been recorded since.
   */
  #isSurelyUnrecorded({ address, node }: Entry): boolean {
    const { supply, objects } = this.#world;
    const object = objects.get(node);
    const own = object?.addresses.find((each) => each.address.equals(address));
    const told = own && object?.told.addresses.get(addressText(own));
    return supply !== undefined && !rangeOf(supply, address) && told !== undefined && told.ipamID === undefined;
  }

  /** Addresses in use that the ledger does not know, as when an older one was restored from a backup: whoever uses one has it. */
  rebuild(): void {
    for (const object of this.#world.objects.values()) {
      if (!this.#isInUse(object)) continue;
      for (const { address } of object.addresses) this.#rebuildEntry(object, address);
    }
  }

  #isInUse(object: OverlayIPView): boolean {
    if (!object.granted || !mayBeInUse(object)) return false;
    return !object.deleting || this.#world.nodes.has(object.node);
  }

  #rebuildEntry(object: OverlayIPView, address: Address): void {
    const { pool, isProven, objects } = this.#world;
    const entry = this.#entries.get(address.text);
    if (!entry) this.#enter(address, object.node);
    if (!entry || entry.node === object.node) return;
    const contest = { address, object, version: pool.version };
    this.#contests.push(contest);
    if (entry.releasing || !isProven(contest)) return;
    const rival = objects.get(entry.node);
    const used = rival !== undefined && mayBeInUse(rival) && isAbout(rival, [{ address }]);
    if (used) this.#doubles.push(`${address} is in use by two nodes: delete NodeOverlayIP ${object.name} or ${rival.name}`);
    else this.#enter(address, object.node);
  }

  /** NodeOverlayIPs of users, the older first. */
  grantRequests(): void {
    const { objects, nodes } = this.#world;
    const asking = [...objects.values()].filter((object) => !object.deleting && !object.granted && !this.#holdsAll(object));
    for (const object of asking.sort(olderFirst)) {
      const verdict = this.#verdictOn(object, nodes.get(object.node));
      if (verdict) this.#verdicts.set(object.node, verdict);
      else for (const { address } of object.addresses) if (!this.#entries.has(address.text)) this.#enter(address, object.node);
    }
  }

  /** Whether all that it names is its node's already. */
  #holdsAll({ addresses, node }: OverlayIPView): boolean {
    return addresses.length > 0 && addresses.every(({ address }) => isHeldBy(this.#entries.get(address.text), node));
  }

  #verdictOn(object: OverlayIPView, node: NodeView | undefined): Verdict | undefined {
    const { pool, supply, shortage, elsewhere, refused, waitFor } = this.#world;
    if (!node)
      return { node: object.node, reason: 'NotSelected', message: `there is no Node ${object.node}: it gets the address when there is` };
    if (!pool.spec) return { node: node.name, ...shortage };
    if (!this.#selected(node)) {
      const message = `OverlayPool ${pool.name} does not select node ${node.name}: change the labels of the one or the nodeSelector of the other`;
      return { node: node.name, reason: 'NotSelected', message };
    }
    if (!supply) return { node: node.name, ...shortage };
    if (this.#isFull()) return this.#fullFor(node.name);
    const holders = {
      ledger: this.#entries,
      rival: (address: string) => this.#rivalOf(object, address),
      refused: (address: string) => refused(object.uid, address),
      elsewhere,
      waitFor,
      asking: (other: string, address: string) => this.#otherWishOf(other, address),
    };
    const refusal = refusalOf(object, zoneOf(node.labels), supply, holders);
    return refusal && { node: node.name, ...refusal };
  }

  #rivalOf(object: OverlayIPView, address: string): string | undefined {
    const rivals = this.#named.get(address)?.filter((other) => other !== object && (other.granted || olderFirst(other, object) < 0));
    return rivals?.[0]?.name;
  }

  #otherWishOf(node: string, address: string): string | undefined {
    const object = this.#world.objects.get(node);
    const asks =
      object !== undefined && !object.granted && !object.deleting && !object.addresses.some((own) => own.address.text === address);
    return asks ? object.name : undefined;
  }

  /** Selected nodes that lack an address, and ask for nothing certain: in the order in which they came. */
  serveNodes(): void {
    const { nodes, objects, supply, shortage } = this.#world;
    const having = byNode(this.#entries);
    const wanting = [...nodes.values()].filter((node) => !objects.has(node.name) && this.#selected(node));
    if (!supply) {
      for (const { name } of wanting.filter((node) => !having.has(node.name))) this.#verdicts.set(name, { node: name, ...shortage });
      return;
    }
    const held = this.#kept.union(new Set(this.#entries.keys()));
    const wishes = wanting.sort(olderFirst).flatMap((node) => wishOf(node, having.get(node.name) ?? [], supply));
    for (const allocation of allocate(wishes, supply.open, held, supply.unusable)) {
      const { node } = allocation;
      if (allocation.outcome === 'waiting') this.#verdicts.set(node, this.#waitingOn(allocation, supply));
      else if (this.#isFull()) this.#verdicts.set(node, this.#fullFor(node));
      else for (const { address } of allocation.addresses) this.#enter(address, node);
    }
  }

  /** Where a range is missing, it says which. */
  #waitingOn({ node, reason, message }: Verdict, supply: Supply): Verdict {
    if (reason !== 'RangeUnusable') return { node, reason, message };
    return { node, reason, message: missingFor(zoneOf(this.#world.nodes.get(node)?.labels ?? new Map()), supply) };
  }

  /** First entered, then released: so nobody can be given the address meanwhile. */
  collectOrphans(): void {
    for (const { address, node, record } of this.#world.orphans) {
      if (this.#entries.has(address.text) || this.#isFull()) continue;
      this.#put({ address, node, since: this.#now, releasing: true, record });
    }
  }

  #enter(address: Address, node: string): void {
    this.#put({ address, node, since: this.#now });
  }

  #put(entry: Entry): void {
    const before = this.#entries.get(entry.address.text);
    this.#bytes += bytesOf(entry) - (before ? bytesOf(before) : 0);
    this.#entries.set(entry.address.text, entry);
  }

  #isFull(): boolean {
    return this.#bytes > MOST_BYTES;
  }

  #fullFor(node: string): Verdict {
    const message = `the ledger of OverlayPool ${this.#world.pool.name} has ${this.#entries.size} entries, and one object holds no more: select the other nodes by another pool`;
    return { node, reason: 'LedgerFull', message };
  }
}

/** The other family goes with the one that it has; while all that it has is being given back it waits. */
function wishOf({ name, labels }: NodeView, entries: readonly Entry[], supply: Supply): readonly Wish[] {
  const zone = zoneOf(labels);
  if (entries.length === 0) return [{ node: name, zone }];
  if (entries.every(({ releasing }) => releasing)) return [];
  const families = lackedFamilies(zone, entries, supply);
  return families.length === 0 ? [] : [{ node: name, zone, families }];
}

function staying({ releaseAfter: _, ...entry }: Entry): Entry {
  return entry;
}

function isHeldBy(entry: Entry | undefined, node: string): boolean {
  return entry?.node === node && !entry.releasing;
}

function indexed(objects: Iterable<OverlayIPView>): ReadonlyMap<string, readonly OverlayIPView[]> {
  const named = new Map<string, OverlayIPView[]>();
  for (const object of objects) {
    for (const { address } of object.addresses) {
      const list = named.get(address.text);
      if (list) list.push(object);
      else named.set(address.text, [object]);
    }
  }
  return named;
}

interface Dated {
  readonly created: string;
  readonly name: string;
}

function olderFirst(a: Dated, b: Dated): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
