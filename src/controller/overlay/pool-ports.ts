import type { EventSink } from '../../cluster/cluster.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { NodeView } from '../views.ts';
import type { OlderPool, Surroundings } from './decide-supply.ts';
import type { OverlayIPView } from './ip-view.ts';
import type { IpamCall, OpenProvider } from './ipam-keeper.ts';
import type { OverlayApi } from './overlay-api.ts';
import type { PoolView } from './pool-view.ts';

export interface PoolPorts {
  readonly name: string;
  readonly api: OverlayApi;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventSink;
  readonly openProvider: OpenProvider;
  readonly measure: PoolMeasures;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly again: () => void;
  readonly onBug: (error: unknown) => void;
}

/** What is counted. */
export interface PoolMeasures {
  ledger(pool: string, outcome: 'written' | 'overtaken' | 'failed'): void;
  ipam(pool: string, call: IpamCall, outcome: 'done' | 'unavailable' | 'refused'): void;
}

/** What a round of one pool looks at. */
export interface PoolRound {
  /** As the watch shows it; undefined when there is none, though there may be NodeOverlayIPs of it. */
  readonly view: PoolView | undefined;
  /** Its NodeOverlayIPs, by node. */
  readonly objects: ReadonlyMap<string, OverlayIPView>;
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** Whether the agent of a node has been heard of lately. */
  readonly isHeard: (node: string) => boolean;
  /** Whether it runs on though its Node is gone. */
  readonly isStray: (node: string) => boolean;
  /** Undefined while it is not known what ranges must not overlap: then nothing new is given. */
  readonly around: Surroundings | undefined;
  readonly older: readonly OlderPool[];
  readonly elsewhere: ReadonlyMap<string, string>;
  /** Milliseconds (see Attention). */
  readonly attended: number;
}

/** The numbers of one pool, for the metrics. */
export interface PoolTotals {
  readonly name: string;
  readonly capacity: number;
  readonly allocated: number;
  readonly free: number;
  readonly waiting: number;
}
