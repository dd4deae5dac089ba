import { type Clock, systemClock } from '../../runtime/clock.ts';
import {
  type ApiClient,
  type ApiObject,
  type ApplyOptions,
  type DeleteOptions,
  formatObject,
  isNotFound,
  type ListOptions,
  type ObjectName,
  type Page,
  type ReplaceOptions,
  type ResourceType,
  type WatchEvent,
  type WatchOptions,
  type WrittenObject,
} from '../api-client.ts';
import { malformed } from './client-errors.ts';
import { toObject, toPage } from './client-objects.ts';
import { collectionPath, objectPath, query, selectors } from './client-paths.ts';
import { type ApiRequest, Transport } from './client-transport.ts';
import type { KubernetesConfig } from './config.ts';
import { watchEvents } from './watch-stream.ts';

/** A watch is ended by the server after a random time, so that not all clients come back at once; as client-go does. */
const SHORTEST_WATCH_SECONDS = 300;

/** Bookmarks come about once a minute. */
const WATCH_PATIENCE_MILLISECONDS = 150_000;

const JSON_TYPE = 'application/json';
const APPLY_TYPE = 'application/apply-patch+yaml';

export interface ClientOptions {
  /** Of Fairlead; with the role it is the User-Agent: `fairlead/1.2.3 (agent)`. */
  readonly version: string;
  readonly role: string;
  readonly clock?: Clock;
}

/** Connects only when something is asked of it. */
export function openKubernetes(config: KubernetesConfig, { version, role, clock = systemClock }: ClientOptions): ApiClient {
  return new KubernetesClient(config, new Transport(config.endpoint, config.user, `fairlead/${version} (${role})`, clock));
}

class KubernetesClient implements ApiClient {
  readonly server: string;
  readonly #transport: Transport;

  constructor({ endpoint }: KubernetesConfig, transport: Transport) {
    this.server = endpoint.server;
    this.#transport = transport;
  }

  get(type: ResourceType, name: ObjectName, signal?: AbortSignal): Promise<ApiObject> {
    return this.#object(type, { words: `get ${formatObject(type, name)}`, method: 'GET', path: objectPath(type, name), signal });
  }

  async list(type: ResourceType, options: ListOptions = {}): Promise<Page> {
    const { namespace, limit, continue: rest, resourceVersion, signal } = options;
    const parameters = query({ ...selectors(options), limit, continue: rest, resourceVersion });
    const request: ApiRequest = { words: `list ${type.plural}`, method: 'GET', path: collectionPath(type, namespace) + parameters, signal };
    const page = toPage(await this.#transport.json(request), type);
    if (page === undefined) throw malformed(this.#transport.question(request), 'something that is no proper list');
    return page;
  }

  watch(type: ResourceType, options: WatchOptions): AsyncIterable<readonly WatchEvent[]> {
    const { namespace, resourceVersion, signal } = options;
    const timeoutSeconds = Math.round(SHORTEST_WATCH_SECONDS * (1 + Math.random()));
    const parameters = query({ ...selectors(options), watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds });
    const request: ApiRequest = {
      words: `watch ${type.plural}`,
      method: 'GET',
      path: collectionPath(type, namespace) + parameters,
      signal,
      patience: WATCH_PATIENCE_MILLISECONDS,
    };
    return watchEvents(this.#transport.stream(request), type, this.#transport.question(request));
  }

  create(type: ResourceType, object: WrittenObject, signal?: AbortSignal): Promise<ApiObject> {
    const path = collectionPath(type, object.metadata.namespace);
    return this.#object(type, { words: `create ${formatObject(type, object.metadata)}`, method: 'POST', path, body: json(object), signal });
  }

  replace(type: ResourceType, object: WrittenObject, { subresource, signal }: ReplaceOptions = {}): Promise<ApiObject> {
    const path = objectPath(type, object.metadata, subresource);
    const asked = words(type, object.metadata, subresource);
    return this.#object(type, { words: `replace ${asked}`, method: 'PUT', path, body: json(object), signal });
  }

  apply(type: ResourceType, object: WrittenObject, { fieldManager, subresource, signal }: ApplyOptions): Promise<ApiObject> {
    // Else the API server reads the body a second time, for warnings that nobody sees: a quarter of what a large report costs it.
    const parameters = query({ fieldManager, force: true, fieldValidation: 'Ignore' });
    const path = objectPath(type, object.metadata, subresource) + parameters;
    const body = { type: APPLY_TYPE, value: object };
    return this.#object(type, { words: `apply ${words(type, object.metadata, subresource)}`, method: 'PATCH', path, body, signal });
  }

  async delete(type: ResourceType, name: ObjectName, { uid, resourceVersion, signal }: DeleteOptions = {}): Promise<void> {
    const body = json({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } });
    try {
      const request = {
        words: `delete ${formatObject(type, name)}`,
        method: 'DELETE',
        path: objectPath(type, name),
        body,
        signal,
      } as const;
      await this.#transport.json(request);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #object(type: ResourceType, request: ApiRequest): Promise<ApiObject> {
    const object = toObject(await this.#transport.json(request), type);
    if (object === undefined) throw malformed(this.#transport.question(request), 'something that is no proper object');
    return object;
  }
}

function json(value: unknown): { readonly type: string; readonly value: unknown } {
  return { type: JSON_TYPE, value };
}

/** `the status of staticroutes x`, or the object itself. */
function words(type: ResourceType, name: ObjectName, subresource: string | undefined): string {
  return `${subresource === undefined ? '' : `the ${subresource} of `}${formatObject(type, name)}`;
}
