import { Backoff, type Clock } from '../../runtime/clock.ts';
import type { LedgerDecision } from './decide-ledger.ts';
import { type PoolStatus, poolStatusDiffers } from './decide-pool-status.ts';
import type { EntryNotes } from './entry-notes.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { LedgerBase } from './ledger-base.ts';
import { OVERLAY_POOLS } from './names.ts';
import { NotDone } from './not-done.ts';
import type { OverlayApi } from './overlay-api.ts';
import type { PoolView } from './pool-view.ts';

/** Shortest time between two writes of what is no entry of the ledger. Milliseconds, as all that follow. */
const STATUS_INTERVAL_MS = 1_000;
/** Between two writes of the ledger: twice as long each time while one follows the other, so that what many nodes want goes together. */
const FIRST_GAP_MS = 100;
const LONGEST_GAP_MS = 1_000;
/** After so much time without a write the next one goes at once. */
const QUIET_MS = 2_000;

const NONE: ReadonlySet<string> = new Set();

export interface LedgerWriterPorts {
  readonly api: OverlayApi;
  readonly base: LedgerBase;
  readonly clock: Clock;
  /** Called when a write has ended. */
  readonly again: () => void;
  readonly onBug: (error: unknown) => void;
  readonly signal: AbortSignal;
  readonly observe: (outcome: 'written' | 'overtaken' | 'failed') => void;
  readonly notes: EntryNotes;
  /** Hears which entries are new, and which are gone. */
  readonly written: (entered: readonly Entry[], gone: readonly Entry[]) => void;
}

/** Writes ledger and status of one pool, one write after the other: what comes up while one is under way goes into the next. */
export class LedgerWriter {
  readonly #ports: LedgerWriterPorts;
  readonly #gap = new Backoff(FIRST_GAP_MS, LONGEST_GAP_MS);
  readonly #backoff = new Backoff(FIRST_GAP_MS, 30_000);
  #writing: Promise<void> | undefined;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  /** What was asked to be written over this version: nobody knows whether it was until a newer one is seen. */
  #asked: { readonly version: string; readonly addresses: ReadonlySet<string> } | undefined;

  constructor(ports: LedgerWriterPorts) {
    this.#ports = ports;
  }

  /** Addresses that the ledger may have by now, though the version that is known does not show them. */
  get underway(): ReadonlySet<string> {
    return this.#asked && this.#asked.version === this.#ports.base.view?.version ? this.#asked.addresses : NONE;
  }

  /**
   * Writes what is due; until it `isKnown` what to say, that which is said stays. Answers when to come again, by the clock; infinite when
   * nothing waits.
   */
  round(pool: PoolView, decision: LedgerDecision, status: PoolStatus, isKnown: boolean): number {
    const { clock, api, signal } = this.#ports;
    const what = this.#wanted(pool, decision, isKnown || !pool.told.ready ? status : undefined);
    if (what === 'nothing' || this.#writing || signal.aborted || !api.isFree(OVERLAY_POOLS)) return Number.POSITIVE_INFINITY;
    const due = Math.max(this.#notBefore, what === 'status' ? this.#lastWrite + STATUS_INTERVAL_MS : Number.NEGATIVE_INFINITY);
    if (due > clock.now()) return due;
    this.#writing = this.#attempt(() => (what === 'let go' ? this.#letGo(pool) : this.#write(pool, decision, status)));
    return Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  #wanted(pool: PoolView, decision: LedgerDecision, status: PoolStatus | undefined): 'ledger' | 'status' | 'let go' | 'nothing' {
    if (decision.changed) return 'ledger';
    if (pool.held && pool.ledger.size === 0) return 'let go';
    return status && poolStatusDiffers(status, pool) ? 'status' : 'nothing';
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    const { clock, observe, again, onBug, signal } = this.#ports;
    try {
      await work();
      observe('written');
      this.#backoff.reset();
      if (clock.now() - this.#lastWrite >= QUIET_MS) this.#gap.reset();
      this.#lastWrite = clock.now();
      this.#notBefore = clock.now() + this.#gap.next();
    } catch (error) {
      if (!(error instanceof NotDone) && !signal.aborted) onBug(error);
      const overtaken = error instanceof NotDone && error.why === 'overtaken';
      observe(overtaken ? 'overtaken' : 'failed');
      this.#notBefore = clock.now() + this.#backoff.next();
      if (overtaken) await this.#lookAgain();
    } finally {
      this.#writing = undefined;
      again();
    }
  }

  /** Whoever was faster may have done the same. */
  async #lookAgain(): Promise<void> {
    const { api, base, onBug, signal } = this.#ports;
    const name = base.view?.name;
    if (name === undefined) return;
    try {
      base.answered(await api.readPool(name));
    } catch (error) {
      if (!(error instanceof NotDone) && !signal.aborted) onBug(error);
    }
  }

  /** Before anything is entered, the pool gets our finalizer: so it cannot go and take the ledger with it. */
  async #write(pool: PoolView, { ledger }: LedgerDecision, status: PoolStatus): Promise<void> {
    const { api, base, notes, written } = this.#ports;
    const holds = pool.held || pool.deleting || ledger.size === 0;
    this.#ask(pool, ledger);
    const over = holds ? pool : await api.holdPool(pool, true);
    if (over !== pool) base.written(over);
    this.#ask(over, ledger);
    const entered = [...ledger.values()].filter(({ address, releasing }) => !releasing && !pool.ledger.has(address.text));
    notes.enter(entered);
    try {
      base.written(await api.tellPool(over, ledger, status));
    } catch (error) {
      // Whether it was written is not known, or another has entered them.
      for (const entry of entered) notes.use(entry);
      throw error;
    }
    written(
      entered,
      [...pool.ledger.values()].filter(({ address }) => !ledger.has(address.text)),
    );
  }

  #ask({ version }: PoolView, ledger: Ledger): void {
    this.#asked = { version, addresses: new Set(ledger.keys()).union(this.underway) };
  }

  async #letGo(pool: PoolView): Promise<void> {
    const { api, base } = this.#ports;
    const left = await api.holdPool(pool, false);
    // With its last finalizer a deleted one has gone.
    if (pool.deleting) base.answered(undefined);
    else base.written(left);
  }
}
