import { CLUSTER_NETWORK } from '../api/kinds/cluster-network.ts';
import type { ApiClient, ApiObject, ResourceType, Selection } from '../cluster/api-client.ts';
import { Reflector } from '../cluster/reflector.ts';
import { NODES } from '../cluster/resource-types.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { NODE_REPORTS } from './abandoned-reports.ts';
import type { Finding, NetworkFindings } from './decide-cluster-network.ts';
import { EntryPool } from './entry-pool.ts';
import {
  API_SERVER_SLICES,
  CLUSTER_NETWORKS,
  clusterIPs,
  DNS_SERVICES,
  ENDPOINT_SLICES,
  type NetworkView,
  networkView,
  SERVICE_CIDRS,
  SERVICES,
  serviceRanges,
  sliceAddresses,
} from './network-views.ts';
import type { ClusterRanges } from './overlay/cluster-ranges.ts';
import { ipView } from './overlay/ip-view.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from './overlay/names.ts';
import { poolView } from './overlay/pool-view.ts';
import { STATIC_ROUTES } from './static-routes.ts';
import { nodeView, parsed, reportView, routeView } from './views.ts';

/** Reports per page of a list: with 500 resources each has more than 100 kB. */
const REPORTS_PAGE = 50;
/** Pools per page: the ledger of each may have more than 1 MB. */
const POOLS_PAGE = 5;

export interface SourcePorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

/** Everything that the controller watches. */
export class Sources {
  readonly routes;
  readonly nodes;
  readonly reports;
  readonly pools;
  readonly ips;
  readonly #written;
  readonly #ranges;
  readonly #slices;
  readonly #dns;
  readonly #all: readonly Reflector<unknown>[];
  readonly #log: Log;
  #troubles: ReadonlySet<string> = new Set();
  #networkChanged = true;
  #overlaysChanged = true;

  constructor(ports: SourcePorts) {
    this.#log = ports.log;
    const open = <T>(
      type: ResourceType,
      convert: (object: ApiObject) => T,
      more: { selection?: Selection; page?: number } = {},
    ): Reflector<T> => new Reflector({ ...ports, type, convert, ...more, onWarning: (message) => ports.log.warn(message) });
    this.routes = open(STATIC_ROUTES, routeView);
    this.nodes = open(NODES, nodeView);
    this.reports = open(NODE_REPORTS, reportView(new EntryPool()), { page: REPORTS_PAGE });
    this.#written = open(CLUSTER_NETWORKS, networkView);
    this.#ranges = open(SERVICE_CIDRS, serviceRanges);
    this.#slices = open(ENDPOINT_SLICES, sliceAddresses, { selection: API_SERVER_SLICES });
    this.#dns = open(SERVICES, clusterIPs, { selection: DNS_SERVICES });
    this.pools = open(OVERLAY_POOLS, poolView, { page: POOLS_PAGE });
    this.ips = open(NODE_OVERLAY_IPS, ipView);
    const network = [this.#written, this.#ranges, this.#slices, this.#dns];
    this.#all = [this.routes, this.nodes, this.reports, this.pools, this.ips, ...network];
  }

  /** Begins to watch; `listener` hears that something is new. */
  start(listener: () => void): void {
    for (const reflector of [this.#written, this.#ranges, this.#slices, this.#dns]) {
      reflector.watch(() => {
        this.#networkChanged = true;
      });
    }
    for (const reflector of [this.nodes, this.pools, this.ips, this.#written, this.#ranges]) {
      reflector.watch(() => {
        this.#overlaysChanged = true;
      });
    }
    for (const reflector of this.#all) {
      reflector.watch(() => this.#tell());
      reflector.watch(listener);
      reflector.start();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((reflector) => reflector.close()));
  }

  /** What is still missing for a true status; undefined when nothing is. */
  get missing(): string | undefined {
    const waiting = [this.routes, this.nodes, this.reports].find(({ synced }) => !synced);
    return waiting && (waiting.trouble ?? 'the first lists have not arrived yet');
  }

  /** Says what cannot be read; of a server that is away, once. */
  #tell(): void {
    const away = this.#all.find((reflector) => reflector.away);
    const told = new Map<string, string>();
    for (const { away: isAway, trouble } of this.#all) if (trouble !== undefined && !isAway) told.set(trouble, trouble);
    if (away) told.set('away', away.trouble ?? '');
    for (const [key, trouble] of told) if (!this.#troubles.has(key)) this.#log.warn(trouble);
    if (this.#troubles.size > 0 && told.size === 0) this.#log.info('everything is read again');
    this.#troubles = new Set(told.keys());
  }

  /** Whether what agents say is heard now. */
  get listening(): boolean {
    return this.missing === undefined && this.reports.trouble === undefined;
  }

  /** Whether every source of the ClusterNetwork, besides the Nodes, has said something, or why it cannot. */
  get networkSettled(): boolean {
    return this.#written.synced && [this.#ranges, this.#slices, this.#dns].every(({ synced, trouble }) => synced || trouble);
  }

  /** Whether anything but a Node has changed since the last time that this was asked. */
  takeNetworkChanged(): boolean {
    const changed = this.#networkChanged;
    this.#networkChanged = false;
    return changed;
  }

  /** Whether it is known which pools and overlay addresses there are. */
  get overlaysSynced(): boolean {
    return this.pools.synced && this.ips.synced;
  }

  /** Whether anything that decides about overlay addresses has changed since the last time that this was asked. */
  takeOverlaysChanged(): boolean {
    const changed = this.#overlaysChanged;
    this.#overlaysChanged = false;
    return changed;
  }

  /** What the cluster has for itself: what is known, else what was known last. Undefined until every source has answered. */
  get clusterRanges(): ClusterRanges | undefined {
    if (!this.networkSettled) return undefined;
    const { podRanges, serviceRanges } = this.findings();
    return { podRanges: this.#known('podRanges', podRanges), serviceRanges: this.#known('serviceRanges', serviceRanges) };
  }

  #known(list: 'podRanges' | 'serviceRanges', finding: Finding<Prefix>): readonly Prefix[] {
    return finding.known ? finding.values : parsed(this.written?.lists[list] ?? [], Prefix.parse);
  }

  get written(): NetworkView | undefined {
    return this.#written.items.get(CLUSTER_NETWORK)?.value;
  }

  findings(): NetworkFindings {
    return {
      podRanges: found(this.nodes, ({ podRanges }) => podRanges),
      serviceRanges: found(this.#ranges, ({ ranges }) => ranges),
      nodeAddresses: found(this.nodes, ({ addresses }) => addresses),
      apiServerEndpoints: found(this.#slices, ({ addresses }) => addresses),
      dnsAddresses: found(this.#dns, ({ addresses }) => addresses),
    };
  }
}

function found<V, T>({ synced, trouble, items }: Reflector<V>, values: (value: V) => readonly T[]): Finding<T> {
  if (!synced) return { known: false, why: trouble ?? 'it has not arrived yet' };
  return { known: true, values: [...items.values()].flatMap(({ value }) => values(value)) };
}
