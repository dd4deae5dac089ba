import type { Contest } from './decide-ledger.ts';
import type { JobRunner } from './job-runner.ts';
import { NotDone } from './not-done.ts';
import type { ObjectMemory } from './object-memory.ts';
import type { OverlayApi } from './overlay-api.ts';
import type { PoolView } from './pool-view.ts';

export interface ContestPorts {
  /** Of the pool. */
  readonly name: string;
  readonly api: OverlayApi;
  readonly memory: ObjectMemory;
  readonly runner: JobRunner;
  /** The pool, as it is after this question; undefined when it has gone, or nothing may be granted by it now. */
  readonly askPool: () => Promise<PoolView | undefined>;
}

/**
 * Finds out who has what is contested. Who is granted an address is in the ledger all the while; so if a NodeOverlayIP is, after the ledger
 * was read, what it was before, the ledger is not what it was then.
 */
export class ContestJudge {
  readonly #ports: ContestPorts;
  #proven: ReadonlySet<string> = new Set();

  constructor(ports: ContestPorts) {
    this.#ports = ports;
  }

  /** Whether it has been made sure that the node uses the address though this very ledger has it for another. */
  isProven(contest: Contest): boolean {
    return this.#proven.has(keyOf(contest));
  }

  /** Begins to find out about these, unless that is known or under way. */
  settle(contests: readonly Contest[]): void {
    const { name, runner } = this.#ports;
    const job = `${name} settle`;
    if (contests.length === 0) this.#proven = new Set();
    if (contests.every((contest) => this.isProven(contest)) || !runner.isFree(job)) return;
    runner.start(job, () => this.#judge(contests));
  }

  async #judge(contests: readonly Contest[]): Promise<void> {
    const { api, name, memory, askPool } = this.#ports;
    const pool = await askPool();
    if (!pool) throw new NotDone('overtaken');
    const proven = new Set<string>();
    for (const { address, object } of contests) {
      const now = await api.readIP(object.node, name);
      if (now?.version === object.version) proven.add(keyOf({ address, object, version: pool.version }));
      else if (now) memory.note(now);
    }
    this.#proven = proven;
    if (proven.size < contests.length) throw new NotDone('overtaken');
  }
}

function keyOf({ address, object, version }: Contest): string {
  return `${address} ${object.uid} ${object.version} ${version}`;
}
