import type { ApiClient, ApiObject, ResourceType } from '../../../src/cluster/api-client.ts';
import { openKubernetes } from '../../../src/cluster/kubernetes/client.ts';
import { kubernetesConfig } from '../../../src/cluster/kubernetes/config.ts';

/** Longer than anything takes that works. */
const PATIENCE_MS = 300_000;

/** Watches the objects of one kind as `kubectl wait` does: when do they say what is waited for? */
export class ObjectWatch implements AsyncDisposable {
  readonly #client: ApiClient;
  readonly #type: ResourceType;
  readonly #ending = new AbortController();
  #missing = new Set<string>();
  #satisfies: (object: ApiObject) => boolean = () => false;
  #following: Promise<void> = Promise.resolve();
  #complete: (last: number) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  private constructor(client: ApiClient, type: ResourceType) {
    this.#client = client;
    this.#type = type;
  }

  static async open(kubeconfig: string, type: ResourceType): Promise<ObjectWatch> {
    const client = openKubernetes(await kubernetesConfig({ kubeconfig, env: {} }), { version: 'bench', role: 'onlooker' });
    const watch = new ObjectWatch(client, type);
    const { resourceVersion } = await client.list(type, { limit: 1 });
    watch.#following = watch.#follow(resourceVersion);
    return watch;
  }

  /** Resolves when each of these objects has satisfied, with the time (of `performance.now`) of the last. One call at a time. */
  until(names: readonly string[], satisfies: (object: ApiObject) => boolean): Promise<number> {
    this.#missing = new Set(names);
    this.#satisfies = satisfies;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const late = (): void =>
      reject(new Error(`${this.#missing.size} of ${names.length} ${this.#type.plural} never satisfied ${satisfies}`));
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
        for await (const batch of this.#client.watch(this.#type, { resourceVersion: version, signal: this.#ending.signal })) {
          const now = performance.now();
          for (const event of batch) {
            version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
            if (event.type === 'ADDED' || event.type === 'MODIFIED') this.#take(event.object, now);
          }
        }
      }
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#fail(error);
    }
  }

  #take(object: ApiObject, now: number): void {
    if (!this.#missing.has(object.metadata.name) || !this.#satisfies(object)) return;
    this.#missing.delete(object.metadata.name);
    if (this.#missing.size === 0) this.#complete(now);
  }
}
