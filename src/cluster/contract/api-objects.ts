import assert from 'node:assert/strict';
import { isConflict, isNotFound } from '../api-client.ts';
import { CONFIG_MAPS, collect, configMap, namesOf, over, reasonOf, type Scenarios, UNKNOWN, WIDGETS, widget } from './api-widgets.ts';

/** What becomes of single objects. */
export const OBJECTS: Scenarios = {
  'creates an object once, and reads it': async ({ client }) => {
    const made = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }, { of: 'test' }));
    const { metadata } = made;
    assert.equal(metadata.generation, 1);
    assert.ok(metadata.uid && metadata.resourceVersion && Date.parse(metadata.creationTimestamp ?? ''));
    assert.deepEqual([made['spec'], metadata.labels], [{ size: 1 }, { of: 'test' }]);
    assert.deepEqual(await client.get(WIDGETS, { name: 'a' }), made);
    assert.equal('managedFields' in metadata, false);
    await assert.rejects(client.create(WIDGETS, widget('a')), (error) => isConflict(error) && reasonOf(error) === 'AlreadyExists');
  },

  'says what is not there': async ({ client }) => {
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), (error) => isNotFound(error) && /"a" not found/.test(String(error)));
    await assert.rejects(client.replace(WIDGETS, { ...widget('a'), metadata: { name: 'a', resourceVersion: '1' } }), isNotFound);
    await assert.rejects(client.list(UNKNOWN), isNotFound);
    await assert.rejects(collect(client, UNKNOWN, { resourceVersion: '1' }, 1), isNotFound);
  },

  'replaces only the version that it was told': async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const second = await client.replace(WIDGETS, over(first, { spec: { size: 2 } }));
    assert.equal(second.metadata.uid, first.metadata.uid);
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    const late = client.replace(WIDGETS, over(first, { spec: { size: 3 } }));
    await assert.rejects(late, (error) => isConflict(error) && reasonOf(error) === 'Conflict');
    assert.deepEqual((await client.get(WIDGETS, { name: 'a' }))['spec'], { size: 2 });
  },

  'counts changes of the spec as generations, and writes nothing when nothing changes': async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 } }));
    const same = await client.replace(WIDGETS, over(first, { spec: { size: 1 } }));
    assert.equal(same.metadata.resourceVersion, first.metadata.resourceVersion);
    const labelled = await client.replace(WIDGETS, over(first, { spec: { size: 1 } }, { of: 'test' }));
    assert.equal(labelled.metadata.generation, 1);
    const bigger = await client.replace(WIDGETS, over(labelled, { spec: { size: 2 } }));
    assert.deepEqual([bigger.metadata.generation, bigger.metadata.labels], [2, undefined]);
  },

  'keeps spec and status apart': async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a', { spec: { size: 1 }, status: { ready: true } }));
    assert.equal(first['status'], undefined);
    const changed = over(first, { spec: { size: 7 }, status: { ready: true } });
    const status = await client.replace(WIDGETS, changed, { subresource: 'status' });
    assert.deepEqual([status['spec'], status['status'], status.metadata.generation], [{ size: 1 }, { ready: true }, 1]);
    const spec = await client.replace(WIDGETS, over(status, { spec: { size: 7 }, status: { ready: false } }));
    assert.deepEqual([spec['spec'], spec['status'], spec.metadata.generation], [{ size: 7 }, { ready: true }, 2]);
  },

  'deletes, also what is gone, and only what is meant': async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a'));
    await client.create(WIDGETS, widget('b'));
    await client.delete(WIDGETS, { name: 'a' }, { uid: first.metadata.uid });
    await client.delete(WIDGETS, { name: 'a' });
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), isNotFound);
    const second = await client.create(WIDGETS, widget('a'));
    assert.notEqual(second.metadata.uid, first.metadata.uid);
    await assert.rejects(client.delete(WIDGETS, { name: 'a' }, { uid: first.metadata.uid }), isConflict);
    const { resourceVersion } = first.metadata;
    await assert.rejects(client.delete(WIDGETS, { name: 'a' }, { resourceVersion }), isConflict);
    await client.create(WIDGETS, widget('c'));
    await client.delete(WIDGETS, { name: 'c' }, { resourceVersion: (await client.get(WIDGETS, { name: 'c' })).metadata.resourceVersion });
    assert.deepEqual(namesOf((await client.list(WIDGETS)).items), ['a', 'b']);
  },

  'keeps objects of the same name in two namespaces apart': async ({ client }) => {
    for (const namespace of ['default', 'kube-system']) await client.create(CONFIG_MAPS, configMap(namespace, 'a'));
    const labelSelector = 'of=contract';
    assert.equal((await client.list(CONFIG_MAPS, { labelSelector })).items.length, 2);
    const [only] = (await client.list(CONFIG_MAPS, { labelSelector, namespace: 'kube-system' })).items;
    assert.equal(only?.metadata.namespace, 'kube-system');
    await client.delete(CONFIG_MAPS, { namespace: 'default', name: 'a' });
    assert.equal((await client.get(CONFIG_MAPS, { namespace: 'kube-system', name: 'a' })).metadata.uid, only?.metadata.uid);
  },
};
