import type { Clock } from '../runtime/clock.ts';
import {
  type ApiClient,
  ApiError,
  type ApiObject,
  isGone,
  type ListOptions,
  type ResourceType,
  type Selection,
  type WatchEvent,
} from './api-client.ts';
import { readTrouble, resourceName } from './api-trouble.ts';
import { Collection, type Convert, type Item, isOlder } from './collection.ts';
import { Retry } from './retry.ts';

export type { Item } from './collection.ts';

/** Objects per page of a list, when they are of the usual size. */
const PAGE = 500;
/** A watch that ends sooner than this, in milliseconds, is not opened again at once. */
const SHORT_WATCH = 1_000;
/** So often a watch may be refused from one version before everything is listed again. */
const REFUSALS = 3;
/** An older state than the one already seen is taken over when it has been told so often, and for so long (milliseconds). */
const OLDER_LISTS = 3;
const OLDER_TIME = 10_000;
/** Refusals that have nothing to do with the version that was asked for. */
const NOT_OF_THE_VERSION = [0, 401, 403, 404, 429, 503];

export interface ReflectorOptions<T> {
  readonly client: ApiClient;
  readonly type: ResourceType;
  readonly selection?: Selection;
  /** Objects per page of a list. Default 500. */
  readonly page?: number;
  /** What it throws is a bug. */
  readonly convert: Convert<T>;
  readonly clock: Clock;
  /** Hears of what is strange, and was coped with. */
  readonly onWarning: (message: string) => void;
  /** Hears what listeners and `convert` throw. When absent, the process ends. */
  readonly onBug?: (error: unknown) => void;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/**
 * The objects of one type, kept in memory by a list and a watch. Never gives up, and never forgets anything because of a failure: an object
 * goes when the server says that it was deleted, or lists everything else completely.
 *
 * An API server that has truly lost its objects answers with an empty list: then they are gone, as for everybody in Kubernetes. One whose
 * versions lie behind those already seen (etcd restored from a backup, another cluster behind the same name, a server that lags behind) is
 * believed only when it says so for ten seconds: lists are consistent reads, so a state that was left behind does not come back by itself.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #collection: Collection<T>;
  readonly #retry: Retry;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #endPause: () => void = () => {};
  #listing = true;
  #paging = true;
  #synced = false;
  #failures = 0;
  #refusals = 0;
  #older: { readonly since: number; lists: number; version: string } | undefined;
  #trouble: string | undefined;
  #away = false;
  #asOf: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#collection = new Collection(options.convert);
    this.#retry = new Retry(options.random);
  }

  /** By `name`, or `namespace/name`. The same map for ever, changed before listeners are called. */
  get items(): ReadonlyMap<string, Item<T>> {
    return this.#collection.items;
  }

  /** Whether everything was delivered once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Why the items may not be the present ones, with the fix, for people. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether the trouble is that there is no answer. */
  get away(): boolean {
    return this.#away;
  }

  /** When the items were last known to be the present ones, ISO 8601. */
  get asOf(): string | undefined {
    return this.#asOf;
  }

  start(): void {
    this.#running ??= this.#run().catch(this.#bug);
  }

  /** Calls `listener` when items, `synced` or `trouble` have changed. The answer ends that. */
  watch(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Nobody is called any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#closing.abort(new Error('closed'));
    this.#endPause();
    await this.#running;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const delay = await this.#once().catch((error: unknown) => this.#failed(error));
      await this.#pause(delay);
    }
  }

  /** One list, if that is due, and one watch. Answers how long to wait until the next. */
  async #once(): Promise<number> {
    if (this.#listing && !(await this.#list())) return this.#retry.after();
    const begun = this.#options.clock.now();
    try {
      await this.#follow();
    } finally {
      if (this.#options.clock.now() - begun >= SHORT_WATCH) this.#retry.reset();
    }
    return this.#options.clock.now() - begun < SHORT_WATCH ? this.#retry.after() : 0;
  }

  /** Answers false when what was listed is not believed yet. */
  async #list(): Promise<boolean> {
    const { objects, version } = await this.#readPages();
    if (!this.#believes(version)) return false;
    const changed = this.#collection.replace(objects, version);
    const first = !this.#synced;
    this.#synced = true;
    this.#listing = false;
    this.#paging = true;
    if (this.#current() || changed || first) this.#notify();
    return true;
  }

  async #readPages(): Promise<{ readonly objects: readonly ApiObject[]; readonly version: string }> {
    const { client, type, selection, page: limit = PAGE } = this.#options;
    const options: ListOptions = { ...selection, signal: this.#closing.signal, ...(this.#paging && { limit }) };
    let page = await client.list(type, options);
    // Should a later page be of a later time, the watch tells what has happened in between.
    const version = page.resourceVersion;
    const objects = [...page.items];
    while (page.continue !== undefined && page.continue !== '') {
      const rest = page.continue;
      page = await client.list(type, { ...options, continue: rest });
      if (page.continue === rest) throw endless(client, type);
      objects.push(...page.items);
    }
    return { objects, version };
  }

  #believes(version: string): boolean {
    const seen = this.#collection.version;
    const { clock, client, type, onWarning } = this.#options;
    const words = `${client.server} tells a state of ${resourceName(type)} (version ${version}) that is older than the one already seen (${seen})`;
    if (seen === undefined || !isOlder(version, seen)) {
      this.#older = undefined;
      return true;
    }
    if (!this.#older || isOlder(version, this.#older.version)) this.#older = { since: clock.now(), lists: 0, version };
    this.#older.lists++;
    this.#older.version = version;
    if (this.#older.lists >= OLDER_LISTS && clock.now() - this.#older.since >= OLDER_TIME) {
      onWarning(`${words}, and stays with it: it is taken over; was etcd restored from a backup?`);
      this.#older = undefined;
      return true;
    }
    this.#setTrouble(`${words}: what was in force stays until the server has said so for ${OLDER_TIME / 1000} s`);
    return false;
  }

  async #follow(): Promise<void> {
    const { client, type, selection } = this.#options;
    const resourceVersion = this.#collection.version;
    if (resourceVersion === undefined) return;
    for await (const batch of client.watch(type, { ...selection, resourceVersion, signal: this.#closing.signal })) {
      if (this.#closed) return;
      if (batch.length > 0 && !this.#take(batch)) return;
      if (batch.length === 0 && this.#current()) this.#notify();
    }
  }

  /** Answers false when the server cannot be followed any further. */
  #take(batch: readonly WatchEvent[]): boolean {
    const { client, type, onWarning } = this.#options;
    const { changed, disorder } = this.#collection.take(batch);
    this.#retry.reset();
    this.#refusals = 0;
    if (this.#current() || changed) this.#notify();
    if (disorder === undefined) return true;
    onWarning(`${client.server} mixes up the watch of ${resourceName(type)}: ${disorder}; everything is listed again`);
    this.#listing = true;
    return false;
  }

  /** The items are those of now. Answers whether that is news. */
  #current(): boolean {
    const news = this.#trouble !== undefined;
    this.#asOf = this.#options.clock.date().toISOString();
    this.#failures = 0;
    this.#trouble = undefined;
    this.#away = false;
    return news;
  }

  /** Answers how long to wait. */
  #failed(error: unknown): number {
    if (this.#closed) return 0;
    if (!(error instanceof ApiError)) throw error;
    const { type } = this.#options;
    if (isGone(error)) {
      // The rest of a long list may expire before it is read: then all is asked for at once.
      if (this.#listing && !this.#paging) this.#setTrouble(readTrouble(error, type));
      if (this.#listing) this.#paging = false;
      this.#listing = true;
      return this.#retry.after(error);
    }
    if (!NOT_OF_THE_VERSION.includes(error.status) && ++this.#refusals >= REFUSALS) {
      this.#listing = true;
      this.#refusals = 0;
    }
    // A lost connection is usually there again at once, and then it is nobody's business.
    const passing = error.status === 0 && this.#synced && this.#failures === 0;
    this.#failures++;
    if (!passing) {
      this.#setTrouble(readTrouble(error, type), error.status === 0);
      // A watch would not say when it has told all that happened meanwhile. The server has mostly forgotten it anyway.
      if (error.status === 0) this.#listing = true;
    }
    return this.#retry.after(error);
  }

  #setTrouble(trouble: string, away = false): void {
    if (this.#trouble === trouble && this.#away === away) return;
    this.#trouble = trouble;
    this.#away = away;
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#bug(error);
      }
    }
  }

  readonly #bug = (error: unknown): void => {
    const { onBug } = this.#options;
    if (onBug) onBug(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  };

  #pause(milliseconds: number): Promise<void> {
    if (this.#closed || milliseconds <= 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(milliseconds, resolve);
    this.#endPause = () => {
      cancel();
      resolve();
    };
    return promise;
  }
}

function endless(client: ApiClient, type: ResourceType): ApiError {
  const message = `cannot list ${type.plural}: ${client.server} sends the same page again and again`;
  return new ApiError(message, { status: 0, reason: 'Malformed' });
}
