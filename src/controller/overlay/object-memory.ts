import { isOlder } from '../../cluster/collection.ts';
import type { Clock } from '../../runtime/clock.ts';
import { BELIEF_MS } from '../belief.ts';
import type { OverlayIPView } from './ip-view.ts';

interface Belief {
  /** Undefined: it has gone; `uid` says which. */
  readonly view: OverlayIPView | undefined;
  readonly uid: string;
  readonly at: number;
}

/** What is known of the NodeOverlayIPs of a pool besides what the watch has shown: the answers of the API server, for a while. */
export class ObjectMemory {
  readonly #clock: Clock;
  readonly #beliefs = new Map<string, Belief>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(view: OverlayIPView): void {
    this.#beliefs.set(view.node, { view, uid: view.uid, at: this.#clock.now() });
  }

  gone({ node, uid }: OverlayIPView): void {
    this.#beliefs.set(node, { view: undefined, uid, at: this.#clock.now() });
  }

  /** What there is now, by node. */
  current(watched: ReadonlyMap<string, OverlayIPView>): ReadonlyMap<string, OverlayIPView> {
    if (this.#beliefs.size === 0) return watched;
    const merged = new Map(watched);
    for (const [node, belief] of this.#beliefs) {
      const seen = watched.get(node);
      if (!this.#counts(belief, seen)) this.#beliefs.delete(node);
      else if (belief.view) merged.set(node, belief.view);
      else merged.delete(node);
    }
    return merged;
  }

  #counts({ view, uid, at }: Belief, seen: OverlayIPView | undefined): boolean {
    if (this.#clock.now() - at > BELIEF_MS) return false;
    if (!view) return seen?.uid === uid;
    return !seen || isOlder(seen.version, view.version);
  }
}
