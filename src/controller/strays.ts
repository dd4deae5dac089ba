/** An agent without a Node sends a sign of life every two minutes like any other. Milliseconds. */
const QUIET_MS = 150_000;

/**
 * Agents that are heard of though there is no Node of their name: somebody has deleted it, and they run on. Their NodeReports are deleted
 * again and again, and come back. All times are attended milliseconds (see Attention).
 */
export class Strays {
  readonly #heardAt = new Map<string, number>();
  /** When a report without a Node has gone: one that was never seen before may be that of a machine which is no more. */
  readonly #goneAt = new Map<string, number>();

  /** The report of an absent Node was changed, or is new (`known`: there was one before), or has gone. */
  look(name: string, report: { readonly known: boolean; readonly there: boolean }, attended: number): void {
    if (!report.there) this.#goneAt.set(name, attended);
    else if (report.known || this.#goneAt.has(name)) this.#heardAt.set(name, attended);
  }

  /** There is a Node of that name. */
  settle(name: string): void {
    this.#heardAt.delete(name);
    this.#goneAt.delete(name);
  }

  /** Forgets those of whom nothing has been heard for long. */
  prune(attended: number): void {
    for (const times of [this.#heardAt, this.#goneAt]) for (const [name, at] of times) if (attended - at >= QUIET_MS) times.delete(name);
  }

  isHeard(name: string): boolean {
    return this.#heardAt.has(name);
  }
}
