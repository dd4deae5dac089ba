import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideExisting, settleClaim } from '../../src/ipam/phpipam/decide-claim.ts';
import { holderOf, Ownership } from '../../src/ipam/phpipam/ownership.ts';
import type { AddressRow } from '../../src/ipam/phpipam/rows.ts';
import { address } from './builders.ts';

const ours = new Ownership({ cluster: { uid: '6f1c0f6e-0001', name: 'prod' }, pool: 'default' });
const otherPool = new Ownership({ cluster: { uid: '6f1c0f6e-0001', name: 'prod' }, pool: 'lab' });
const otherCluster = new Ownership({ cluster: { uid: '6f1c0f6e-0002', name: 'prod' }, pool: 'default' });

function row(id: number, change: Partial<AddressRow> = {}): AddressRow {
  const nobody = { hostname: '', owner: '', description: '', note: '', isGateway: false };
  return { id: String(id), address: address('10.0.0.2'), ...nobody, ...change };
}

function rowOf(id: number, ownership: Ownership, node: string): AddressRow {
  const { hostname, owner, description, note } = ownership.fieldsFor(node);
  return row(id, { hostname, owner, description, note });
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const nodeName = fc
  .array(fc.stringMatching(LABEL), { minLength: 1, maxLength: 8 })
  .map((labels) => labels.join('.').slice(0, 253))
  .filter((name) => !name.endsWith('.'));

describe('what is written into phpIPAM', () => {
  it('shows a person which cluster and node hold an address', () => {
    assert.deepEqual(ours.fieldsFor('worker-1.example'), {
      hostname: 'worker-1.example.default',
      owner: 'fairlead:6f1c0f6e-0001',
      description: 'Fairlead: node worker-1.example of cluster prod',
      note: '{"cluster":"prod","node":"worker-1.example","pool":"default"}',
      excludePing: 1,
      tag: 2,
    });
  });

  it('fits into the columns, and is read again, whatever the names are', () => {
    const poolName = fc.stringMatching(LABEL);
    fc.assert(
      fc.property(nodeName, poolName, fc.string({ maxLength: 100 }), (node, pool, name) => {
        const ownership = new Ownership({ cluster: { uid: 'u', name }, pool });
        const { hostname, description } = ownership.fieldsFor(node);
        assert.ok(hostname.length <= 255 && [...description].length <= 64);
        assert.equal(ownership.nodeOf(rowOf(1, ownership, node)), node);
        assert.ok(ownership.isOf(rowOf(1, ownership, node), node));
      }),
    );
  });

  it('keeps the longest names of nodes apart', () => {
    const [a, b] = [`${'a'.repeat(252)}1`, `${'a'.repeat(252)}2`];
    assert.notEqual(ours.fieldsFor(a).hostname, ours.fieldsFor(b).hostname);
    assert.equal(ours.fieldsFor(a).hostname.length, 255);
    assert.equal(ours.isOf(rowOf(1, ours, a), b), false);
  });

  it("is nobody else's: not another pool's, another cluster's, nor that of a person who has changed it", () => {
    const mine = rowOf(1, ours, 'worker-1');
    assert.equal(ours.nodeOf(mine), 'worker-1');
    for (const each of [
      rowOf(1, otherPool, 'worker-1'),
      rowOf(1, otherCluster, 'worker-1'),
      { ...mine, owner: '' },
      { ...mine, hostname: 'printer' },
    ]) {
      assert.equal(ours.nodeOf(each), undefined);
      assert.equal(ours.isOf(each, 'worker-1'), false);
    }
    assert.equal(ours.isOf(mine, 'worker-2'), false);
    assert.equal(ours.nodeOf({ ...mine, description: 'x', note: 'x' }), 'worker-1', 'what a person notes is of no account');
  });

  it('is told by name, else by description or number', () => {
    assert.equal(holderOf(row(7, { hostname: 'printer-7', owner: 'facilities' })), 'printer-7 (owner facilities)');
    assert.equal(holderOf(row(7, { description: ' by <b>hand</b>\n' })), 'by hand');
    assert.equal(holderOf(row(7)), 'record 7');
    assert.ok(holderOf(row(7, { hostname: 'x'.repeat(255) })).length < 130);
  });
});

describe('an address that exists already', () => {
  const printer = row(1, { hostname: 'printer-7' });

  it("is ours, somebody else's, or to be taken over", () => {
    assert.deepEqual(decideExisting([], 'n', false, ours), { next: 'create' });
    assert.deepEqual(decideExisting([rowOf(1, ours, 'n')], 'n', false, ours), { next: 'none', claim: { outcome: 'held', record: '1' } });
    assert.deepEqual(decideExisting([rowOf(1, ours, 'n')], 'n', true, ours), { next: 'none', claim: { outcome: 'held', record: '1' } });
    assert.deepEqual(decideExisting([rowOf(1, ours, 'm')], 'n', true, ours), taken('m.default (owner fairlead:6f1c0f6e-0001)'));
    assert.deepEqual(decideExisting([printer], 'n', false, ours), taken('printer-7'));
    assert.deepEqual(decideExisting([printer], 'n', true, ours), { next: 'adopt', id: '1' });
  });

  it("is not taken over when it is the gateway, another Fairlead's, or recorded twice", () => {
    assert.deepEqual(decideExisting([{ ...printer, isGateway: true }], 'n', true, ours), taken('printer-7'));
    assert.equal(decideExisting([rowOf(1, otherCluster, 'n')], 'n', true, ours).next, 'none');
    assert.equal(decideExisting([rowOf(1, otherPool, 'n')], 'n', true, ours).next, 'none');
    assert.deepEqual(decideExisting([row(2, { hostname: 'later' }), printer], 'n', true, ours), taken('printer-7'));
  });
});

describe('what comes of a claim', () => {
  const [mine, older, younger] = [rowOf(5, ours, 'n'), row(4, { hostname: 'printer-7' }), row(12, { hostname: 'printer-9' })];

  it('is the record, when it is there alone; the older one, when it was made twice', () => {
    assert.deepEqual(settleClaim([mine], 'n', ours), { outcome: 'held', record: '5' });
    assert.deepEqual(settleClaim([rowOf(10, ours, 'n'), mine], 'n', ours), { outcome: 'held', record: '5' });
    assert.equal(settleClaim([], 'n', ours), undefined);
  });

  it('is nothing beside somebody else, who may have looked before us, whatever the numbers say', () => {
    assert.deepEqual(settleClaim([older, mine], 'n', ours), { outcome: 'taken', by: 'printer-7' });
    assert.deepEqual(settleClaim([mine, younger], 'n', ours), { outcome: 'taken', by: 'printer-9' });
    assert.deepEqual(settleClaim([mine, rowOf(6, ours, 'm')], 'n', ours), {
      outcome: 'taken',
      by: 'm.default (owner fairlead:6f1c0f6e-0001)',
    });
    assert.deepEqual(settleClaim([older], 'n', ours), { outcome: 'taken', by: 'printer-7' });
  });
});

function taken(by: string): object {
  return { next: 'none', claim: { outcome: 'taken', by } };
}
