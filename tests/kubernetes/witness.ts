import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ApiClient,
  ApiError,
  type ApiObject,
  type ApplyOptions,
  isNotFound,
  type ListOptions,
  type ObjectName,
  type Page,
  type ResourceType,
  type WatchEvent,
  type WatchOptions,
  type WrittenObject,
} from '../../src/cluster/api-client.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 5;

/** What a client has done and what it was denied: `list nodes`, `apply nodereports/status`. It changes nothing about either. */
export class Witness implements ApiClient {
  readonly done = new Set<string>();
  readonly denied = new Set<string>();
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  get server(): string {
    return this.#client.server;
  }

  /** Resolves when all of these were done, or something was denied. @throws Error naming what is not done after a minute */
  async settled(all: readonly string[]): Promise<void> {
    const missing = (): readonly string[] => all.filter((each) => !this.done.has(each));
    const deadline = performance.now() + PATIENCE_MS;
    while (this.denied.size === 0 && missing().length > 0) {
      if (performance.now() > deadline) throw new Error(`never done: ${missing().join(', ')}; done: ${[...this.done].join(', ')}`);
      await sleep(POLL_MS);
    }
  }

  get(type: ResourceType, name: ObjectName, signal?: AbortSignal): Promise<ApiObject> {
    return this.#see('get', type, undefined, this.#client.get(type, name, signal));
  }

  list(type: ResourceType, options?: ListOptions): Promise<Page> {
    return this.#see('list', type, undefined, this.#client.list(type, options));
  }

  async *watch(type: ResourceType, options: WatchOptions): AsyncIterable<readonly WatchEvent[]> {
    const batches = this.#client.watch(type, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#see('watch', type, undefined, batches.next());
        if (done) return;
        yield value;
      }
    } finally {
      await batches.return?.();
    }
  }

  create(type: ResourceType, object: WrittenObject, signal?: AbortSignal): Promise<ApiObject> {
    return this.#see('create', type, undefined, this.#client.create(type, object, signal));
  }

  replace(type: ResourceType, object: WrittenObject, options?: { readonly subresource?: 'status' }): Promise<ApiObject> {
    return this.#see('replace', type, options?.subresource, this.#client.replace(type, object, options));
  }

  apply(type: ResourceType, object: WrittenObject, options: ApplyOptions): Promise<ApiObject> {
    return this.#see('apply', type, options.subresource, this.#client.apply(type, object, options));
  }

  delete(type: ResourceType, name: ObjectName, options?: { readonly uid?: string }): Promise<void> {
    return this.#see('delete', type, undefined, this.#client.delete(type, name, options));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #see<T>(verb: string, { plural }: ResourceType, subresource: string | undefined, answer: Promise<T>): Promise<T> {
    const words = `${verb} ${plural}${subresource === undefined ? '' : `/${subresource}`}`;
    try {
      const result = await answer;
      this.done.add(words);
      return result;
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) this.denied.add(`${words}: ${error.message}`);
      // That it is not there is an answer, too.
      else if (verb === 'get' && isNotFound(error)) this.done.add(words);
      throw error;
    }
  }
}
