import assert from 'node:assert/strict';
import { ApiError, type ApiObject, isConflict, isNotFound, type WrittenObject } from '../api-client.ts';
import { collect, MANAGER, reasonOf, type Scenarios, told, WIDGETS, widget } from './api-widgets.ts';

/** How objects wait for the end of what was begun for them, and which object is meant. */
export const FINALIZERS: Scenarios = {
  'marks what has a finalizer when it is deleted, and lets it go with the last one': async ({ client }) => {
    const made = await client.create(WIDGETS, held('a', DONE, MORE));
    assert.deepEqual(made.metadata.finalizers, [DONE, MORE]);
    await client.delete(WIDGETS, { name: 'a' }, { uid: made.metadata.uid });
    const marked = await client.get(WIDGETS, { name: 'a' });
    assert.ok(Date.parse(marked.metadata.deletionTimestamp ?? ''));
    assert.notEqual(marked.metadata.resourceVersion, made.metadata.resourceVersion);
    assert.equal(marked.metadata.generation, 2);
    await client.delete(WIDGETS, { name: 'a' });
    assert.deepEqual(await client.get(WIDGETS, { name: 'a' }), marked);
    await assert.rejects(client.create(WIDGETS, held('a')), (error) => isConflict(error) && reasonOf(error) === 'AlreadyExists');
    const half = await client.replace(WIDGETS, without(marked, MORE));
    assert.deepEqual([half.metadata.finalizers, half.metadata.deletionTimestamp], [[DONE], marked.metadata.deletionTimestamp]);
    const last = await client.replace(WIDGETS, without(half, DONE));
    assert.deepEqual([last.metadata.uid, last.metadata.finalizers], [made.metadata.uid, undefined]);
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), isNotFound);
    await assert.rejects(client.replace(WIDGETS, without(half, DONE)), isNotFound);
    assert.notEqual((await client.create(WIDGETS, held('a'))).metadata.uid, made.metadata.uid);
  },

  'gives no new finalizer to what is being deleted, but a status': async ({ client }) => {
    await client.create(WIDGETS, held('a', DONE));
    await client.delete(WIDGETS, { name: 'a' });
    const marked = await client.get(WIDGETS, { name: 'a' });
    const more = { ...marked, metadata: { ...marked.metadata, finalizers: [DONE, MORE] } };
    await assert.rejects(client.replace(WIDGETS, more), (error) => error instanceof ApiError && error.status === 422);
    const { resourceVersion } = marked.metadata;
    const told = { ...widget('a', { status: { ready: false } }), metadata: { name: 'a', resourceVersion } };
    const answer = await client.apply(WIDGETS, told, { ...MANAGER, subresource: 'status' });
    assert.deepEqual([answer['status'], answer.metadata.finalizers], [{ ready: false }, [DONE]]);
    await assert.rejects(client.replace(WIDGETS, without(marked, DONE)), isConflict);
    await client.replace(WIDGETS, without(answer, DONE));
  },

  'leaves finalizers alone when a status is written, and takes those of a replacement': async ({ client }) => {
    const made = await client.create(WIDGETS, held('a', DONE));
    const told = { ...widget('a', { status: { ready: true } }), metadata: { name: 'a', resourceVersion: made.metadata.resourceVersion } };
    const status = await client.replace(WIDGETS, told, { subresource: 'status' });
    assert.deepEqual([status.metadata.finalizers, status.metadata.generation], [[DONE], 1]);
    const free = await client.replace(WIDGETS, without(status, DONE));
    assert.deepEqual([free.metadata.finalizers, free.metadata.generation, free['status']], [undefined, 1, { ready: true }]);
    await client.delete(WIDGETS, { name: 'a' });
    await assert.rejects(client.get(WIDGETS, { name: 'a' }), isNotFound);
  },

  'tells a watch of the mark, and of the end': async ({ client }) => {
    const { resourceVersion } = await client.list(WIDGETS);
    await client.create(WIDGETS, held('a', DONE));
    await client.delete(WIDGETS, { name: 'a' });
    await client.replace(WIDGETS, without(await client.get(WIDGETS, { name: 'a' }), DONE));
    const events = await collect(client, WIDGETS, { resourceVersion }, 3);
    assert.deepEqual(told(events), ['ADDED a', 'MODIFIED a', 'DELETED a']);
  },

  'writes over that very object when it is told its uid': async ({ client }) => {
    const first = await client.create(WIDGETS, widget('a'));
    const { uid } = first.metadata;
    const meant = (size: number, resourceVersion?: string): WrittenObject => ({
      ...widget('a', { spec: { size } }),
      metadata: { name: 'a', uid, ...(resourceVersion !== undefined && { resourceVersion }) },
    });
    const applied = await client.apply(WIDGETS, meant(1), MANAGER);
    await client.replace(WIDGETS, meant(2, applied.metadata.resourceVersion));
    await client.delete(WIDGETS, { name: 'a' });
    await assert.rejects(client.apply(WIDGETS, meant(3), MANAGER), isConflict);
    const second = await client.create(WIDGETS, widget('a'));
    await assert.rejects(client.apply(WIDGETS, meant(4), MANAGER), (error) => error instanceof ApiError && error.status === 422);
    await assert.rejects(client.replace(WIDGETS, meant(5, second.metadata.resourceVersion)), isConflict);
    assert.deepEqual(await client.get(WIDGETS, { name: 'a' }), second);
  },

  'writes a status over a version, also when another object has got the name': async ({ client }) => {
    const { resourceVersion } = (await client.create(WIDGETS, widget('a'))).metadata;
    const told = { ...widget('a', { status: { ready: true } }), metadata: { name: 'a', resourceVersion } };
    const options = { ...MANAGER, subresource: 'status' } as const;
    assert.deepEqual((await client.apply(WIDGETS, told, options))['status'], { ready: true });
    await assert.rejects(client.apply(WIDGETS, { ...told, status: {} }, options), isConflict);
    await client.delete(WIDGETS, { name: 'a' });
    await assert.rejects(client.apply(WIDGETS, told, options), isNotFound);
    await client.create(WIDGETS, widget('a'));
    await assert.rejects(client.apply(WIDGETS, told, options), isConflict);
  },
};

const DONE = 'contract.fairlead.dev/done';
const MORE = 'contract.fairlead.dev/more';

function held(name: string, ...finalizers: readonly string[]): WrittenObject {
  return { ...widget(name), metadata: { name, finalizers } };
}

function without(object: ApiObject, finalizer: string): WrittenObject {
  const finalizers = object.metadata.finalizers?.filter((each) => each !== finalizer) ?? [];
  return { ...object, metadata: { ...object.metadata, finalizers } };
}
