import { CLUSTER_NETWORK } from '../api/kinds/cluster-network.ts';
import type { ApiClient } from '../cluster/api-client.ts';
import { Backoff, type Clock } from '../runtime/clock.ts';
import { decideClusterNetwork, type NetworkFindings, type NetworkStatus } from './decide-cluster-network.ts';
import { CLUSTER_NETWORKS, type NetworkView } from './network-views.ts';
import { SHORTEST_INTERVAL_MS } from './pace.ts';
import { FIELD_MANAGER, type Request, type Writer } from './writer.ts';

/** Shortest time between two writes for the addresses of nodes alone. Milliseconds. */
const ADDRESSES_INTERVAL_MS = 60_000;

export interface ClusterNetworkPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly writer: Writer;
  /** Called when a write has ended, and when one is due. */
  readonly again: () => void;
}

/** Keeps the one ClusterNetwork true. */
export class ClusterNetworks {
  readonly #ports: ClusterNetworkPorts;
  readonly #backoff = new Backoff(1_000, 60_000);
  #lastWrite = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #writing = false;
  /** Somebody deleted it, and the watch has not shown that yet. */
  #gone = false;
  #dirty = true;
  #cancelWake: (() => void) | undefined;

  constructor(ports: ClusterNetworkPorts) {
    this.#ports = ports;
  }

  /** Have another look in the next round. */
  reconsider(): void {
    this.#dirty = true;
  }

  /** Writes what is wrong, when it is due. `before` is what the API server has. */
  round(find: () => NetworkFindings, before: NetworkView | undefined): void {
    const { clock, writer } = this.#ports;
    if (!this.#dirty || this.#writing || !writer.isFree(CLUSTER_NETWORKS.kind)) return;
    this.#dirty = false;
    const { status, write } = decideClusterNetwork(find(), before, clock.date());
    if (write === 'never') return;
    const interval = write === 'now' ? SHORTEST_INTERVAL_MS : ADDRESSES_INTERVAL_MS;
    const due = Math.max(this.#lastWrite + interval, this.#notBefore);
    if (due <= clock.now()) void this.#write(status, before !== undefined);
    else this.#wakeAt(due);
  }

  close(): void {
    this.#cancelWake?.();
  }

  async #write(status: NetworkStatus, exists: boolean): Promise<void> {
    const { client, clock, writer, again } = this.#ports;
    const object = { apiVersion: CLUSTER_NETWORKS.apiVersion, kind: CLUSTER_NETWORKS.kind, metadata: { name: CLUSTER_NETWORK } };
    const options = { fieldManager: FIELD_MANAGER };
    const create: Request = (signal) => client.apply(CLUSTER_NETWORKS, object, { ...options, signal });
    const fill: Request = (signal) => client.apply(CLUSTER_NETWORKS, { ...object, status }, { ...options, subresource: 'status', signal });
    this.#writing = true;
    this.#lastWrite = clock.now();
    const outcome = await writer.write(CLUSTER_NETWORKS.kind, CLUSTER_NETWORK, ...(exists && !this.#gone ? [fill] : [create, fill]));
    this.#writing = false;
    this.#dirty = true;
    this.#gone = outcome === 'gone';
    if (outcome === 'written') this.#backoff.reset();
    else if (outcome !== 'dropped') this.#notBefore = clock.now() + this.#backoff.next();
    again();
  }

  #wakeAt(due: number): void {
    const { clock, again } = this.#ports;
    this.#cancelWake?.();
    this.#cancelWake = clock.after(due - clock.now(), () => {
      this.#dirty = true;
      again();
    });
  }
}
