import {
  type ApiClient,
  ApiError,
  type ApiObject,
  type ApplyOptions,
  type DeleteOptions,
  type ListOptions,
  type ObjectName,
  type Page,
  type ReplaceOptions,
  type ResourceType,
  type WatchEvent,
  type WatchOptions,
  type WrittenObject,
} from './api-client.ts';
import { FakeApiServer, type FakeTraits } from './fake-api-server.ts';
import type { FakeWatch } from './fake-api-watch.ts';

/** One request, as a test sees it. */
export interface FakeCall {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'replace' | 'apply' | 'delete';
  /** `staticroutes`, `staticroutes/status`. */
  readonly resource: string;
  readonly name?: string;
  /** On the second page of a list and later. */
  readonly continue?: string;
}

/**
 * The Kubernetes API in memory, for tests: see api-client.contract.ts for what it shares with the real one.
 * Not modelled: schemas and admission (see `before`), namespaces that do not exist, the fields that built-in types refuse or default,
 * defaults of a CRD, `resourceVersion` of a list (it is always the newest).
 */
export class FakeApi implements ApiClient {
  readonly server: string = 'https://fake:6443';
  /** What clients share: `new FakeApi(api.world)` is another client of the same server. */
  readonly world: FakeApiServer;
  /** How often what was written by this client, refused writes included: `apply staticroutes/status` -> 3. */
  readonly writes = new Map<string, number>();
  /** Every request of this client, the oldest first. */
  readonly calls: FakeCall[] = [];
  /** Called before each request is served; what it throws is the answer. */
  before: (call: FakeCall) => void | Promise<void> = () => {};
  /** Called when a request has been served, and its answer is still under way; what it throws comes instead of the answer. */
  after: (call: FakeCall) => void | Promise<void> = () => {};
  /** Called before a watch delivers what has happened; until then nobody hears of it. */
  lag: (resource: string) => void | Promise<void> = () => {};
  readonly #open = new Set<OpenWatch>();
  #away = false;

  constructor(world: FakeApiServer = new FakeApiServer()) {
    this.world = world;
  }

  /** @see FakeApiServer.serve */
  serve(type: ResourceType, traits?: Partial<FakeTraits>): void {
    this.world.serve(type, traits);
  }

  withdraw(type: ResourceType): void {
    this.world.withdraw(type);
  }

  expire(): void {
    this.world.expire();
  }

  /** This client cannot reach the server: everything rejects, watches break. What `put` and `remove` do still happens. */
  away(): void {
    this.#away = true;
    this.cutWatches();
  }

  back(): void {
    this.#away = false;
  }

  /** Breaks the open watches of this client, as a lost connection does. */
  cutWatches(): void {
    for (const open of this.#open) {
      // Whoever waits for news waits for the present ones.
      open.watch.wake();
      open.rest = open.watch.take();
      open.broken = this.#unreachable();
      open.watch.wake();
    }
  }

  /** Somebody else creates or replaces a whole object, status included. */
  put(object: { readonly apiVersion: string; readonly kind: string; readonly metadata: ObjectName }): ApiObject {
    return this.world.put(this.#typeOf(object), object);
  }

  /** Somebody else deletes an object. */
  remove(object: { readonly apiVersion: string; readonly kind: string; readonly metadata: ObjectName }): void {
    this.world.delete(this.#typeOf(object), object.metadata);
  }

  get(type: ResourceType, name: ObjectName, signal?: AbortSignal): Promise<ApiObject> {
    return this.#answer({ verb: 'get', resource: type.plural, name: name.name }, signal, () => this.world.get(type, name));
  }

  list(type: ResourceType, options: ListOptions = {}): Promise<Page> {
    const call: FakeCall = { verb: 'list', resource: type.plural, ...(options.continue !== undefined && { continue: options.continue }) };
    return this.#answer(call, options.signal, () => this.world.list(type, options));
  }

  async *watch(type: ResourceType, options: WatchOptions): AsyncGenerator<readonly WatchEvent[], void> {
    const { signal } = options;
    const call: FakeCall = { verb: 'watch', resource: type.plural };
    const watch = await this.#answer(
      call,
      signal,
      () => this.world.watch(type, options),
      (unheard) => unheard.end(),
    );
    const open: OpenWatch = { watch, broken: undefined, rest: [] };
    const wake = (): void => watch.wake();
    this.#open.add(open);
    signal?.addEventListener('abort', wake);
    try {
      yield [];
      while (!watch.ended) {
        const events = open.broken ? open.rest : watch.take();
        open.rest = [];
        if (events.length === 0 && open.broken) throw open.broken;
        if (events.length > 0) await this.lag(type.plural);
        else await watch.news;
        signal?.throwIfAborted();
        if (events.length > 0) yield events;
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#open.delete(open);
      watch.end();
    }
  }

  create(type: ResourceType, object: WrittenObject, signal?: AbortSignal): Promise<ApiObject> {
    const call: FakeCall = { verb: 'create', resource: type.plural, name: object.metadata.name };
    return this.#answer(call, signal, () => this.world.create(type, object));
  }

  replace(type: ResourceType, object: WrittenObject, { subresource, signal }: ReplaceOptions = {}): Promise<ApiObject> {
    const call: FakeCall = { verb: 'replace', resource: pathOf(type, subresource), name: object.metadata.name };
    return this.#answer(call, signal, () => this.world.replace(type, object, subresource));
  }

  apply(type: ResourceType, object: WrittenObject, options: ApplyOptions): Promise<ApiObject> {
    const call: FakeCall = { verb: 'apply', resource: pathOf(type, options.subresource), name: object.metadata.name };
    return this.#answer(call, options.signal, () => this.world.apply(type, object, options));
  }

  delete(type: ResourceType, name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    const call: FakeCall = { verb: 'delete', resource: type.plural, name: name.name };
    return this.#answer(call, options.signal, () => this.world.delete(type, name, options));
  }

  close(): Promise<void> {
    this.away();
    return Promise.resolve();
  }

  /** `lose` hears of an answer that nobody gets. */
  async #answer<T>(call: FakeCall, signal: AbortSignal | undefined, serve: () => T, lose: (answer: T) => void = () => {}): Promise<T> {
    signal?.throwIfAborted();
    this.calls.push(call);
    const write = `${call.verb} ${call.resource}`;
    if (!['get', 'list', 'watch'].includes(call.verb)) this.writes.set(write, (this.writes.get(write) ?? 0) + 1);
    if (this.#away) throw this.#unreachable();
    await unlessAborted(this.before(call), signal);
    if (this.#away) throw this.#unreachable();
    const answer = serve();
    try {
      await unlessAborted(this.after(call), signal);
      if (this.#away) throw this.#unreachable();
    } catch (error) {
      lose(answer);
      throw error;
    }
    return answer;
  }

  #typeOf(object: { readonly apiVersion: string; readonly kind: string }): ResourceType {
    const type = this.world.typeOf(object);
    if (!type) throw new Error(`the test serves no ${object.apiVersion} ${object.kind}`);
    return type;
  }

  #unreachable(): ApiError {
    const message = `cannot reach the API server ${this.server} (ECONNREFUSED)`;
    return new ApiError(message, { status: 0, reason: 'Unreachable' });
  }
}

interface OpenWatch {
  readonly watch: FakeWatch;
  /** The connection was lost. */
  broken: ApiError | undefined;
  /** What had arrived by then. */
  rest: readonly WatchEvent[];
}

/** Rejects with the signal, should that come first. */
async function unlessAborted(work: void | Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort);
  try {
    await Promise.race([work, promise]);
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function pathOf(type: ResourceType, subresource: 'status' | undefined): string {
  return subresource ? `${type.plural}/${subresource}` : type.plural;
}
