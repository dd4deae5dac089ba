import type { ApiClient } from '../cluster/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Absences, decideAbandoned, NODE_REPORTS } from './abandoned-reports.ts';
import { ClusterNetworks } from './cluster-network.ts';
import type { NetworkFindings } from './decide-cluster-network.ts';
import type { Fleet, FleetChanges } from './fleet.ts';
import type { NetworkView } from './network-views.ts';
import { type OverlayInput, type OverlayPorts, Overlays } from './overlay/overlays.ts';
import type { PoolTotals } from './overlay/pool-ports.ts';
import { type RouteTotals, StaticRoutes } from './static-routes.ts';
import type { View } from './views.ts';
import { type Outcome, Writer } from './writer.ts';

export interface TermPorts extends OverlayPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly leads: () => boolean;
  readonly observe: (kind: string, outcome: Outcome) => void;
  readonly again: () => void;
  readonly onBug: (error: unknown) => void;
}

/** What a round of a leader looks at. */
export interface TermInput {
  readonly fleet: Fleet;
  readonly changes: FleetChanges;
  /** Milliseconds (see Attention). */
  readonly attended: number;
  /** Undefined until every source has answered, be it that it has nothing to say. */
  readonly network:
    | { readonly changed: boolean; readonly find: () => NetworkFindings; readonly written: NetworkView | undefined }
    | undefined;
  /** Undefined until it is known which pools and overlay addresses there are. */
  readonly overlays: { readonly changed: boolean; readonly find: () => OverlayInput } | undefined;
}

/** Everything that only the leader does, from the day it is elected until it leads no longer. */
export class Term {
  readonly #ports: TermPorts;
  readonly #writer: Writer;
  readonly #routes: StaticRoutes;
  readonly #network: ClusterNetworks;
  readonly #overlays: Overlays;
  #begun = false;
  #absences: Absences = new Map();
  readonly #deleting = new Set<string>();

  constructor(ports: TermPorts) {
    this.#ports = ports;
    this.#writer = new Writer(ports);
    this.#routes = new StaticRoutes({ ...ports, writer: this.#writer }, ports.namespace);
    this.#network = new ClusterNetworks({ ...ports, writer: this.#writer });
    this.#overlays = new Overlays(ports);
  }

  /** What has been decided so far, summed up. */
  get totals(): RouteTotals {
    return this.#routes.totals();
  }

  get pools(): readonly PoolTotals[] {
    return this.#overlays.totals;
  }

  round({ fleet, changes, attended, network, overlays }: TermInput): void {
    this.#routes.reconsider(this.#begun ? changes.routes : fleet.routes.keys());
    this.#begun = true;
    if (network?.changed) this.#network.reconsider();
    // First what protects.
    if (network) this.#network.round(network.find, network.written);
    this.#routes.round(fleet);
    if (overlays?.changed) this.#overlays.reconsider();
    if (overlays) this.#overlays.round(attended, overlays.find);
    this.#cleanUp(fleet, attended);
  }

  /** Writes nothing more; resolves when what was under way has ended. */
  async close(): Promise<void> {
    this.#routes.close();
    this.#network.close();
    await Promise.all([this.#overlays.close(), this.#writer.close()]);
  }

  #cleanUp({ reports, nodes }: Fleet, attended: number): void {
    const { abandoned, absences } = decideAbandoned(reports, nodes, this.#absences, attended);
    this.#absences = absences;
    for (const report of abandoned) {
      if (this.#writer.isFree(NODE_REPORTS.kind) && !this.#deleting.has(report.name)) void this.#delete(report, attended);
    }
  }

  async #delete({ name, uid }: View, attended: number): Promise<void> {
    const { client, log, again } = this.#ports;
    this.#deleting.add(name);
    const outcome = await this.#writer.write(NODE_REPORTS.kind, name, (signal) => client.delete(NODE_REPORTS, { name }, { uid, signal }));
    this.#deleting.delete(name);
    // Either way its time begins anew: until the watch has shown that it is gone, and until the next attempt.
    this.#absences = new Map([...this.#absences, [name, attended]]);
    if (outcome === 'written') log.info(`deleted NodeReport ${name}: its Node is gone`);
    again();
  }
}
