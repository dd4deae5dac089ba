import type { ResourceSnapshot } from '../../core/resources.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ApiClient } from '../api-client.ts';
import { resourceName } from '../api-trouble.ts';
import type { ResourceSource } from '../cluster.ts';
import { LastGoodKeeper } from '../last-good-keeper.ts';
import { EMPTY_MEMORY, type Memory, sameSnapshot } from '../memory.ts';
import { Reflector } from '../reflector.ts';
import { type KindView, mergeKinds } from './merge-kinds.ts';
import { type Reading, readObject, type Watched, watchedBy } from './watched.ts';

/** Milliseconds that a start waits for a server that neither answers nor refuses. The last good resources must not wait for longer. */
const PATIENCE = 3_000;
/** Changes that come within so many milliseconds are kept for a restart by one write. */
const SAVE_DELAY = 100;

export interface KubernetesSourceOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  /** The file that keeps what is in force over a restart; undefined: nothing is kept. */
  readonly lastGood?: string | undefined;
  readonly clock: Clock;
  /** Look, but keep nothing: for `plan`. */
  readonly readOnly?: boolean | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Hears that `lastGood` could not be written; when absent, `onWarning` does. */
  readonly onNotKept?: ((text: string) => void) | undefined;
  readonly onBug?: ((error: unknown) => void) | undefined;
}

/**
 * Resources from the API server, as one node sees them: its own Node, the ClusterNetwork, and every object of our kinds.
 * Complete while all of them are known to be the present ones; whatever fails changes nothing but that.
 */
export function openKubernetesSource(options: KubernetesSourceOptions): ResourceSource {
  return new KubernetesSource(options);
}

interface Follower {
  readonly watched: Watched;
  readonly reflector: Reflector<Reading>;
}

class KubernetesSource implements ResourceSource {
  readonly #server: string;
  readonly #clock: Clock;
  readonly #followers: readonly Follower[];
  readonly #keeper: LastGoodKeeper | undefined;
  readonly #listeners: (() => void)[] = [];
  #memory: Memory = EMPTY_MEMORY;
  #snapshot: ResourceSnapshot | undefined;
  #settled = false;
  #answered = Promise.withResolvers<void>();

  constructor({ client, nodeName, lastGood, clock, readOnly, onWarning = () => {}, onNotKept, onBug }: KubernetesSourceOptions) {
    this.#server = client.server;
    this.#clock = clock;
    const keeping = { warn: onWarning, notKept: onNotKept ?? onWarning, readOnly: readOnly ?? false, delay: SAVE_DELAY };
    this.#keeper = lastGood === undefined ? undefined : new LastGoodKeeper(lastGood, keeping);
    this.#followers = watchedBy(nodeName).map((watched) => {
      const { type, selection } = watched;
      const bugs = onBug && { onBug };
      const reflector = new Reflector({ client, type, convert: readObject, clock, onWarning, ...(selection && { selection }), ...bugs });
      return { watched, reflector };
    });
  }

  async start(): Promise<void> {
    this.#memory = (await this.#keeper?.load()) ?? EMPTY_MEMORY;
    for (const { reflector } of this.#followers) {
      reflector.watch(() => this.#heard());
      reflector.start();
    }
    const cancel = this.#clock.after(PATIENCE, this.#answered.resolve);
    // A timer of the clock does not keep the process alive, and there may be nothing else yet that does.
    const alive = setInterval(() => {}, PATIENCE);
    await this.#answered.promise;
    clearInterval(alive);
    cancel();
    this.#look();
  }

  snapshot(): ResourceSnapshot {
    if (this.#snapshot === undefined) throw new Error(`the source of ${this.#server} has not been started`);
    return this.#snapshot;
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#answered.resolve();
    await Promise.all(this.#followers.map(({ reflector }) => reflector.close()));
    await this.#keeper?.flush();
  }

  #heard(): void {
    if (this.#snapshot !== undefined) this.#look();
    else if (this.#followers.every(({ reflector: { synced, trouble } }) => synced || trouble !== undefined)) this.#answered.resolve();
  }

  #look(): void {
    const kinds = this.#followers.map(viewOf);
    const { memory, snapshot } = mergeKinds(this.#memory, { server: this.#server, kinds, settled: this.#settled });
    this.#memory = memory;
    this.#settled ||= memory.complete;
    this.#keeper?.offer(memory);
    if (this.#snapshot !== undefined && sameSnapshot(this.#snapshot, snapshot)) return;
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }
}

function viewOf({ watched: { type, required }, reflector }: Follower): KindView {
  const { items, synced, trouble, away, asOf } = reflector;
  const inOrder = [...items].sort(([a], [b]) => (a < b ? -1 : 1));
  const readings = inOrder.map(([, { value }]) => value);
  return { kind: type.kind, resource: resourceName(type), required, synced, readings, trouble, away, asOf };
}
