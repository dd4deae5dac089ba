import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ownership } from '../../src/ipam/phpipam/ownership.ts';
import type { AddressRow } from '../../src/ipam/phpipam/rows.ts';
import { survey } from '../../src/ipam/phpipam/survey.ts';
import { address, prefix } from './builders.ts';

const ours = new Ownership({ cluster: { uid: 'u', name: 'prod' }, pool: 'default' });

function row(id: number, text: string, node: string | undefined): AddressRow {
  const nobody = { hostname: `printer-${id}`, owner: '', description: '', note: '' };
  return { id: String(id), address: address(text), isGateway: false, ...nobody, ...(node !== undefined && ours.fieldsFor(node)) };
}

/** What is recorded for an address with these rows: `record node holder`; and what of it is ours beside that. */
function recordOf(...rows: readonly AddressRow[]): string[] {
  const subnet = { id: '7', isFolder: false, isFull: false, subnet: prefix('10.0.0.0/24'), gateway: address('10.0.0.1') };
  const { inventory } = survey([{ id: 7, row: subnet, hasSubnets: false, rows }], [{ zone: undefined, id: 7 }], ours);
  return [inventory.ranges[0]?.records, inventory.stranded].flatMap((records) => {
    const found = records?.get('10.0.0.2');
    return found ? [`${found.record} ${found.node} ${found.holder}`] : [];
  });
}

describe('what is recorded for an address', () => {
  it("is one node's, or somebody else's", () => {
    assert.deepEqual(recordOf(row(5, '10.0.0.2', 'n')), ['5 n n.default (owner fairlead:u)']);
    assert.deepEqual(recordOf(row(5, '10.0.0.2', undefined)), ['5 undefined printer-5']);
    assert.deepEqual(recordOf(row(5, '10.0.0.3', 'n')), []);
  });

  it("is one node's also when it was recorded twice for it, by the older number", () => {
    assert.deepEqual(recordOf(row(12, '10.0.0.2', 'n'), row(5, '10.0.0.2', 'n')), ['5 n n.default (owner fairlead:u)']);
  });

  it("is somebody else's in any other company, and what is ours of it can still be released", () => {
    const mine = '5 n n.default (owner fairlead:u)';
    assert.deepEqual(recordOf(row(4, '10.0.0.2', undefined), row(5, '10.0.0.2', 'n')), ['4 undefined printer-4', mine]);
    assert.deepEqual(recordOf(row(5, '10.0.0.2', 'n'), row(6, '10.0.0.2', undefined)), ['6 undefined printer-6', mine]);
    assert.deepEqual(recordOf(row(5, '10.0.0.2', 'n'), row(6, '10.0.0.2', 'm')), ['6 undefined m.default (owner fairlead:u)', mine]);
    assert.deepEqual(recordOf(row(3, '10.0.0.2', undefined), row(4, '10.0.0.2', undefined), row(5, '10.0.0.2', 'n')), [
      '3 undefined printer-3',
      mine,
    ]);
  });
});
