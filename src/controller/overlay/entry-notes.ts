import { type Entry, keyOf, type Ledger } from './ledger.ts';

/** How long the provider is not asked again for what it has refused to one NodeOverlayIP. Milliseconds. */
const REFUSAL_MS = 600_000;

interface Refusal {
  readonly by: string;
  readonly at: number;
}

/** What this process knows of the entries of a ledger besides what is written there. It may be forgotten at any time. */
export class EntryNotes {
  readonly #finished = new Set<string>();
  readonly #taken = new Set<string>();
  readonly #unused = new Set<string>();
  readonly #wanted = new Map<string, number>();
  readonly #refusals = new Map<string, Refusal>();

  /** Of which nothing is left: by their keys, as all that follow. */
  get finished(): ReadonlySet<string> {
    return this.#finished;
  }

  /** That are somebody else's at the provider. */
  get taken(): ReadonlySet<string> {
    return this.#taken;
  }

  /** This process is about to write them; it says so before, because others may act on them before the answer is there. */
  enter(entries: readonly Entry[]): void {
    for (const entry of entries) this.#unused.add(keyOf(entry));
  }

  /** Whether this process has entered it, and nothing can have been made of it since. */
  isUnused(entry: Entry): boolean {
    return this.#unused.has(keyOf(entry));
  }

  /** Something may have been made of it, or others may have entered it. */
  use(entry: Entry): void {
    this.#unused.delete(keyOf(entry));
  }

  take(entry: Entry): void {
    this.#taken.add(keyOf(entry));
  }

  /** The provider says that what a NodeOverlayIP (by its uid) asks for is somebody else's. */
  refuse(uid: string, { address }: Entry, refusal: Refusal): void {
    this.#refusals.set(`${uid} ${address}`, refusal);
  }

  /** Whose it was, when the provider was asked for it lately. */
  refused(uid: string, address: string): string | undefined {
    return this.#refusals.get(`${uid} ${address}`)?.by;
  }

  finish(entry: Entry): void {
    this.#finished.add(keyOf(entry));
  }

  /** Since when its record is looked for; infinite while nobody does. */
  wantedSince(entry: Entry): number {
    return this.#wanted.get(keyOf(entry)) ?? Number.POSITIVE_INFINITY;
  }

  /** Keeps what is about the ledger. Answers since when a record is looked for that is not known yet, the latest; undefined when none is. */
  follow(ledger: Ledger, unrecorded: readonly Entry[], now: number): number | undefined {
    const present = new Set([...ledger.values()].map(keyOf));
    for (const notes of [this.#finished, this.#taken, this.#unused]) for (const key of notes) if (!present.has(key)) notes.delete(key);
    for (const [key, { at }] of this.#refusals) if (now - at >= REFUSAL_MS) this.#refusals.delete(key);
    const missing = new Set(unrecorded.map(keyOf));
    for (const key of this.#wanted.keys()) if (!missing.has(key)) this.#wanted.delete(key);
    for (const key of missing) if (!this.#wanted.has(key)) this.#wanted.set(key, now);
    return missing.size === 0 ? undefined : Math.max(...this.#wanted.values());
  }
}
