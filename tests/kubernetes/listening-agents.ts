import type { ApiClient } from '../../src/cluster/api-client.ts';
import { openKubernetes } from '../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../src/cluster/kubernetes/config.ts';
import { NODE_OVERLAY_IPS } from '../../src/controller/overlay/names.ts';
import { RealOverlayAgents } from '../controller/real-overlay-agents.ts';
import type { ControlPlane } from '../lab/control-plane.ts';

/** The agents of all nodes, as far as overlay addresses are concerned, with the rights of the administrator and one watch for all. */
export class ListeningAgents {
  readonly #agents: RealOverlayAgents;
  readonly #client: ApiClient;
  readonly #end = new AbortController();
  readonly #listening: Promise<void>;

  static async open({ api, kubeconfig }: ControlPlane): Promise<ListeningAgents> {
    const { apiVersion, plural } = NODE_OVERLAY_IPS;
    // A server puts off what is asked of it about new definitions.
    const { metadata } = await api.until(`/apis/${apiVersion}/${plural}`, () => true);
    const client = openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: '0', role: 'test' });
    return new ListeningAgents(client, metadata.resourceVersion);
  }

  private constructor(client: ApiClient, since: string) {
    this.#client = client;
    this.#agents = new RealOverlayAgents(client, () => 0);
    this.#listening = this.#listen(since);
  }

  /** What must never be, in words. */
  get faults(): readonly string[] {
    return this.#agents.faults;
  }

  join(node: string): Promise<void> {
    return this.#agents.join(node);
  }

  leave(node: string): void {
    this.#agents.leave(node);
  }

  async close(): Promise<void> {
    this.#end.abort();
    await Promise.allSettled([this.#listening]);
    await this.#client.close();
  }

  async #listen(resourceVersion: string): Promise<void> {
    const { signal } = this.#end;
    for await (const events of this.#client.watch(NODE_OVERLAY_IPS, { resourceVersion, signal })) {
      for (const event of events) this.#agents.hear(event);
    }
  }
}
