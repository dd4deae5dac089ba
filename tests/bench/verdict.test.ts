import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noiseOf, type Row, ratioOf, verdictOf } from '../../bench/row.ts';
import { median, quantile, spread } from '../../bench/statistics.ts';

const row = (ours: readonly number[], change: Partial<Row> = {}): Row => ({ name: 'x', unit: 'ms', ours, ...change });
const against = (samples: readonly number[]): Partial<Row> => ({ reference: { name: 'C', samples } });

describe('statistics', () => {
  test('median and quantile', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    assert.deepEqual([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile([7], 0.99)], [50, 99, 7]);
    assert.throws(() => median([]), RangeError);
  });

  test('one stray round is not a spread', () => {
    assert.equal(spread([10, 10, 10, 10, 500]), 0);
    assert.ok(Math.abs(spread([9, 10, 11]) - 1.4826) < 1e-9);
  });
});

describe('a budget', () => {
  const budget = { of: 'value', limit: 10 } as const;

  test('is kept, missed, or too close to tell', () => {
    assert.equal(verdictOf(row([9, 10, 11], { budget })), 'ok');
    assert.equal(verdictOf(row([10.5, 11, 12], { budget: { of: 'value', limit: 10.5 } })), 'within noise');
    assert.equal(verdictOf(row([19, 20, 21], { budget })), 'missed');
    assert.equal(verdictOf(row([19, 20, 21])), 'no budget');
  });

  test('judges all rounds together where the row says so', () => {
    assert.equal(verdictOf(row([9, 9, 9], { budget, total: 12 })), 'missed');
  });

  test('of a ratio compares medians; each round with its own reference says how noisy it is', () => {
    const slowSometimes = row([10, 30, 20], { ...against([10, 30, 20]), budget: { of: 'ratio', limit: 1.15 } });
    assert.deepEqual([ratioOf(slowSometimes), noiseOf(slowSometimes), verdictOf(slowSometimes)], [1, 0, 'ok']);
    assert.equal(verdictOf({ ...slowSometimes, ours: [14, 40, 27] }), 'missed');
    assert.equal(verdictOf({ ...slowSometimes, ours: [10, 45, 24] }), 'within noise');
  });
});
