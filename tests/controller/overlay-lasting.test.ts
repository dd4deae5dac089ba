import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lasting } from '../../src/controller/overlay/lasting.ts';

describe('what lasts', () => {
  const map = (...names: readonly string[]): ReadonlyMap<string, string> => new Map(names.map((name) => [name, `${name}!`]));

  it('is told once it has been so for long without a break, and not a moment before', () => {
    const lasting = new Lasting<string>(10);
    assert.deepEqual([lasting.look(map('a'), 0), lasting.left], [[], 10]);
    assert.deepEqual([lasting.look(map('a', 'b'), 4), lasting.left], [[], 6]);
    assert.deepEqual([lasting.look(map('a', 'b'), 10), lasting.left], [['a!'], 4]);
    assert.deepEqual([lasting.look(map('b'), 14), lasting.left], [['b!'], Number.POSITIVE_INFINITY]);
    assert.deepEqual([lasting.look(map('a'), 15), lasting.left], [[], 10]);
  });

  it('is no news at the first look when any of it has been told before', () => {
    const isB = (item: string): boolean => item === 'b!';
    const lasting = new Lasting<string>(10);
    assert.deepEqual([lasting.look(map('a', 'b'), 100, isB), lasting.left], [['a!', 'b!'], Number.POSITIVE_INFINITY]);
    lasting.look(map('a'), 101, isB);
    assert.deepEqual([lasting.look(map('a', 'b'), 102, isB), lasting.left], [['a!'], 10]);
    assert.deepEqual(new Lasting<string>(10).look(map('a'), 100, isB), []);
  });

  it('can be asked about between two looks', () => {
    const lasting = new Lasting<string>(10);
    lasting.look(map('a'), 0);
    assert.deepEqual([lasting.at('a'), lasting.at('b')], ['a!', undefined]);
    assert.deepEqual([lasting.long('a', 9), lasting.long('a', 10), lasting.long('b', 10)], [undefined, 'a!', undefined]);
  });
});
