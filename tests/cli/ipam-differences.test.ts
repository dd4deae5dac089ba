import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Difference, differencesIn } from '../../src/cli/ipam-differences.ts';
import { type IpamWorld, viewOfOverlayIP, viewOfPool } from '../../src/cli/ipam-world.ts';
import type { ApiObject } from '../../src/cluster/api-client.ts';
import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { Inventory } from '../../src/ipam/provider.ts';
import { entry, overlayIP, phpIPAM, pool, SINCE } from './ipam-builders.ts';

const NOW = Date.parse('2027-01-01T12:00:00Z');

interface WorldText {
  readonly pools?: readonly ApiObject[];
  readonly overlayIPs?: readonly ApiObject[];
  /** Default: n1, n2, n3. */
  readonly nodes?: readonly string[];
  /** Of the pool `default`: the node of each record by address; `!holder` is somebody else's. */
  readonly records?: Readonly<Record<string, string>>;
}

function world({ pools = [], overlayIPs = [], nodes = ['n1', 'n2', 'n3'], records }: WorldText): IpamWorld {
  const views = [...pools.map(viewOfPool), ...overlayIPs.map(viewOfOverlayIP)];
  return {
    pools: views.flatMap((view) => (typeof view !== 'string' && 'pool' in view ? [view] : [])),
    overlayIPs: views.flatMap((view) => (typeof view !== 'string' && 'overlayIP' in view ? [view] : [])),
    nodes: new Set(nodes),
    inventories: new Map(records ? [['default', inventory(records)]] : []),
    unreadable: views.filter((view) => typeof view === 'string'),
  };
}

function inventory(records: Readonly<Record<string, string>>): Inventory {
  const found = Object.entries(records).map(([address, holder], i) => {
    const node = holder.startsWith('!') ? undefined : holder;
    return [address, { record: String(100 + i), node, holder: holder.replace('!', '') }] as const;
  });
  const range = { zone: undefined, subnet: Prefix.parse('192.168.100.0/24'), gateway: Address.parse('192.168.100.1'), excluded: [] };
  const stranded = found.filter(([address]) => !range.subnet.has(Address.parse(address)));
  return {
    ranges: [{ ...range, records: new Map(found.filter((each) => !stranded.includes(each))) }],
    problems: [],
    stranded: new Map(stranded),
  };
}

/** `192.168.100.4: what is different -> release record 100`. */
function said({ address, message, repair }: Difference): string {
  const mend = repair && `${repair.type}${repair.type === 'release' && repair.record !== undefined ? ` record ${repair.record}` : ''}`;
  return `${address ?? '-'}: ${message}${mend === undefined ? '' : ` -> ${mend}`}`;
}

const check = (text: WorldText): readonly string[] => differencesIn(world(text), NOW).map(said);

const external = (...ledger: readonly object[]): ApiObject => pool('default', ledger, { ipam: phpIPAM() });

function excluding(...exclude: readonly string[]): object {
  return { cluster: { ranges: [{ subnet: '192.168.100.0/24', gateway: '192.168.100.1', exclude }] } };
}

describe('differences between what is recorded of overlay addresses', () => {
  const cases: readonly (readonly [string, WorldText, readonly string[]])[] = [
    ['nothing at all', {}, []],
    [
      'an address that all have',
      { pools: [pool('default', [entry('192.168.100.4 n1')])], overlayIPs: [overlayIP('n1 192.168.100.4')] },
      [],
    ],
    [
      'the same, recorded outside',
      {
        pools: [external(entry('192.168.100.4 n1'))],
        overlayIPs: [overlayIP('n1 192.168.100.4')],
        records: { '192.168.100.4': 'n1', '192.168.100.1': '!gateway' },
      },
      [],
    ],
    [
      'what is being given back',
      { pools: [external(entry('192.168.100.4 n9', { releasing: true, record: '100' }))], records: { '192.168.100.4': 'n9' } },
      [],
    ],
    [
      'a node that is gone, within its delay',
      {
        pools: [pool('default', [entry('192.168.100.4 n9', { releaseAfter: '2027-01-01T12:05:00Z' })])],
        overlayIPs: [overlayIP('n9 192.168.100.4')],
      },
      [],
    ],
    [
      'a wish that is not granted',
      { pools: [pool('default', [])], overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { ready: 'AddressTaken' })] },
      [],
    ],
    [
      'an address of nobody',
      { pools: [pool('default', [entry('192.168.100.4 n9')])] },
      ['192.168.100.4: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP -> release'],
    ],
    [
      'the same, with a record outside',
      { pools: [external(entry('192.168.100.4 n9'))], records: { '192.168.100.4': 'n9' } },
      ['192.168.100.4: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP -> release record 100'],
    ],
    [
      'the same, where somebody else has made the record his own',
      { pools: [external(entry('192.168.100.4 n9'))], records: { '192.168.100.4': '!printer' } },
      ['192.168.100.4: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP -> release'],
    ],
    [
      'the same, where nobody knows the record: not repaired',
      { pools: [external(entry('192.168.100.4 n9'))] },
      ['192.168.100.4: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP'],
    ],
    [
      'the same, outside the subnets of phpIPAM: not repaired',
      { pools: [external(entry('192.168.101.4 n9'))], records: {} },
      ['192.168.101.4: the ledger has it for node n9, and there is neither that Node nor its NodeOverlayIP'],
    ],
    [
      'an entry of a node without NodeOverlayIP',
      { pools: [pool('default', [entry('192.168.100.4 n1')])] },
      ['192.168.100.4: the ledger has it for node n1, which has no NodeOverlayIP with it'],
    ],
    [
      'an entry of a node whose user asks for another address, and is refused',
      {
        pools: [pool('default', [entry('192.168.100.16 n1')])],
        overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { ready: 'AddressTaken', message: '192.168.100.4 is that of node n2' })],
      },
      [
        '192.168.100.16: node n1 keeps it in the ledger: NodeOverlayIP n1.default asks for 192.168.100.4 and does not get it: AddressTaken: 192.168.100.4 is that of node n2',
      ],
    ],
    [
      'an entry of a node whose new address is not in place',
      {
        pools: [pool('default', [entry('192.168.100.4 n1'), entry('192.168.100.16 n1')])],
        overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { device: 'DeviceMissing', message: 'there is no eth9' })],
      },
      [
        '192.168.100.16: node n1 keeps it in the ledger: 192.168.100.4 of NodeOverlayIP n1.default is not in place there: DeviceMissing: there is no eth9',
      ],
    ],
    [
      'an entry of a node whose new address is in place: the controller is to give it back',
      {
        pools: [pool('default', [entry('192.168.100.4 n1'), entry('192.168.100.16 n1')])],
        overlayIPs: [overlayIP('n1 192.168.100.4')],
      },
      ['192.168.100.16: the ledger has it for node n1, which has no NodeOverlayIP with it'],
    ],
    [
      'an entry whose time is over',
      { pools: [pool('default', [entry('192.168.100.4 n9', { releaseAfter: '2027-01-01T11:50:00Z' })])] },
      ['192.168.100.4: it was to be given back at 2027-01-01T11:50:00Z, and is still that of node n9'],
    ],
    [
      'an address twice in the ledger',
      { pools: [pool('default', [entry('192.168.100.4 n1'), entry('192.168.100.4 n2')])], overlayIPs: [overlayIP('n1 192.168.100.4')] },
      ['192.168.100.4: the ledger has it more than once, for n1 and n2'],
    ],
    [
      'a granted address that the ledger lacks',
      { pools: [pool('default', [])], overlayIPs: [overlayIP('n1 192.168.100.4')] },
      ['192.168.100.4: NodeOverlayIP n1.default has it, and the ledger does not'],
    ],
    [
      'a granted address that the ledger has for another node',
      { pools: [pool('default', [entry('192.168.100.4 n2')])], overlayIPs: [overlayIP('n1 192.168.100.4')] },
      ['192.168.100.4: NodeOverlayIP n1.default has it, and the ledger has it for node n2'],
    ],
    [
      'a granted address of a node that is gone, and nobody gives it back',
      { pools: [pool('default', [entry('192.168.100.4 n9')])], overlayIPs: [overlayIP('n9 192.168.100.4')] },
      ['192.168.100.4: NodeOverlayIP n9.default and the ledger have it for node n9, and there is no such Node'],
    ],
    [
      'a granted address without the finalizer',
      { pools: [pool('default', [entry('192.168.100.4 n1')])], overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { finalizers: [] })] },
      ['192.168.100.4: NodeOverlayIP n1.default lacks the finalizer that keeps its address until it is given back'],
    ],
    [
      'an address outside the ranges',
      { pools: [pool('default', [entry('192.168.101.4 n1')])], overlayIPs: [overlayIP('n1 192.168.101.4')] },
      ['192.168.101.4: node n1 has it, and it is in no range of the pool'],
    ],
    [
      'an address that is excluded by now',
      {
        pools: [pool('default', [entry('192.168.100.4 n1')], { ipam: excluding('192.168.100.0/28') })],
        overlayIPs: [overlayIP('n1 192.168.100.4')],
      },
      ['192.168.100.4: node n1 has it, and range 192.168.100.0/24 gives it to nobody: it is excluded (192.168.100.0/28)'],
    ],
    [
      'an address with the length that its range had before',
      { pools: [pool('default', [entry('192.168.100.4 n1')])], overlayIPs: [overlayIP('n1 192.168.100.4/29')] },
      ['192.168.100.4: node n1 has it as 192.168.100.4/29, and its range is 192.168.100.0/24'],
    ],
    [
      'an address that is the gateway of its subnet in phpIPAM',
      { pools: [external(entry('192.168.100.1 n1'))], overlayIPs: [overlayIP('n1 192.168.100.1')], records: { '192.168.100.1': 'n1' } },
      ['192.168.100.1: node n1 has it, and range 192.168.100.0/24 gives it to nobody: it is the gateway'],
    ],
    [
      'an address outside the subnets of phpIPAM',
      { pools: [external(entry('192.168.101.4 n1'))], overlayIPs: [overlayIP('n1 192.168.101.4')], records: {} },
      ['192.168.101.4: node n1 has it, and it is in no range of the pool'],
    ],
    [
      'an address without a record',
      { pools: [external(entry('192.168.100.4 n1'))], overlayIPs: [overlayIP('n1 192.168.100.4')], records: {} },
      ['192.168.100.4: node n1 has it, and phpIPAM has no record of it -> claim'],
    ],
    [
      "an address whose record is somebody else's",
      {
        pools: [external(entry('192.168.100.4 n1'))],
        overlayIPs: [overlayIP('n1 192.168.100.4')],
        records: { '192.168.100.4': '!printer-7 (owner facilities)' },
      },
      ['192.168.100.4: node n1 has it, and phpIPAM has recorded it for printer-7 (owner facilities) (record 100)'],
    ],
    [
      "an address whose record is another node's",
      { pools: [external(entry('192.168.100.4 n1'))], overlayIPs: [overlayIP('n1 192.168.100.4')], records: { '192.168.100.4': 'n2' } },
      ['192.168.100.4: node n1 has it, and phpIPAM has recorded it for n2 (record 100)'],
    ],
    [
      'a record that nobody knows of',
      { pools: [external()], records: { '192.168.100.4': 'n1', '192.168.100.5': '!printer' } },
      [
        '192.168.100.4: phpIPAM has recorded it for node n1 (record 100), and neither the ledger nor a NodeOverlayIP has it -> release record 100',
      ],
    ],
    [
      'a record that nobody knows of, where nothing can be given',
      { pools: [external()], records: { '192.168.7.4': 'n1' } },
      [
        '192.168.7.4: phpIPAM has recorded it for node n1 (record 100), and neither the ledger nor a NodeOverlayIP has it -> release record 100',
      ],
    ],
    [
      'a record of an address that is still to be entered',
      { pools: [external()], overlayIPs: [overlayIP('n1 192.168.100.4')], records: { '192.168.100.4': 'n1' } },
      ['192.168.100.4: NodeOverlayIP n1.default has it, and the ledger does not'],
    ],
    [
      'an address that is being given back, and its record is gone already',
      { pools: [external(entry('192.168.100.4 n1', { releasing: true }))], overlayIPs: [overlayIP('n1 192.168.100.4')], records: {} },
      [],
    ],
    [
      'a record of a claim that is under way',
      {
        pools: [external(entry('192.168.100.4 n1'))],
        overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { ready: 'Allocating' })],
        records: {},
      },
      [],
    ],
    [
      'a pool that is gone',
      { overlayIPs: [overlayIP('n1 192.168.100.4')] },
      ['-: NodeOverlayIP n1.default is of OverlayPool default, which does not exist'],
    ],
    [
      'an address of two pools',
      {
        pools: [pool('a', [entry('192.168.100.4 n1')]), pool('b', [entry('192.168.100.4 n2')])],
        overlayIPs: [overlayIP('n1 192.168.100.4', 'a'), overlayIP('n2 192.168.100.4', 'b')],
      },
      ['192.168.100.4: NodeOverlayIPs n1.a and n2.b all have it'],
    ],
    [
      'an object that is being deleted, and the ledger has let go of it',
      { pools: [pool('default', [])], overlayIPs: [overlayIP('n1 192.168.100.4', 'default', { deleting: true })] },
      [],
    ],
    [
      'an object that is being deleted: the controller is at it',
      {
        pools: [pool('default', [entry('192.168.100.4 n9', { releasing: true })])],
        overlayIPs: [overlayIP('n9 192.168.100.4', 'default', { deleting: true })],
      },
      [],
    ],
  ];
  for (const [what, text, expected] of cases) it(what, () => assert.deepEqual(check(text), expected));

  it('says what to do about each', () => {
    for (const [, text] of cases) for (const { fix } of differencesIn(world(text), NOW)) assert.match(fix, /\w/);
  });

  it('sorts by pool and address, as numbers', () => {
    const ledger = ['192.168.100.10 n9', '192.168.100.9 n9'].map((text) => entry(text));
    const found = differencesIn(world({ pools: [pool('b', ledger), pool('a', ledger)] }), NOW);
    assert.deepEqual(
      found.map(({ pool: name, address }) => `${name} ${address}`),
      ['a 192.168.100.9', 'a 192.168.100.10', 'b 192.168.100.9', 'b 192.168.100.10'],
    );
  });

  it('does not call a pool missing that cannot be read', () => {
    const broken = { ...pool('default', []), spec: { ipam: {} } };
    assert.deepEqual(check({ pools: [broken], overlayIPs: [overlayIP('n1 192.168.100.4')] }), []);
    assert.match(
      world({ pools: [broken] }).unreadable.join(),
      /^OverlayPool default cannot be read: .*: is this command older than the controller\?$/,
    );
  });

  it('calls a pool unreadable whose ledger names no address', () => {
    for (const status of [
      { ledger: [entry('192.168.100 n1')] },
      { ranges: [{ subnet: '10.0.0.1/8', gateway: '10.0.0.1', allocated: 0, free: 0 }] },
    ])
      assert.match(
        world({ pools: [pool('default', [], { status })] }).unreadable.join(),
        /^OverlayPool default cannot be read: status\.\w+: "/,
      );
  });

  it('says nothing of records and ranges that it cannot see', () => {
    const seen = world({ pools: [external(entry('192.168.100.4 n1'))], overlayIPs: [overlayIP('n1 192.168.100.4')], records: {} });
    const problems = [{ code: 'RangeUnusable', message: 'subnet 7 does not exist' }] as const;
    assert.deepEqual(differencesIn({ ...seen, inventories: new Map([['default', { ranges: [], problems }]]) }, NOW), []);
  });

  it('compares both addresses of a node', () => {
    const both = overlayIP('n1 192.168.100.4');
    const dual = { ...both, spec: { node: 'n1', pool: 'default', addresses: ['192.168.100.4/24', 'fd00:100::4/64'] } };
    const ranges = [
      { subnet: '192.168.100.0/24', gateway: '192.168.100.1' },
      { subnet: 'fd00:100::/64', gateway: 'fd00:100::1' },
    ];
    const found = check({
      pools: [pool('default', [{ address: '192.168.100.4', node: 'n1', since: SINCE }], { ipam: { cluster: { ranges } } })],
      overlayIPs: [dual],
    });
    assert.deepEqual(found, ['fd00:100::4: NodeOverlayIP n1.default has it, and the ledger does not']);
  });
});

describe('a record of this cluster for a pool that is no more', () => {
  const lost = (text: WorldText): readonly Difference[] => differencesIn({ ...world(text), cluster: 'u1' }, NOW);
  const records = { '192.168.100.4': '!n1.old (owner fairlead:u1)', '192.168.100.5': '!n1.old (owner fairlead:u2)' };

  it('is named, with what to delete by hand', () => {
    assert.deepEqual(lost({ pools: [external()], records }), [
      {
        pool: 'default',
        address: '192.168.100.4',
        message: 'phpIPAM has recorded it for n1.old of this cluster (record 100), and neither a ledger nor a NodeOverlayIP has it',
        fix: 'delete record 100 of subnet 192.168.100.0/24 in phpIPAM, once no node uses the address',
      },
    ]);
  });

  it('is none where another pool has it, or may have it', () => {
    assert.deepEqual(lost({ pools: [external(), pool('old', [entry('192.168.100.4 n1', { releasing: true })])], records }), []);
    assert.deepEqual(lost({ pools: [external(), pool('old', [entry('what n1')])], records }), []);
  });
});
