import assert from 'node:assert/strict';
import {
  type ApiClient,
  ApiError,
  type ApiObject,
  type ResourceType,
  type WatchEvent,
  type WatchOptions,
  type WrittenObject,
} from '../api-client.ts';

/** A server and a client of it. Each test gets one without widgets, and without config maps that carry `of=contract`. */
export interface ApiHarness {
  readonly client: ApiClient;
  /** The server can no longer be reached by `client`; connections break. */
  away(): Promise<void>;
  /** What happens at the server meanwhile comes from somebody else. */
  elsewhere: ApiClient;
  back(): Promise<void>;
  /** Versions and rests of lists from before now are no longer kept: etcd is compacted, and the API server's cache forgotten. */
  expire(): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * The type that the suite writes: with a status subresource, and a schema that admits every field. The items of `status.conditions` are told
 * apart by their `type`.
 */
export const WIDGETS: ResourceType = { apiVersion: 'contract.fairlead.dev/v1', kind: 'Widget', plural: 'widgets', namespaced: false };

/** Built in, namespaced. The suite uses the namespaces `default` and `kube-system`, which every server has. */
export const CONFIG_MAPS: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

/** Served by nobody. */
export const UNKNOWN: ResourceType = { apiVersion: 'contract.fairlead.dev/v1', kind: 'Unknown', plural: 'unknowns', namespaced: false };

/** Who writes. */
export const MANAGER = { fieldManager: 'contract' } as const;

export function widget(
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
  labels?: Readonly<Record<string, string>>,
): WrittenObject {
  return { apiVersion: WIDGETS.apiVersion, kind: WIDGETS.kind, metadata: { name, ...(labels && { labels }) }, ...fields };
}

export function configMap(namespace: string, name: string): WrittenObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels: { of: 'contract' } }, data: { key: 'value' } };
}

/** By what they show. */
export type Scenarios = Readonly<Record<string, (harness: ApiHarness) => Promise<void>>>;

/** A whole object over the version that was read. */
export function over(
  { metadata }: ApiObject,
  fields: Readonly<Record<string, unknown>>,
  labels?: Readonly<Record<string, string>>,
): WrittenObject {
  const { name, resourceVersion } = metadata;
  return { ...widget(name, fields, labels), metadata: { name, resourceVersion, ...(labels && { labels }) } };
}

/** The first so many events, bookmarks apart; then the watch is left. */
export async function collect(client: ApiClient, type: ResourceType, options: WatchOptions, count: number): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const batch of client.watch(type, options)) {
    events.push(...batch.filter((event) => event.type !== 'BOOKMARK'));
    if (events.length >= count) return events;
  }
  throw new Error(`the watch ended after ${told(events).join()}`);
}

/** `ADDED a` */
export function told(events: readonly WatchEvent[]): readonly string[] {
  return events.map((event) => `${event.type} ${objectOf(event).metadata.name}`);
}

export function objectOf(event: WatchEvent | undefined): ApiObject {
  assert.ok(event && event.type !== 'BOOKMARK');
  return event.object;
}

export function namesOf(objects: readonly ApiObject[]): readonly string[] {
  return objects.map(({ metadata }) => metadata.name);
}

export function reasonOf(error: unknown): string | undefined {
  return error instanceof ApiError ? error.reason : undefined;
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0;
}
