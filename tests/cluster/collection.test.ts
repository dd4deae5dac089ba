import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import { Collection, isOlder } from '../../src/cluster/collection.ts';

function object(name: string, resourceVersion: string, uid = `uid-of-${name}`): ApiObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name, uid, resourceVersion } };
}

/** `a@5 b@7` */
function told({ items }: Collection<unknown>): string {
  return [...items].map(([key, { resourceVersion }]) => `${key}@${resourceVersion}`).join(' ');
}

describe('a collection', () => {
  it('believes what a list holds before events that are behind it, though they follow the version of the list', () => {
    const collection = new Collection(String);
    collection.replace([object('a', '5')], '3');
    const taken = collection.take([
      { type: 'DELETED', object: object('a', '4') },
      { type: 'MODIFIED', object: object('a', '4') },
    ]);
    assert.deepEqual([taken, told(collection)], [{ changed: false, disorder: undefined }, 'a@5']);
    assert.equal(collection.take([{ type: 'DELETED', object: object('a', '5') }]).changed, true);
    assert.equal(told(collection), '');
  });

  it('takes events up to the first that is behind the one before', () => {
    const collection = new Collection(String);
    collection.replace([], '3');
    const { changed, disorder } = collection.take([
      { type: 'ADDED', object: object('a', '5') },
      { type: 'DELETED', object: object('a', '4') },
      { type: 'ADDED', object: object('b', '6') },
    ]);
    assert.deepEqual([changed, told(collection), collection.version], [true, 'a@5', '5']);
    assert.equal(disorder, 'DELETED a at version 4 came after version 5');
    assert.equal(collection.take([{ type: 'BOOKMARK', resourceVersion: '4' }]).disorder, 'a bookmark at version 4 came after version 5');
  });

  it('tells an object from one of the same name and version that is another', () => {
    const collection = new Collection(({ metadata }) => metadata.uid);
    collection.replace([object('a', '5', 'one')], '5');
    assert.equal(collection.replace([object('a', '5', 'two')], '5'), true);
    assert.equal(collection.items.get('a')?.value, 'two');
  });

  it('hears from the conversion that nothing has changed, and from what', () => {
    const befores: unknown[] = [];
    const collection = new Collection<string>((_, before) => {
      befores.push(before);
      return 'same';
    });
    assert.equal(collection.replace([object('a', '1')], '1'), true);
    assert.equal(collection.take([{ type: 'MODIFIED', object: object('a', '2') }]).changed, false);
    assert.equal(collection.replace([object('a', '3')], '3'), false);
    assert.deepEqual([befores, told(collection)], [[undefined, 'same', 'same'], 'a@3']);
  });

  it('keys by namespace where there is one', () => {
    const collection = new Collection(String);
    const named = { ...object('a', '1'), metadata: { ...object('a', '1').metadata, namespace: 'shop' } };
    collection.replace([named, object('a', '1')], '1');
    assert.equal(told(collection), 'shop/a@1 a@1');
  });

  it('compares versions as numbers, and believes what are none', () => {
    assert.deepEqual(
      [
        isOlder('9', '10'),
        isOlder('10', '9'),
        isOlder('10', '10'),
        isOlder('99999999999999999998', '99999999999999999999'),
        isOlder('a', 'b'),
      ],
      [true, false, false, true, false],
    );
  });
});
