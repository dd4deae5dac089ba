import assert from 'node:assert/strict';
import { type ApiObject, isConflict, isNotFound, type WrittenObject } from '../api-client.ts';
import { MANAGER, type Scenarios, WIDGETS, widget } from './api-widgets.ts';

/** Server-side apply. */
export const APPLYING: Scenarios = {
  'applies: creates, changes, and writes nothing when nothing changes': async ({ client }) => {
    const first = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const same = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    assert.equal(same.metadata.resourceVersion, first.metadata.resourceVersion);
    const second = await client.apply(WIDGETS, widget('a', { spec: { size: 2 } }), MANAGER);
    assert.deepEqual([second['spec'], second.metadata.generation, second.metadata.uid], [{ size: 2 }, 2, first.metadata.uid]);
  },

  'removes the fields that a manager no longer applies, and leaves those of others': async ({ client }) => {
    await client.apply(WIDGETS, widget('a', { spec: { size: 1, color: 'red', list: [1] } }, { of: 'test' }), MANAGER);
    await client.apply(WIDGETS, widget('a', { spec: { shape: 'round' } }), { fieldManager: 'other' });
    const last = await client.apply(WIDGETS, widget('a', { spec: { size: 1, list: [2] } }), MANAGER);
    assert.deepEqual([last['spec'], last.metadata.labels], [{ size: 1, shape: 'round', list: [2] }, undefined]);
  },

  'takes over the fields of others': async ({ client }) => {
    await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), { fieldManager: 'other' });
    await client.apply(WIDGETS, widget('a', { spec: { size: 2 } }), MANAGER);
    const last = await client.apply(WIDGETS, widget('a', { spec: { color: 'red' } }), { fieldManager: 'other' });
    assert.deepEqual(last['spec'], { size: 2, color: 'red' });
  },

  'applies the status by itself, and only to what is there': async ({ client }) => {
    const status = widget('a', { spec: { size: 7 }, status: { ready: true } });
    await assert.rejects(client.apply(WIDGETS, status, { ...MANAGER, subresource: 'status' }), isNotFound);
    await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const last = await client.apply(WIDGETS, status, { ...MANAGER, subresource: 'status' });
    assert.deepEqual([last['spec'], last['status'], last.metadata.generation], [{ size: 1 }, { ready: true }, 1]);
    assert.deepEqual((await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER))['status'], { ready: true });
  },

  'merges a list by its key: each manager has its own items, and its own fields of one': async ({ client }) => {
    const ready = { type: 'Ready', status: 'True' };
    const told = (conditions: readonly object[]): WrittenObject => widget('a', { status: { conditions } });
    const status = { ...MANAGER, subresource: 'status' } as const;
    const other = { fieldManager: 'other', subresource: 'status' } as const;
    await client.create(WIDGETS, widget('a'));
    await client.apply(WIDGETS, told([ready]), status);
    await client.apply(
      WIDGETS,
      told([
        { type: 'Device', status: 'False' },
        { type: 'Ready', note: 'seen' },
      ]),
      other,
    );
    const both = await client.apply(WIDGETS, told([{ ...ready, status: 'False' }]), status);
    const byType = ({ status: now }: ApiObject): readonly unknown[] =>
      ['Ready', 'Device'].map((type) => (now as { conditions: readonly { type: string }[] }).conditions.find((each) => each.type === type));
    assert.deepEqual(byType(both), [
      { type: 'Ready', status: 'False', note: 'seen' },
      { type: 'Device', status: 'False' },
    ]);
    const less = await client.apply(WIDGETS, told([]), other);
    assert.deepEqual(byType(less), [{ type: 'Ready', status: 'False' }, undefined]);
  },

  'applies over a version when it is told one': async ({ client }) => {
    const { metadata } = await client.apply(WIDGETS, widget('a', { spec: { size: 1 } }), MANAGER);
    const { resourceVersion } = metadata;
    await client.apply(WIDGETS, { ...widget('a', { spec: { size: 2 } }), metadata: { name: 'a', resourceVersion } }, MANAGER);
    const late = client.apply(WIDGETS, { ...widget('a', { spec: { size: 3 } }), metadata: { name: 'a', resourceVersion } }, MANAGER);
    await assert.rejects(late, isConflict);
  },
};
