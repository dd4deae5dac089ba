import { ApiError } from '../cluster/api-client.ts';
import type { OpenProvider } from '../controller/overlay/ipam-keeper.ts';
import type { OverlayPool } from '../core/resources.ts';
import { type Inventory, type IpamProvider, IpamRefused, IpamUnavailable } from '../ipam/provider.ts';
import { FLAGS } from '../runtime/config.ts';
import type { Cluster, Context } from './command.ts';

export interface Sights {
  /** By the name of the pool. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** Which external systems could not be asked, why, and what to do. */
  readonly notCompared: readonly string[];
}

/** The external systems of the pools, as far as this user may use them. */
export class Ipams {
  readonly #open: OpenProvider;
  readonly #namespace: string;
  readonly #opened = new Map<string, IpamProvider>();

  constructor({ line }: Context, cluster: Cluster) {
    this.#namespace = line.text(FLAGS.credentialsNamespace) ?? FLAGS.credentialsNamespace.default;
    const options = { namespace: this.#namespace, identity: 'ipam', clusterName: line.text(FLAGS.clusterName), warn: () => {} };
    this.#open = cluster.controller(options).openProvider;
  }

  /** What each of them has. One that does not answer does not hold up the others. */
  async look(pools: readonly OverlayPool[]): Promise<Sights> {
    const inventories = new Map<string, Inventory>();
    const notCompared: string[] = [];
    for (const pool of pools.filter(({ ipam }) => ipam.type !== 'cluster')) {
      const { name } = pool.meta.ref;
      try {
        const inventory = await this.#provider(pool).look();
        inventories.set(name, inventory);
        notCompared.push(...inventory.problems.map(({ message }) => `OverlayPool ${name}: ${message}`));
      } catch (error) {
        notCompared.push(`OverlayPool ${name}: phpIPAM was not asked: ${this.#whyNot(error)}`);
      }
    }
    return { inventories, notCompared };
  }

  /** One that has been looked at. */
  provider(pool: string): IpamProvider | undefined {
    return this.#opened.get(pool);
  }

  async close(): Promise<void> {
    for (const provider of this.#opened.values()) await provider.close();
  }

  #provider(pool: OverlayPool): IpamProvider {
    const { name } = pool.meta.ref;
    const provider = this.#opened.get(name) ?? this.#open(pool);
    this.#opened.set(name, provider);
    return provider;
  }

  /** In words, with the fix. The controller has the rights, and its pod the way to phpIPAM. @throws what is nobody's mistake */
  #whyNot(error: unknown): string {
    const there = `where they are there: "kubectl exec -n ${this.#namespace} deployment/fairlead-controller -- fairlead ipam check"`;
    if (error instanceof IpamUnavailable) return `${error.message}; or check ${there}`;
    if (error instanceof IpamRefused) return isForbidden(error.cause) ? `${error.message}; or check ${there}` : error.message;
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}
