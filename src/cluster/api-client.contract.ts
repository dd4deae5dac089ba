import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ApiClient,
  ApiError,
  type ApiObject,
  isConflict,
  isGone,
  isNotFound,
  type ResourceType,
  type WatchEvent,
  type WatchOptions,
  type WrittenObject,
} from './api-client.ts';

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

/** The type that the suite writes: with a status subresource, and a schema that admits every field. */
export const WIDGETS: ResourceType = { apiVersion: 'contract.fairlead.dev/v1', kind: 'Widget', plural: 'widgets', namespaced: false };

/** Built in, namespaced. The suite uses the namespaces `default` and `kube-system`, which every server has. */
export const CONFIG_MAPS: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

/** Served by nobody. */
export const UNKNOWN: ResourceType = { apiVersion: 'contract.fairlead.dev/v1', kind: 'Unknown', plural: 'unknowns', namespaced: false };

/** A guard against a test that waits for ever; nothing depends on it. */
const HANG = 60_000;

const MANAGER = { fieldManager: 'contract' } as const;

export function widget(
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
  labels?: Readonly<Record<string, string>>,
): WrittenObject {
  return { apiVersion: WIDGETS.apiVersion, kind: WIDGETS.kind, metadata: { name, ...(labels && { labels }) }, ...fields };
}

function configMap(namespace: string, name: string): WrittenObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels: { of: 'contract' } }, data: { key: 'value' } };
}

/** What every implementation of ApiClient does, against every server. */
export function describeApiClient(name: string, makeHarness: () => Promise<ApiHarness>): void {
  const scenario: Scenario = (title, run) => {
    it(title, { timeout: HANG }, async () => {
      const harness = await makeHarness();
      try {
        await run(harness);
      } finally {
        await harness.dispose();
      }
    });
  };
  describe(`${name} as a client of the Kubernetes API`, () => {
    describeObjects(scenario);
    describeApply(scenario);
    describeLists(scenario);
    describeWatches(scenario);
    describeFaults(scenario);
  });
}

type Scenario = (title: string, run: (harness: ApiHarness) => Promise<void>) => void;

function describeObjects(scenario: Scenario): void {
  scenario('creates an object once, and reads it', async ({ client }) => {
    const made = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }, { of: 'test' }));
    const { metadata } = made;
    assert.equal(metadata.generation, 1);
    assert.ok(metadata.uid && metadata.resourceVersion && Date.parse(metadata.creationTimestamp ?? ''));
    assert.deepEqual([made['spec'], metadata.labels], [{ size: 1 }, { of: 'test' }]);
    assert.deepEqual(await client.get(WIDGETS, { name: 'a' }), made);
    assert.equal('managedFields' in metadata, false);
    await assert.rejects(client.create(WIDGETS, widget('a')), (error) => isConflict(error) && reasonOf(error) === 'AlreadyExists');
  });

  scenario('says what is not there', async ({ client }) => {
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), (error) => isNotFound(error) && /"a" not found/.test(String(error)));
    await assert.rejects(client.replace(WIDGETS, { ...widget('a'), metadata: { name: 'a', resourceVersion: '1' } }), isNotFound);
    await assert.rejects(client.list(UNKNOWN), isNotFound);
    await assert.rejects(collect(client, UNKNOWN, { resourceVersion: '1' }, 1), isNotFound);
  });

  scenario('replaces only the version that it was told', async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const second = await client.replace(WIDGETS, over(first, { spec: { size: 2 } }));
    assert.equal(second.metadata.uid, first.metadata.uid);
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    const late = client.replace(WIDGETS, over(first, { spec: { size: 3 } }));
    await assert.rejects(late, (error) => isConflict(error) && reasonOf(error) === 'Conflict');
    assert.deepEqual((await client.get(WIDGETS, { name: 'a' }))['spec'], { size: 2 });
  });

  scenario('counts changes of the spec as generations, and writes nothing when nothing changes', async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const same = await client.replace(WIDGETS, over(first, { spec: { size: 1 } }));
    assert.equal(same.metadata.resourceVersion, first.metadata.resourceVersion);
    const labelled = await client.replace(WIDGETS, over(first, { spec: { size: 1 } }, { of: 'test' }));
    assert.equal(labelled.metadata.generation, 1);
    const bigger = await client.replace(WIDGETS, over(labelled, { spec: { size: 2 } }));
    assert.deepEqual([bigger.metadata.generation, bigger.metadata.labels], [2, undefined]);
  });

  scenario('keeps spec and status apart', async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 }, status: { ready: true } }));
    assert.equal(first['status'], undefined);
    const changed = over(first, { spec: { size: 7 }, status: { ready: true } });
    const status = await client.replace(WIDGETS, changed, { subresource: 'status' });
    assert.deepEqual([status['spec'], status['status'], status.metadata.generation], [{ size: 1 }, { ready: true }, 1]);
    const spec = await client.replace(WIDGETS, over(status, { spec: { size: 7 }, status: { ready: false } }));
    assert.deepEqual([spec['spec'], spec['status'], spec.metadata.generation], [{ size: 7 }, { ready: true }, 2]);
  });

  scenario('deletes, also what is gone, and only what is meant', async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a'));
    await client.create(WIDGETS, widget('b'));
    await client.delete(WIDGETS, { name: 'a' }, { uid: first.metadata.uid });
    await client.delete(WIDGETS, { name: 'a' });
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), isNotFound);
    const second = await client.create(WIDGETS, widget('a'));
    assert.notEqual(second.metadata.uid, first.metadata.uid);
    await assert.rejects(client.delete(WIDGETS, { name: 'a' }, { uid: first.metadata.uid }), isConflict);
    assert.deepEqual(namesOf((await client.list(WIDGETS)).items), ['a', 'b']);
  });

  scenario('keeps objects of the same name in two namespaces apart', async ({ client }) => {
    for (const namespace of ['default', 'kube-system']) await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    const labelSelector = 'of=contract';
    assert.equal((await client.list(CONFIG_MAPS, { labelSelector })).items.length, 2);
    const [only] = (await client.list(CONFIG_MAPS, { labelSelector, namespace: 'kube-system' })).items;
    assert.equal(only?.metadata.namespace, 'kube-system');
    await client.delete(CONFIG_MAPS, { namespace: 'default', name: 'a' });
    assert.equal((await client.get(CONFIG_MAPS, { namespace: 'kube-system', name: 'a' })).metadata.uid, only?.metadata.uid);
  });
}

function describeApply(scenario: Scenario): void {
  scenario('applies: creates, changes, and writes nothing when nothing changes', async ({ client }) => {
    const first = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const same = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    assert.equal(same.metadata.resourceVersion, first.metadata.resourceVersion);
    const second = await client.apply(WIDGETS, widget('a', { spec: { size: 2 } }), MANAGER);
    assert.deepEqual([second['spec'], second.metadata.generation, second.metadata.uid], [{ size: 2 }, 2, first.metadata.uid]);
  });

  scenario('removes the fields that a manager no longer applies, and leaves those of others', async ({ client }) => {
    await client.apply(WIDGETS, widget('a', { spec: { size: 1, color: 'red', list: [1] } }, { of: 'test' }), MANAGER);
    await client.apply(WIDGETS, widget('a', { spec: { shape: 'round' } }), { fieldManager: 'other' });
    const last = await client.apply(WIDGETS, widget('a', { spec: { size: 1, list: [2] } }), MANAGER);
    assert.deepEqual([last['spec'], last.metadata.labels], [{ size: 1, shape: 'round', list: [2] }, undefined]);
  });

  scenario('takes over the fields of others', async ({ client }) => {
    await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), { fieldManager: 'other' });
    await client.apply(WIDGETS, widget('a', { spec: { size: 2 } }), MANAGER);
    const last = await client.apply(WIDGETS, widget('a', { spec: { color: 'red' } }), { fieldManager: 'other' });
    assert.deepEqual(last['spec'], { size: 2, color: 'red' });
  });

  scenario('applies the status by itself, and only to what is there', async ({ client }) => {
    const status = widget('a', { spec: { size: 7 }, status: { ready: true } });
    await assert.rejects(client.apply(WIDGETS, status, { ...MANAGER, subresource: 'status' }), isNotFound);
    await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const last = await client.apply(WIDGETS, status, { ...MANAGER, subresource: 'status' });
    assert.deepEqual([last['spec'], last['status'], last.metadata.generation], [{ size: 1 }, { ready: true }, 1]);
    assert.deepEqual((await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER))['status'], { ready: true });
  });

  scenario('applies over a version when it is told one', async ({ client }) => {
    const { metadata } = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const { resourceVersion } = metadata;
    await client.apply(WIDGETS, { ...widget('a', { spec: { size: 2 } }), metadata: { name: 'a', resourceVersion } }, MANAGER);
    const late = client.apply(WIDGETS, { ...widget('a', { spec: { size: 3 } }), metadata: { name: 'a', resourceVersion } }, MANAGER);
    await assert.rejects(late, isConflict);
  });
}

function describeLists(scenario: Scenario): void {
  scenario('lists in pages, each object once, as they were at one time', async ({ client }) => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await client.create(WIDGETS, widget(name));
    const first = await client.list(WIDGETS, { limit: 2 });
    assert.deepEqual(namesOf(first.items), ['a', 'b']);
    await client.delete(WIDGETS, { name: 'c' });
    await client.create(WIDGETS, widget('f'));
    const found = [...first.items];
    for (let page = first; page.continue !== undefined; found.push(...page.items)) {
      page = await client.list(WIDGETS, { limit: 2, continue: page.continue });
      assert.equal(page.resourceVersion, first.resourceVersion);
    }
    assert.deepEqual(namesOf(found), names);
    const events = await collect(client, WIDGETS, { resourceVersion: first.resourceVersion }, 2);
    assert.deepEqual(told(events), ['DELETED c', 'ADDED f']);
  });

  scenario('gives items their type', async ({ client }) => {
    await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const { items } = await client.list(WIDGETS, { resourceVersion: '0' });
    assert.deepEqual(items, [await client.get(WIDGETS, { name: 'a' })]);
    assert.deepEqual([items[0]?.apiVersion, items[0]?.kind], [WIDGETS.apiVersion, WIDGETS.kind]);
  });

  scenario('selects by name and by label', async ({ client }) => {
    await client.create(WIDGETS, widget('a', {}, { color: 'red' }));
    await client.create(WIDGETS, widget('b', {}, { color: 'blue' }));
    await client.create(WIDGETS, widget('c'));
    const named = async (selection: object): Promise<readonly string[]> => namesOf((await client.list(WIDGETS, selection)).items);
    assert.deepEqual(await named({ fieldSelector: 'metadata.name=b' }), ['b']);
    assert.deepEqual(await named({ fieldSelector: 'metadata.name=x' }), []);
    assert.deepEqual(await named({ labelSelector: 'color=red' }), ['a']);
    assert.deepEqual(await named({ labelSelector: 'color in (red, blue),color!=blue' }), ['a']);
    assert.deepEqual(await named({ labelSelector: '!color' }), ['c']);
    await assert.rejects(named({ fieldSelector: 'spec.size=1' }), (error) => error instanceof ApiError && error.status === 400);
  });
}

function describeWatches(scenario: Scenario): void {
  scenario('watches from a version: all that came after it, in order, the last state of what is deleted', async ({ client }) => {
    await client.create(WIDGETS, widget('before'));
    const { resourceVersion } = await client.list(WIDGETS);
    const made = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const events = collect(client, WIDGETS, { resourceVersion }, 3);
    const changed = await client.replace(WIDGETS, over(made, { spec: { size: 2 } }));
    await client.delete(WIDGETS, { name: 'a' });
    const [added, modified, deleted] = await events;
    assert.deepEqual(told(await events), ['ADDED a', 'MODIFIED a', 'DELETED a']);
    assert.deepEqual([objectOf(added), objectOf(modified)], [made, changed]);
    assert.deepEqual(objectOf(deleted)['spec'], { size: 2 });
    assert.notEqual(objectOf(deleted).metadata.resourceVersion, changed.metadata.resourceVersion);
    const from = objectOf(modified).metadata.resourceVersion;
    assert.deepEqual(told(await collect(client, WIDGETS, { resourceVersion: from }, 1)), ['DELETED a']);
  });

  scenario('goes on from the version of a deletion', async ({ client }) => {
    const { resourceVersion } = await client.list(WIDGETS);
    await client.create(WIDGETS, widget('a'));
    await client.delete(WIDGETS, { name: 'a' });
    const deleted = (await collect(client, WIDGETS, { resourceVersion }, 2)).at(-1);
    await client.create(WIDGETS, widget('b'));
    const from = objectOf(deleted).metadata.resourceVersion;
    assert.deepEqual(told(await collect(client, WIDGETS, { resourceVersion: from }, 1)), ['ADDED b']);
  });

  scenario('says at once that the server has accepted a watch, by an empty batch', async ({ client }) => {
    const { resourceVersion } = await client.list(WIDGETS);
    const watch = client.watch(WIDGETS, { resourceVersion })[Symbol.asyncIterator]();
    assert.deepEqual(await watch.next(), { done: false, value: [] });
    await watch.return?.();
  });

  scenario('watches a selection: what leaves it is deleted, what enters it is added', async ({ client }) => {
    const { resourceVersion } = await client.list(WIDGETS);
    const red = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }, { color: 'red' }));
    await client.create(WIDGETS, widget('b', {}, { color: 'blue' }));
    const blue = await client.replace(WIDGETS, over(red, { spec: { size: 2 } }, { color: 'blue' }));
    await client.replace(WIDGETS, over(blue, { spec: { size: 2 } }, { color: 'red' }));
    const events = await collect(client, WIDGETS, { resourceVersion, labelSelector: 'color=red' }, 3);
    assert.deepEqual(told(events), ['ADDED a', 'DELETED a', 'ADDED a']);
    assert.deepEqual(objectOf(events[1])['spec'], { size: 1 });
    assert.equal(objectOf(events[1]).metadata.resourceVersion, blue.metadata.resourceVersion);
    const named = await collect(client, WIDGETS, { resourceVersion, fieldSelector: 'metadata.name=b' }, 1);
    assert.deepEqual(told(named), ['ADDED b']);
  });

  scenario('watches one namespace, or all of them', async ({ client }) => {
    const labelSelector = 'of=contract';
    const { resourceVersion } = await client.list(CONFIG_MAPS, { labelSelector });
    await client.create(CONFIG_MAPS, configMap('default', 'a'));
    await client.create(CONFIG_MAPS, configMap('kube-system', 'b'));
    assert.deepEqual(told(await collect(client, CONFIG_MAPS, { resourceVersion, labelSelector }, 2)), ['ADDED a', 'ADDED b']);
    const one = { resourceVersion, labelSelector, namespace: 'kube-system' };
    assert.deepEqual(told(await collect(client, CONFIG_MAPS, one, 1)), ['ADDED b']);
  });

  scenario('serves several watches at once', async ({ client }) => {
    const { resourceVersion } = await client.list(WIDGETS);
    const watches = [1, 2, 3].map(() => collect(client, WIDGETS, { resourceVersion }, 2));
    await client.create(WIDGETS, widget('a'));
    await client.create(WIDGETS, widget('b'));
    for (const events of await Promise.all(watches)) assert.deepEqual(told(events), ['ADDED a', 'ADDED b']);
  });
}

function describeFaults(scenario: Scenario): void {
  scenario('refuses a version that is too old', async ({ client }) => {
    await client.create(WIDGETS, widget('a'));
    await assert.rejects(collect(client, WIDGETS, { resourceVersion: '1' }, 1), isGone);
  });

  scenario('refuses what has expired', async ({ client, expire }) => {
    for (const name of ['a', 'b', 'c']) await client.create(WIDGETS, widget(name));
    const page = await client.list(WIDGETS, { limit: 1 });
    await client.create(WIDGETS, widget('d'));
    await expire();
    await assert.rejects(client.list(WIDGETS, { limit: 1, continue: page.continue ?? '' }), isGone);
    await assert.rejects(collect(client, WIDGETS, { resourceVersion: page.resourceVersion }, 1), isGone);
    const { items, resourceVersion } = await client.list(WIDGETS);
    assert.deepEqual(namesOf(items), ['a', 'b', 'c', 'd']);
    const events = collect(client, WIDGETS, { resourceVersion }, 1);
    await client.create(WIDGETS, widget('e'));
    assert.deepEqual(told(await events), ['ADDED e']);
  });

  scenario('rejects with the reason of the signal', async ({ client }) => {
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(client.get(WIDGETS, { name: 'a' }, aborted), reason);
    await assert.rejects(client.list(WIDGETS, { signal: aborted }), reason);
    await assert.rejects(client.delete(WIDGETS, { name: 'a' }, { signal: aborted }), reason);
    const { resourceVersion } = await client.list(WIDGETS);
    const controller = new AbortController();
    const watch = client.watch(WIDGETS, { resourceVersion, signal: controller.signal })[Symbol.asyncIterator]();
    await watch.next();
    const next = watch.next();
    controller.abort(reason);
    await assert.rejects(next, reason);
  });

  scenario('says that the server cannot be reached, ends its watches, and goes on when it is back', async (harness) => {
    const { client, elsewhere } = harness;
    const { resourceVersion } = await client.list(WIDGETS);
    const watch = client.watch(WIDGETS, { resourceVersion })[Symbol.asyncIterator]();
    await watch.next();
    const next = watch.next();
    next.catch(() => undefined);
    await harness.away();
    await assert.rejects(next, isUnreachable);
    await assert.rejects(client.list(WIDGETS), isUnreachable);
    await assert.rejects(client.create(WIDGETS, widget('x')), isUnreachable);
    await assert.rejects(collect(client, WIDGETS, { resourceVersion }, 1), isUnreachable);
    await elsewhere.create(WIDGETS, widget('a'));
    await harness.back();
    assert.deepEqual(told(await collect(client, WIDGETS, { resourceVersion }, 1)), ['ADDED a']);
  });
}

/** A whole object over the version that was read. */
function over(
  { metadata }: ApiObject,
  fields: Readonly<Record<string, unknown>>,
  labels?: Readonly<Record<string, string>>,
): WrittenObject {
  const { name, resourceVersion } = metadata;
  return { ...widget(name, fields, labels), metadata: { name, resourceVersion, ...(labels && { labels }) } };
}

/** The first so many events, bookmarks apart; then the watch is left. */
async function collect(client: ApiClient, type: ResourceType, options: WatchOptions, count: number): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const batch of client.watch(type, options)) {
    events.push(...batch.filter((event) => event.type !== 'BOOKMARK'));
    if (events.length >= count) return events;
  }
  throw new Error(`the watch ended after ${told(events).join()}`);
}

/** `ADDED a` */
function told(events: readonly WatchEvent[]): readonly string[] {
  return events.map((event) => `${event.type} ${objectOf(event).metadata.name}`);
}

function objectOf(event: WatchEvent | undefined): ApiObject {
  assert.ok(event && event.type !== 'BOOKMARK');
  return event.object;
}

function namesOf(objects: readonly ApiObject[]): readonly string[] {
  return objects.map(({ metadata }) => metadata.name);
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof ApiError ? error.reason : undefined;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0;
}
