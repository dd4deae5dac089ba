import type { ApiClient } from '../../cluster/api-client.ts';
import type { EventSink } from '../../cluster/cluster.ts';
import type { Prefix } from '../../core/ip/prefix.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { NodeView } from '../views.ts';
import { Writer, type WriterPorts } from '../writer.ts';
import { type ClusterRanges, surroundingsOf } from './cluster-ranges.ts';
import type { OlderPool } from './decide-supply.ts';
import type { OverlayIPView } from './ip-view.ts';
import type { OpenProvider } from './ipam-keeper.ts';
import { OverlayApi } from './overlay-api.ts';
import { PoolKeeper } from './pool-keeper.ts';
import type { PoolMeasures, PoolTotals } from './pool-ports.ts';
import { isOlderPool, type PoolView } from './pool-view.ts';

/** How often time itself is news: silence, and what is late. Milliseconds. */
const TICK_MS = 10_000;

export interface OverlayPorts extends WriterPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventSink;
  readonly openProvider: OpenProvider;
  readonly measure: PoolMeasures;
}

/** What a round looks at. */
export interface OverlayInput {
  readonly pools: ReadonlyMap<string, PoolView>;
  readonly ips: Iterable<OverlayIPView>;
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly isHeard: (node: string) => boolean;
  readonly isStray: (node: string) => boolean;
  /** Undefined until every source has answered. */
  readonly ranges: ClusterRanges | undefined;
  /** Milliseconds (see Attention). */
  readonly attended: number;
}

/** Keeps every OverlayPool and every NodeOverlayIP, from the day this process is elected until it leads no longer. */
export class Overlays {
  readonly #ports: OverlayPorts;
  readonly #writer: Writer;
  readonly #api: OverlayApi;
  readonly #keepers = new Map<string, PoolKeeper>();
  readonly #ending = new AbortController();
  readonly #again = (): void => {
    this.#dirty = true;
    this.#ports.again();
  };
  #dirty = true;
  #attended = Number.NEGATIVE_INFINITY;

  constructor(ports: OverlayPorts) {
    this.#ports = ports;
    this.#writer = new Writer({ ...ports, again: this.#again });
    this.#api = new OverlayApi({ ...ports, writer: this.#writer, signal: this.#ending.signal });
  }

  get totals(): readonly PoolTotals[] {
    return [...this.#keepers.values()].flatMap(({ totals }) => totals ?? []);
  }

  /** Have another look in the next round. */
  reconsider(): void {
    this.#dirty = true;
  }

  /** `find` is asked when there is something to look at. */
  round(attended: number, find: () => OverlayInput): void {
    if (attended - this.#attended >= TICK_MS) this.#dirty = true;
    if (!this.#dirty || this.#ending.signal.aborted || !this.#ports.leads()) return;
    this.#dirty = false;
    this.#attended = attended;
    const input = find();
    const objects = byPool(input.ips);
    const around =
      input.ranges &&
      surroundingsOf(
        input.ranges,
        input.nodes.values(),
        [...input.pools.values()].map(({ ledger }) => ledger),
      );
    for (const name of new Set([...input.pools.keys(), ...objects.keys()])) {
      const view = input.pools.get(name);
      const own = objects.get(name) ?? new Map<string, OverlayIPView>();
      const elsewhere = this.#addressesOfOthers(name, input.pools, objects);
      this.#keeper(name).round({ ...input, view, objects: own, around, older: this.#olderThan(view, input.pools), elsewhere });
    }
    for (const [name, keeper] of this.#keepers) if (!input.pools.has(name) && !objects.has(name)) this.#forget(name, keeper);
  }

  /** Writes nothing more; resolves when what was under way has ended. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('this controller is no longer the leader'));
    await this.#writer.close();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()));
  }

  #keeper(name: string): PoolKeeper {
    const known = this.#keepers.get(name);
    if (known) return known;
    const keeper = new PoolKeeper({ ...this.#ports, name, api: this.#api, signal: this.#ending.signal, again: this.#again });
    this.#keepers.set(name, keeper);
    return keeper;
  }

  #forget(name: string, keeper: PoolKeeper): void {
    this.#keepers.delete(name);
    keeper.close().catch(this.#ports.onBug);
  }

  #olderThan(view: PoolView | undefined, pools: ReadonlyMap<string, PoolView>): readonly OlderPool[] {
    if (!view) return [];
    return [...pools.values()]
      .filter((other) => isOlderPool(other, view))
      .map((other) => ({ name: other.name, subnets: this.#subnetsOf(other) }));
  }

  /**
   * What other pools have, by address: a range may be taken from one pool and given to another while nodes have addresses of it. Of each pool
   * counts what the watch shows and what its keeper knows or is writing, so that two pools cannot give one address in the same breath.
   */
  #addressesOfOthers(
    name: string,
    pools: ReadonlyMap<string, PoolView>,
    objects: ReadonlyMap<string, ReadonlyMap<string, OverlayIPView>>,
  ): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    const add = (addresses: Iterable<string>, other: string): void => {
      if (other !== name) for (const address of addresses) found.set(address, other);
    };
    for (const { name: other, ledger } of pools.values()) add(ledger.keys(), other);
    for (const [other, keeper] of this.#keepers) add(keeper.held, other);
    for (const [other, ips] of objects) {
      for (const { addresses, granted } of ips.values()) if (granted) add(textsOf(addresses), other);
    }
    return found;
  }

  /** What its provider has shown, or until then what was written about it. */
  #subnetsOf({ name, told }: PoolView): readonly Prefix[] {
    return this.#keepers.get(name)?.subnets ?? told.subnets;
  }
}

function textsOf(addresses: OverlayIPView['addresses']): readonly string[] {
  return addresses.map(({ address }) => address.text);
}

function byPool(ips: Iterable<OverlayIPView>): ReadonlyMap<string, ReadonlyMap<string, OverlayIPView>> {
  const pools = new Map<string, Map<string, OverlayIPView>>();
  for (const ip of ips) {
    const own = pools.get(ip.pool);
    if (own) own.set(ip.node, ip);
    else pools.set(ip.pool, new Map([[ip.node, ip]]));
  }
  return pools;
}
