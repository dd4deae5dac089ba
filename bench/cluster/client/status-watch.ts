import type { ApiClient, ApiObject, ResourceType } from '../../../src/cluster/api-client.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../../src/cluster/kubernetes/config.ts';

const TYPE: ResourceType = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', plural: 'staticroutes', namespaced: false };
/** Longer than anything takes that works. */
const PATIENCE_MS = 300_000;

/** What a StaticRoute says of itself, as far as it is read here. */
interface Told {
  readonly observedGeneration?: number;
  readonly nodes?: { readonly selected: number; readonly ready: number };
}

/** Watches StaticRoutes as `kubectl wait` does: when do they say that every node is ready? */
export class StatusWatch implements AsyncDisposable {
  readonly #client: ApiClient;
  readonly #ending = new AbortController();
  readonly #waiting = new Map<string, { readonly generation: number; readonly nodes: number }>();
  #following: Promise<void> = Promise.resolve();
  #complete: (last: number) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  private constructor(client: ApiClient) {
    this.#client = client;
  }

  static async open(kubeconfig: string): Promise<StatusWatch> {
    const watch = new StatusWatch(openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: 'bench', role: 'onlooker' }));
    const { resourceVersion } = await watch.#client.list(TYPE, { limit: 1 });
    watch.#following = watch.#follow(resourceVersion);
    return watch;
  }

  /** Resolves when each of these objects says, of this generation, that so many nodes are ready; with the time of the last. */
  ready(names: readonly string[], nodes: number, generation = 1): Promise<number> {
    for (const name of names) this.#waiting.set(name, { generation, nodes });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const late = (): void => reject(new Error(`${this.#waiting.size} of ${names.length} StaticRoutes never said that all is ready`));
    const timer = setTimeout(late, PATIENCE_MS);
    this.#complete = resolve;
    this.#fail = reject;
    return promise.finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('closed'));
    await this.#following;
    await this.#client.close();
  }

  async #follow(resourceVersion: string): Promise<void> {
    let version = resourceVersion;
    try {
      // The server ends a watch whose reader is too slow for it.
      while (!this.#ending.signal.aborted) {
        for await (const batch of this.#client.watch(TYPE, { resourceVersion: version, signal: this.#ending.signal })) {
          const now = performance.now();
          for (const event of batch) {
            version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
            if (event.type !== 'BOOKMARK') this.#take(event.object, now);
          }
        }
      }
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#fail(error);
    }
  }

  #take({ metadata: { name }, status }: ApiObject, now: number): void {
    const wanted = this.#waiting.get(name);
    const { observedGeneration, nodes } = (status ?? {}) as Told;
    if (!wanted || observedGeneration !== wanted.generation || nodes?.ready !== wanted.nodes || nodes.selected !== wanted.nodes) return;
    this.#waiting.delete(name);
    if (this.#waiting.size === 0) this.#complete(now);
  }
}
