import { Backoff, type Clock } from '../../runtime/clock.ts';
import { NotDone } from './not-done.ts';

/** Most jobs of one pool under way at once: enough that a question about the ledger serves many. */
const MOST_JOBS = 128;
/** After a job that was done, so that whatever it has changed is seen before the next. Milliseconds, as those after a job that was not done. */
const REST_MS = 10;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;

interface Delay {
  readonly backoff: Backoff | undefined;
  readonly notBefore: number;
  /** Words of the API server, if it is the reason. */
  readonly rejection?: string;
}

export interface JobRunnerPorts {
  readonly clock: Clock;
  /** Called when a job has ended. */
  readonly again: () => void;
  /** Hears every error that was not foreseen. */
  readonly onBug: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** At most one job for each node at a time; a job that was not done is tried again later each time. */
export class JobRunner {
  readonly #ports: JobRunnerPorts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #delays = new Map<string, Delay>();

  constructor(ports: JobRunnerPorts) {
    this.#ports = ports;
  }

  isFree(node: string): boolean {
    const { clock, signal } = this.#ports;
    const { notBefore = 0 } = this.#delays.get(node) ?? {};
    return !signal.aborted && !this.#running.has(node) && this.#running.size < MOST_JOBS && clock.now() >= notBefore;
  }

  start(node: string, run: () => Promise<void>): void {
    const done = this.#attempt(node, run).finally(() => {
      this.#running.delete(node);
      this.#ports.again();
    });
    this.#running.set(node, done);
  }

  /** Until when the next node has to wait; infinite when there is none. */
  get due(): number {
    const now = this.#ports.clock.now();
    let due = Number.POSITIVE_INFINITY;
    for (const [node, { backoff, notBefore }] of this.#delays) {
      if (notBefore > now) due = Math.min(due, notBefore);
      else if (!backoff) this.#delays.delete(node);
    }
    return due;
  }

  /** By node: what the API server has refused the last time, in its words. */
  get rejections(): ReadonlyMap<string, string> {
    return new Map([...this.#delays].flatMap(([node, { rejection }]) => (rejection === undefined ? [] : [[node, rejection] as const])));
  }

  isRejected(node: string): boolean {
    return this.#delays.get(node)?.rejection !== undefined;
  }

  /** Nothing is to be written for a node any more: what was refused is no news. When it may be tried again stays. */
  settle(node: string): void {
    const { backoff, notBefore } = this.#delays.get(node) ?? {};
    if (notBefore !== undefined) this.#delays.set(node, { backoff, notBefore });
  }

  /** Forgets the nodes that are of no interest any more. */
  keep(isOfInterest: (node: string) => boolean): void {
    for (const node of this.#delays.keys()) if (!isOfInterest(node)) this.#delays.delete(node);
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #attempt(node: string, run: () => Promise<void>): Promise<void> {
    const { clock, onBug, signal } = this.#ports;
    try {
      await run();
      this.#delays.set(node, { backoff: undefined, notBefore: clock.now() + REST_MS });
    } catch (error) {
      if (error instanceof NotDone) {
        const backoff = this.#delays.get(node)?.backoff ?? new Backoff(FIRST_DELAY_MS, LONGEST_DELAY_MS);
        const rejection = error.why === 'rejected' ? { rejection: error.message } : {};
        this.#delays.set(node, { backoff, notBefore: clock.now() + backoff.next(), ...rejection });
      } else if (!signal.aborted) onBug(error);
    }
  }
}
