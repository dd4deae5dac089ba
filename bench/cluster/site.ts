import { type Fleet, type FleetOptions, startFleet } from '../../tests/lab/fleet.ts';
import { STATIC_ROUTES } from './client/objects.ts';
import type { Stand } from './client/tasks.ts';
import { ClientProcess } from './client-process.ts';

const ADMIN = { name: 'bench', groups: ['system:masters'] };

/** A fleet, a client beside its API server, and where that client stands. */
export class Site implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly client: ClientProcess;
  readonly stand: Stand;

  constructor(fleet: Fleet) {
    const { plane, nodes, lab } = fleet;
    const { address, port, authority } = plane;
    this.fleet = fleet;
    this.client = new ClientProcess(lab.host('api'));
    const api = { address, port, authority: authority.certificate, ...authority.issue(ADMIN) };
    this.stand = { api, kubeconfig: plane.kubeconfig, namespaces: nodes.map(({ host }) => host.namespace) };
  }

  static async create(options: FleetOptions): Promise<Site> {
    const fleet = await startFleet(options);
    try {
      const site = new Site(fleet);
      await site.settle();
      return site;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** Waits until every node has reported and the controller has written the ClusterNetwork: what a start does is over. */
  async settle(): Promise<void> {
    const { plane, nodes } = this.fleet;
    await plane.api.until('/apis/fairlead.dev/v1alpha1/clusternetworks/cluster', ({ status }) => status !== undefined);
    for (const { name } of nodes)
      await plane.api.until<{ readonly status?: { readonly complete?: boolean } }>(
        `/apis/fairlead.dev/v1alpha1/nodereports/${name}`,
        ({ status }) => status?.complete === true,
      );
  }

  /** Deletes every StaticRoute and waits until no kernel has a route of ours. */
  async clear(): Promise<void> {
    await this.fleet.plane.api.delete(STATIC_ROUTES);
    for (const { host } of this.fleet.nodes)
      while ((await host.ip('route show proto 201')) !== '') await new Promise((r) => setTimeout(r, 50));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.fleet.close();
  }
}
