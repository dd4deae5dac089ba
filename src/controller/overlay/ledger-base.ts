import { isOlder } from '../../cluster/collection.ts';
import type { Clock } from '../../runtime/clock.ts';
import { BELIEF_MS } from '../belief.ts';
import type { Ledger } from './ledger.ts';
import type { PoolView } from './pool-view.ts';

/** The newest version of a pool that is known: what the watch has shown, or what the API server has answered since. */
export class LedgerBase {
  readonly #clock: Clock;
  #view: PoolView | undefined;
  #answered = Number.NEGATIVE_INFINITY;
  #familiar = false;
  #surprises = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get view(): PoolView | undefined {
    return this.#view;
  }

  /**
   * Whether this ledger has come out of the one before in a way that is known: nothing has gone from it but what was being given back.
   * Else it may have been restored from a backup, and addresses that it does not know may be in use.
   */
  get familiar(): boolean {
    return this.#familiar;
  }

  /** Takes over what the watch shows. */
  watched(view: PoolView | undefined): void {
    const answer = this.#view;
    const counts = answer && this.#clock.now() - this.#answered <= BELIEF_MS;
    if (counts && view?.uid === answer.uid && isOlder(view.version, answer.version)) return;
    this.#take(view);
  }

  /** Takes over what the API server has answered to a question. */
  answered(view: PoolView | undefined): void {
    const known = this.#view;
    // Answers may come in another order than the questions were put.
    if (view && known && view.uid === known.uid && isOlder(view.version, known.version)) return;
    this.#answered = this.#clock.now();
    this.#take(view);
  }

  /** Takes over what we have written ourselves, over the version that was known. */
  written(view: PoolView): void {
    this.#answered = this.#clock.now();
    this.#view = view;
  }

  /** How often it was not familiar: to be told to `acquaint`. */
  get surprises(): number {
    return this.#surprises;
  }

  /** Every NodeOverlayIP has been asked for since there were so many surprises. */
  acquaint(surprises: number): void {
    if (this.#view && surprises === this.#surprises) this.#familiar = true;
  }

  #take(view: PoolView | undefined): void {
    const before = this.#view;
    this.#view = view;
    if (view && before?.uid === view.uid && !hasLost(before.ledger, view.ledger)) return;
    this.#familiar = false;
    this.#surprises++;
  }
}

function hasLost(before: Ledger, after: Ledger): boolean {
  for (const [address, entry] of before) {
    if (entry.releasing) continue;
    const now = after.get(address);
    if (now?.node !== entry.node) return true;
  }
  return false;
}
