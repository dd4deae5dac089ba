import type { OverlayPool } from '../../core/resources.ts';
import {
  type Claim,
  type Holding,
  type Inventory,
  type IpamProvider,
  IpamRefused,
  IpamUnavailable,
  type RecordedHolding,
} from '../../ipam/provider.ts';
import { Backoff, type Clock } from '../../runtime/clock.ts';
import { Batch } from './batch.ts';
import type { Orphan } from './decide-ledger.ts';
import { type Change, InventoryView } from './inventory-view.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { PoolView } from './pool-view.ts';
import type { PoolProblem } from './reasons.ts';

/** Opens the provider of a pool. It is closed, and another opened, when `spec.ipam` changes. */
export type OpenProvider = (pool: OverlayPool) => IpamProvider;

export type IpamCall = 'look' | 'claim' | 'release';

/** How often the records are looked at though nobody needs to know. Milliseconds, as all that follow. */
const LOOK_EVERY_MS = 600_000;
/** Shortest time between two looks, whoever wants to know. */
const SHORTEST_LOOK_MS = 2_000;
/** Longest time between two calls while the provider refuses: so long does what a person corrects in a Secret take to count. */
const LONGEST_REFUSAL_MS = 60_000;
/** Most claims, or releases, of one call: others go on meanwhile. */
const MOST_AT_ONCE = 64;

export interface IpamPorts {
  readonly open: OpenProvider;
  readonly clock: Clock;
  readonly observe: (call: IpamCall, outcome: 'done' | 'unavailable' | 'refused') => void;
  /** Called when there is news. */
  readonly again: () => void;
  /** Hears every error that is none of the provider. */
  readonly onBug: (error: unknown) => void;
  readonly signal: AbortSignal;
  /** As it is known now. */
  readonly ledger: () => Ledger;
}

interface Trouble {
  reason: 'IPAMUnavailable' | 'IPAMRefused';
  message: string;
  notBefore: number;
}

/** The way to the provider of one pool: gathers what many want of it, leaves it alone when it is in trouble, and remembers what it has shown. */
export class IpamKeeper {
  readonly #ports: IpamPorts;
  readonly #troubles = new Map<IpamCall, Trouble>();
  readonly #backoffs = new Map<string, Backoff>();
  readonly #claims: Batch<Holding, Claim>;
  readonly #releases: Batch<RecordedHolding, true>;
  readonly #wakes = new Set<() => void>();
  #view = new InventoryView();
  #provider: IpamProvider | undefined;
  #ipamText: string | undefined;
  #external = false;
  #looking = false;
  #wantedSince = Number.NEGATIVE_INFINITY;
  #closing: Promise<unknown> = Promise.resolve();

  constructor(ports: IpamPorts) {
    this.#ports = ports;
    this.#claims = new Batch(MOST_AT_ONCE, (holdings) => this.#claim(holdings));
    this.#releases = new Batch(MOST_AT_ONCE, (holdings) => this.#release(holdings));
  }

  /** Works with the provider that the pool names now. What the one before has shown counts no longer. */
  use(pool: PoolView): void {
    if (!pool.spec || pool.ipamText === this.#ipamText) return;
    this.#leave();
    this.#ipamText = pool.ipamText;
    this.#external = pool.spec.ipam.type !== 'cluster';
    this.#provider = this.#ports.open(pool.spec);
  }

  get inventory(): Inventory | undefined {
    return this.#view.inventory;
  }

  /** When the look began that has shown it, by the clock. */
  get lookedAt(): number {
    return this.#view.begun;
  }

  get orphans(): readonly Orphan[] {
    return this.#view.orphans;
  }

  /** Whether the provider keeps records of its own, besides the ledger. */
  get external(): boolean {
    return this.#external;
  }

  /** What is wrong with one kind of call. */
  trouble(call: IpamCall): PoolProblem | undefined {
    const trouble = this.#troubles.get(call);
    return trouble && { reason: trouble.reason, message: trouble.message, blocks: true };
  }

  /** Whether it may be called now. */
  isFree(call: IpamCall): boolean {
    return this.#provider !== undefined && this.#ports.clock.now() >= (this.#troubles.get(call)?.notBefore ?? 0);
  }

  /** Looks, unless a look that began after `since`, or is under way since then, is enough. */
  want(since: number): void {
    this.#wantedSince = Math.max(this.#wantedSince, since);
  }

  /** Looks when that is due. Answers when it will be, by the clock; infinite while that is not known. */
  lookWhenDue(): number {
    const { clock } = this.#ports;
    const begun = this.#view.begun;
    const wanted = this.#wantedSince >= begun ? begun + SHORTEST_LOOK_MS : begun + LOOK_EVERY_MS;
    const due = Math.max(wanted, this.#troubles.get('look')?.notBefore ?? 0);
    if (!this.#provider || this.#looking) return Number.POSITIVE_INFINITY;
    if (due > clock.now()) return due;
    void this.#look(this.#provider);
    return Number.POSITIVE_INFINITY;
  }

  /** @throws IpamUnavailable @throws IpamRefused: `trouble` tells about both */
  claim(holding: Holding): Promise<Claim> {
    return this.#claims.ask(holding);
  }

  /** @throws IpamUnavailable @throws IpamRefused: `trouble` tells about both */
  async release(holding: RecordedHolding): Promise<void> {
    await this.#releases.ask(holding);
  }

  /**
   * The identifier of the record of an entry; null when a look that began after `since` has shown that there is none; undefined: unknown, as
   * also while its subnet cannot be looked into.
   */
  recordOf({ address, node }: Entry, since: number): string | null | undefined {
    if (!this.#provider) return undefined;
    if (!this.#external) return null;
    const record = this.#view.recordOf(address, node);
    if (record) return record.record;
    return this.#view.begun > since && this.#view.covers(address) ? null : undefined;
  }

  /** Whether nobody can see what is recorded for an address, though the provider has been looked at: a person has to mend its subnet. */
  isOutOfSight({ address }: Entry): boolean {
    return this.#external && this.#view.inventory !== undefined && !this.#view.covers(address);
  }

  /** Leaves the provider; resolves when what was under way has ended. */
  async close(): Promise<void> {
    for (const cancel of this.#wakes) cancel();
    this.#leave();
    await this.#closing;
  }

  #leave(): void {
    const before = this.#provider;
    if (before) this.#closing = Promise.all([this.#closing, before.close().catch(this.#ports.onBug)]);
    this.#provider = undefined;
    this.#view = new InventoryView();
    this.#troubles.clear();
    this.#backoffs.clear();
    this.#looking = false;
  }

  async #look(provider: IpamProvider): Promise<void> {
    const { clock, ledger, again, signal } = this.#ports;
    const view = this.#view;
    const begun = clock.now();
    const before = ledger();
    this.#looking = true;
    try {
      view.show(await this.#call('look', provider, () => provider.look(signal)), begun, before);
    } catch (error) {
      this.#onBug(error);
    } finally {
      if (this.#provider === provider) this.#looking = false;
      again();
    }
  }

  async #claim(holdings: readonly Holding[]): Promise<readonly Claim[]> {
    const { clock, signal } = this.#ports;
    const provider = this.#present();
    const view = this.#view;
    const claims = await this.#call('claim', provider, () => provider.claim(holdings, signal));
    const changes = holdings.flatMap((holding, i) => recordedBy(holding, claims[i]));
    view.note(changes, clock.now());
    if (claims.some(({ outcome }) => outcome === 'taken')) this.want(clock.now());
    return claims;
  }

  async #release(holdings: readonly RecordedHolding[]): Promise<readonly true[]> {
    const { clock, signal } = this.#ports;
    const provider = this.#present();
    const view = this.#view;
    await this.#call('release', provider, () => provider.release(holdings, signal));
    const changes = holdings.flatMap(({ address, record }) => (record === undefined ? [] : [{ address, gone: record }]));
    view.note(changes, clock.now());
    return holdings.map(() => true);
  }

  #present(): IpamProvider {
    if (!this.#provider) throw new IpamUnavailable('the pool names no provider that could be asked');
    return this.#provider;
  }

  async #call<T>(call: IpamCall, provider: IpamProvider, run: () => Promise<T>): Promise<T> {
    const { observe, signal } = this.#ports;
    try {
      const result = await run();
      observe(call, 'done');
      if (this.#provider === provider) this.#recover(call);
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof IpamUnavailable || error instanceof IpamRefused)) throw error;
      observe(call, error instanceof IpamRefused ? 'refused' : 'unavailable');
      if (this.#provider === provider) this.#suffer(call, error);
      throw error;
    }
  }

  #recover(call: IpamCall): void {
    this.#troubles.delete(call);
    for (const kind of ['IpamUnavailable', 'IpamRefused']) this.#backoffs.delete(`${call} ${kind}`);
  }

  #suffer(call: IpamCall, error: IpamUnavailable | IpamRefused): void {
    const { clock, again } = this.#ports;
    const refused = error instanceof IpamRefused;
    const key = `${call} ${error.name}`;
    const backoff = this.#backoffs.get(key) ?? (refused ? new Backoff(30_000, LONGEST_REFUSAL_MS) : new Backoff(1_000, 60_000));
    this.#backoffs.set(key, backoff);
    const delay = Math.max(backoff.next(), refused ? 0 : (error.retryAfter ?? 0));
    const reason = refused ? 'IPAMRefused' : 'IPAMUnavailable';
    this.#troubles.set(call, { reason, message: error.message, notBefore: clock.now() + delay });
    const cancel = clock.after(delay, () => {
      this.#wakes.delete(cancel);
      again();
    });
    this.#wakes.add(cancel);
  }

  #onBug(error: unknown): void {
    const foreseen = error instanceof IpamUnavailable || error instanceof IpamRefused || this.#ports.signal.aborted;
    if (!foreseen) this.#ports.onBug(error);
  }
}

function recordedBy({ address, node }: Holding, claim: Claim | undefined): readonly Change[] {
  if (claim?.outcome === 'taken') return [{ address, record: { record: '', node: undefined, holder: claim.by } }];
  return claim?.record === undefined ? [] : [{ address, record: { record: claim.record, node, holder: node } }];
}
