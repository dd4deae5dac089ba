import { FAMILIES } from '../../core/ip/address.ts';
import type { OverlayAddress } from '../../core/resources.ts';
import { IpamRefused, IpamUnavailable } from '../../ipam/provider.ts';
import type { Clock } from '../../runtime/clock.ts';
import { differs, grantedStatus, type OverlayIPStatus, releasingWords, type StatusWorld, withheldStatus } from './decide-ip-status.ts';
import { agentAgrees, type Step } from './decide-step.ts';
import type { EntryNotes } from './entry-notes.ts';
import { isAbout, isUntouched, mayBeInUse, type OverlayIPView } from './ip-view.ts';
import type { IpamKeeper } from './ipam-keeper.ts';
import { type Entry, keyOf } from './ledger.ts';
import { NotDone } from './not-done.ts';
import type { ObjectMemory } from './object-memory.ts';
import type { OverlayApi } from './overlay-api.ts';
import type { PoolView } from './pool-view.ts';
import type { Verdict } from './reasons.ts';
import { TellRests } from './tell-rests.ts';

export interface NodeJobPorts {
  /** Name of the pool. */
  readonly pool: string;
  readonly api: OverlayApi;
  readonly ipam: IpamKeeper;
  readonly memory: ObjectMemory;
  /** The pool, as it is after this question; undefined when it has gone, or nothing may be granted by it now. */
  readonly askPool: () => Promise<PoolView | undefined>;
  readonly worldOf: (node: string, entries: readonly Entry[]) => StatusWorld;
  readonly verdictOn: (node: string) => Verdict | undefined;
  readonly isHeard: (node: string) => boolean;
  /** Whether the agent of a node without a Node must say that addresses are out of use; `object` is its NodeOverlayIP. */
  readonly isAwaitedWithoutNode: (node: string, object: OverlayIPView | undefined) => boolean;
  readonly notes: EntryNotes;
  readonly clock: Clock;
  /** How long the prefix of its subnet is; undefined when nobody knows. */
  readonly lengthOf: (entry: Entry) => number | undefined;
  /** For people, beside the object. */
  readonly announce: (object: OverlayIPView, verdict: Verdict) => void;
}

/**
 * Carries out steps. Each may end anywhere, because whatever it has left undone is seen and decided again; so its order is what keeps an
 * address from being given twice. A grant is written after the object was there and the ledger has been read once more; a release looks for
 * the object after the entry has been marked. So one of the two sees the other. All throw NotDone.
 */
export class NodeJobs {
  readonly #ports: NodeJobPorts;
  /** Of objects that say what they should: what decided about that. There are thousands, and mostly nothing of it changes. */
  readonly #told = new WeakMap<OverlayIPView, Seen>();
  readonly #rests: TellRests;

  constructor(ports: NodeJobPorts) {
    this.#ports = ports;
    this.#rests = new TellRests(ports.clock);
  }

  /** When there may be something to tell that had to wait; infinite when there is not. */
  get due(): number {
    return this.#rests.due;
  }

  async run(node: string, step: Step): Promise<void> {
    switch (step.type) {
      case 'serve':
        return await this.#serve(node, step.entries, step.object);
      case 'release':
        return await this.#release(node, step.entries);
      case 'let-go':
        return await this.#letGo(step.object, step.overdue);
      case 'discard':
        return await this.#ports.api.deleteUnchangedIP(step.object);
      case 'tell':
        return await this.#tell(step.object, step.entries);
      case 'none':
      case 'wait':
        return undefined;
    }
  }

  async #serve(node: string, entries: readonly Entry[], object: OverlayIPView | undefined): Promise<void> {
    const { api, memory } = this.#ports;
    if (!object?.granted) await this.#claim(entries, object);
    const made = object ? await this.#hold(object) : await api.createIP(node, this.#ports.pool, this.#withLengths(entries));
    memory.note(made);
    if (!made.granted) await this.#grant(made, entries);
  }

  async #claim(entries: readonly Entry[], object: OverlayIPView | undefined): Promise<void> {
    const { ipam, notes, clock } = this.#ports;
    const adopt = object?.adopt ?? false;
    const claims = await foreseen(Promise.all(entries.map(({ node, address }) => ipam.claim({ node, address, ...(adopt && { adopt }) }))));
    for (const [i, entry] of entries.entries()) {
      const claim = claims[i];
      if (claim?.outcome !== 'taken') notes.use(entry);
      else notes.take(entry);
      if (claim?.outcome === 'taken' && object) notes.refuse(object.uid, entry, { by: claim.by, at: clock.now() });
    }
    if (claims.some(({ outcome }) => outcome === 'taken')) throw new NotDone('overtaken');
  }

  /** Before it is granted: what is granted must not go unless its addresses are given back. */
  async #hold(object: OverlayIPView): Promise<OverlayIPView> {
    return object.held ? object : await this.#ports.api.holdIP(object, true);
  }

  #withLengths(entries: readonly Entry[]): readonly OverlayAddress[] {
    return entries.map((entry) => {
      const prefixLength = this.#ports.lengthOf(entry);
      if (prefixLength === undefined)
        throw new NotDone('refused', `no range of OverlayPool ${this.#ports.pool} holds ${entry.address} any more`);
      return { address: entry.address, prefixLength };
    });
  }

  async #grant(object: OverlayIPView, entries: readonly Entry[]): Promise<void> {
    const { api, memory, askPool, worldOf } = this.#ports;
    const pool = await askPool();
    if (!pool || pool.deleting || !entries.every((entry) => isStill(entry, pool))) throw new NotDone('overtaken');
    const status = grantedStatus(object, worldOf(object.node, entries));
    if (!status) throw new NotDone('dropped');
    memory.note(await api.tellIP(object, status));
  }

  async #release(node: string, entries: readonly Entry[]): Promise<void> {
    const pool = await this.#ports.askPool();
    // A watch that lags may show an entry of before as one of now.
    if (!entries.every((entry) => isReleasing(entry, pool))) throw new NotDone('overtaken');
    const { object, withdrawn } = await this.#withdraw(node, entries);
    if (await this.#isUnusedOn(node, object, entries)) {
      await this.#giveBack(object, entries);
      for (const entry of entries) this.#ports.notes.finish(entry);
    } else if (!withdrawn && (object || !(await this.#ask(node, entries)))) {
      // The watch has shown what is no longer so.
      throw new NotDone('overtaken');
    }
  }

  /**
   * Sees to it that the NodeOverlayIP of the node, if it is about these addresses, is on its way out and grants nothing. What a user asks
   * for, and was never granted, stays: it is told why it waits.
   */
  async #withdraw(
    node: string,
    entries: readonly Entry[],
  ): Promise<{ readonly object: OverlayIPView | undefined; readonly withdrawn: boolean }> {
    const { api, memory, pool, worldOf } = this.#ports;
    let object = await api.readIP(node, pool);
    let withdrawn = false;
    if (object && isUntouched(object) && this.#areUnused(entries)) {
      // Whoever is about to grant it does so over this version, with our finalizer: without it he has to read the ledger once more.
      if (object.held) object = await api.holdIP(object, false);
    } else if (object && isAbout(object, entries) && !object.deleting) {
      await api.deleteIP(object);
      withdrawn = true;
      object = await api.readIP(node, pool);
      if (object && isAbout(object, entries) && !object.deleting) throw new NotDone('overtaken');
    }
    if (object?.deleting && object.granted && isAbout(object, entries)) {
      object = await api.tellIP(object, withheldStatus(object, releasingWords(object), worldOf(node, entries)));
      withdrawn = true;
    }
    if (object) memory.note(object);
    return { object, withdrawn };
  }

  /** Whether the node surely uses them no longer. Asked after the entries were marked, of what the API server says now. */
  async #isUnusedOn(node: string, object: OverlayIPView | undefined, entries: readonly Entry[]): Promise<boolean> {
    const { api, isAwaitedWithoutNode } = this.#ports;
    if (object && agentAgrees(object, entries)) return true;
    if ((!object || isUntouched(object)) && this.#areUnused(entries)) return true;
    return !isAwaitedWithoutNode(node, object) && !(await api.hasNode(node));
  }

  #areUnused(entries: readonly Entry[]): boolean {
    return entries.every((entry) => this.#ports.notes.isUnused(entry));
  }

  /** Nobody is left who could say that the node uses them no longer: its agent says so of whatever is being deleted. Whether it was asked. */
  async #ask(node: string, entries: readonly Entry[]): Promise<boolean> {
    const { api, memory, pool, isHeard, lengthOf } = this.#ports;
    if (!isHeard(node)) return false;
    const some = FAMILIES.flatMap((family) => entries.find(({ address }) => address.family === family) ?? []);
    const addresses = some.map((entry) => ({ address: entry.address, prefixLength: lengthOf(entry) ?? LONGEST[entry.address.family] }));
    memory.note(await api.createIP(node, pool, addresses));
    return true;
  }

  async #giveBack(object: OverlayIPView | undefined, entries: readonly Entry[]): Promise<void> {
    const { ipam, memory, api, worldOf } = this.#ports;
    const records = entries.flatMap(({ node, address, record }) => (record === undefined ? [] : [{ node, address, record }]));
    try {
      await foreseen(Promise.all(records.map((holding) => ipam.release(holding))));
    } catch (error) {
      if (!(error instanceof NotDone) || !object?.deleting) throw error;
      const words = {
        reason: 'ReleaseFailed',
        message: `${error.message}; it is tried again, and nobody else gets the address meanwhile`,
      } as const;
      const status = withheldStatus(object, words, worldOf(object.node, entries));
      if (differs(status, object)) memory.note(await api.tellIP(object, status));
      throw error;
    }
  }

  async #letGo(object: OverlayIPView, overdue: boolean): Promise<void> {
    const { api, memory } = this.#ports;
    if (mayBeInUse(object) && !overdue && (await api.hasNode(object.node))) throw new NotDone('overtaken');
    await api.holdIP(object, false);
    memory.gone(object);
  }

  /** Whether the status of an object says something else than it should, and it was not brought up to date just now. */
  hasToTell({ object, entries }: Extract<Step, { readonly type: 'tell' }>): boolean {
    const { verdictOn, worldOf } = this.#ports;
    const seen = { world: worldOf(object.node, entries), verdict: verdictOn(object.node) };
    const before = this.#told.get(object);
    if (before && sameSeen(before, seen)) return false;
    const status = this.#statusOf(object, entries);
    const tells = status !== undefined && differs(status, object);
    if (!tells) this.#told.set(object, seen);
    return tells && this.#rests.isOver(object.uid);
  }

  #statusOf(object: OverlayIPView, entries: readonly Entry[]): OverlayIPStatus | undefined {
    const world = this.#ports.worldOf(object.node, entries);
    if (object.granted) return grantedStatus(object, world);
    const verdict = this.#ports.verdictOn(object.node);
    return verdict && withheldStatus(object, verdict, world);
  }

  async #tell(object: OverlayIPView, entries: readonly Entry[]): Promise<void> {
    const { api, memory, announce, verdictOn } = this.#ports;
    const verdict = verdictOn(object.node);
    const status = this.#statusOf(object, entries);
    if (!status) return;
    const told = await api.tellIP(object, status);
    memory.note(told);
    this.#rests.begin(object.uid);
    if (verdict && !object.granted && object.told.ready?.reason !== verdict.reason) announce(object, verdict);
    // What another has written stays, where we say nothing.
    if (differs(status, told)) throw new NotDone('overtaken');
  }
}

interface Seen {
  readonly world: StatusWorld;
  readonly verdict: Verdict | undefined;
}

function sameSeen(a: Seen, b: Seen): boolean {
  const [before, now] = [a.world, b.world];
  return (
    before.pool?.uid === now.pool?.uid &&
    before.pool?.generation === now.pool?.generation &&
    before.node === now.node &&
    before.selected === now.selected &&
    before.supply?.all === now.supply?.all &&
    sameHeldGateways(before, now) &&
    before.entries.length === now.entries.length &&
    before.entries.every((entry, i) => entry.releaseAfter === now.entries[i]?.releaseAfter) &&
    a.verdict?.reason === b.verdict?.reason &&
    a.verdict?.message === b.verdict?.message
  );
}

/** Whether nodes have the same of its gateways, where the ranges are the same. */
function sameHeldGateways({ pool: before, supply }: StatusWorld, { pool: now }: StatusWorld): boolean {
  if (before?.ledger === now?.ledger) return true;
  return (supply?.all ?? []).every(({ gateway }) => before?.ledger.has(gateway.text) === now?.ledger.has(gateway.text));
}

/** The longest that a subnet can be which has addresses for hosts: nobody looks at it, because it is never granted. */
const LONGEST = { 4: 31, 6: 127 } as const;

/** Whether the ledger has that very entry, and nobody is giving it back. */
function isStill(entry: Entry, { ledger }: PoolView): boolean {
  const now = ledger.get(entry.address.text);
  return now !== undefined && !now.releasing && keyOf(now) === keyOf(entry);
}

function isReleasing(entry: Entry, pool: PoolView | undefined): boolean {
  const now = pool?.ledger.get(entry.address.text);
  return now !== undefined && now.releasing === true && keyOf(now) === keyOf(entry);
}

/** Trouble with a provider is told by its keeper. */
async function foreseen<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof IpamUnavailable || error instanceof IpamRefused) throw new NotDone('refused', error.message);
    throw error;
  }
}
