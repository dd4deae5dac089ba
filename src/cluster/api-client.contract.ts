import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, isGone } from './api-client.ts';
import { APPLYING } from './contract/api-applies.ts';
import { FINALIZERS } from './contract/api-finalizers.ts';
import { OBJECTS } from './contract/api-objects.ts';
import {
  type ApiHarness,
  CONFIG_MAPS,
  collect,
  configMap,
  isUnreachable,
  namesOf,
  objectOf,
  over,
  told,
  WIDGETS,
  widget,
} from './contract/api-widgets.ts';

/** A guard against a test that waits for ever; nothing depends on it. */
const HANG = 60_000;

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
    for (const [title, run] of Object.entries({ ...OBJECTS, ...FINALIZERS, ...APPLYING })) scenario(title, run);
    describeLists(scenario);
    describeWatches(scenario);
    describeFaults(scenario);
  });
}

type Scenario = (title: string, run: (harness: ApiHarness) => Promise<void>) => void;

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
