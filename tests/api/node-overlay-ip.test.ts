import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { parse } from 'yaml';
import { formatErrors } from '../../src/api/errors.ts';
import { nodeOverlayIPKind, nodeOverlayIPName, parseNodeOverlayIP } from '../../src/api/kinds/node-overlay-ip.ts';
import { parseNodeOverlayIPStatus } from '../../src/api/kinds/node-overlay-ip-status.ts';
import { fromInterfaceStatus, toInterfaceStatus } from '../../src/api/kinds/overlay-interface.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { NodeOverlayIP, OverlayInterface } from '../../src/core/resources.ts';
import { REJECTED_ADDRESSES } from './node-overlay-ip-rejections.ts';
import { object, plain } from './support.ts';

const SPEC = { node: 'node-a.example.org', pool: 'default', addresses: ['192.168.100.16/24', '2001:DB8:100::16/64'] };
const NAME = 'node-a.example.org.default';
const ADDRESSES = [
  { address: '192.168.100.16/24', gateway: '192.168.100.1', ipamID: '105' },
  { address: '2001:db8:100::16/64', gateway: '2001:db8:100::1' },
];
const INTERFACE = { parent: { toward: '10.0.0.0/8' }, name: 'tmp0', type: 'Macvlan' };

for (const [name, [refused, text]] of Object.entries(REJECTED_ADDRESSES)) {
  test(`NodeOverlayIP refused: ${name}`, () => {
    const parsed = parseNodeOverlayIP(refused, 'node.yaml:1');
    assert.equal(parsed.ok ? 'accepted' : formatErrors(parsed.errors), text);
  });
}

function accepted(metadata: object = {}, status?: unknown): NodeOverlayIP {
  const parsed = parseNodeOverlayIP({ ...object('NodeOverlayIP', SPEC, { name: NAME, ...metadata }), status }, 'node.yaml:1');
  if (!parsed.ok) throw new Error(formatErrors(parsed.errors));
  return parsed.value;
}

const ready = (status: string) => ({ type: 'Ready', status, reason: 'x', message: '', lastTransitionTime: '2027-01-31T12:00:00Z' });
const deviceReady = { ...ready('True'), type: 'DeviceReady' };
const STATUS = {
  zone: 'a',
  addresses: ADDRESSES,
  interface: INTERFACE,
  conditions: [deviceReady, ready('True')],
  device: { name: 'tmp0' },
};

describe('a NodeOverlayIP', () => {
  it('of a folder is granted, since there is nobody to ask', () => {
    assert.deepEqual(plain(accepted()), {
      meta: { ref: { kind: 'NodeOverlayIP', name: NAME }, source: 'node.yaml:1' },
      node: 'node-a.example.org',
      pool: 'default',
      addresses: [
        { address: '192.168.100.16', prefixLength: 24 },
        { address: '2001:db8:100::16', prefixLength: 64 },
      ],
      granted: true,
      deleting: false,
    });
  });

  it('of a cluster is granted when the controller says so, and has what it says of the pool', () => {
    assert.deepEqual(plain(accepted({ uid: 'u-1' }, STATUS)), {
      meta: { ref: { kind: 'NodeOverlayIP', name: NAME }, uid: 'u-1', source: 'node.yaml:1' },
      node: 'node-a.example.org',
      pool: 'default',
      addresses: [
        { address: '192.168.100.16', prefixLength: 24, gateway: '192.168.100.1' },
        { address: '2001:db8:100::16', prefixLength: 64, gateway: '2001:db8:100::1' },
      ],
      interface: INTERFACE,
      granted: true,
      deleting: false,
    });
  });

  for (const [what, conditions] of Object.entries({
    'nothing is decided': undefined,
    'only the agent has spoken': [deviceReady],
    'it is refused': [ready('False'), deviceReady],
    'nobody knows': [ready('Unknown')],
  })) {
    it(`of a cluster is not granted when ${what}`, () => {
      assert.equal(accepted({ uid: 'u-1' }, conditions && { conditions }).granted, false);
    });
  }

  it('says that it is being deleted', () => {
    assert.equal(accepted({ uid: 'u-1', deletionTimestamp: '2027-01-31T12:00:00Z' }).deleting, true);
  });

  for (const [what, status, text] of [
    ['a gateway that is none', { addresses: [{ ...ADDRESSES[0], gateway: 'router' }] }, 'status: "router" is not an IP address'],
    ['an address without a gateway', { addresses: [{ address: '192.168.100.16/24' }] }, 'status.addresses[0].gateway: is missing'],
    [
      'an interface of a later version',
      { interface: { ...INTERFACE, type: 'Ipvlan' } },
      'status.interface.type: "Ipvlan" is not one of Macvlan, Address',
    ],
    [
      'a parent that is no prefix',
      { interface: { ...INTERFACE, parent: { toward: 'x' } } },
      'status: "x" is not an IPv4 prefix: write it as 10.1.0.0/16',
    ],
    ['a status that is a text', 'Ready', 'status: must be an object, not the text "Ready"'],
  ] as const) {
    it(`is refused with ${what}`, () => assert.throws(() => accepted({}, status), { message: text }));
  }

  it('is called after its node and pool', () => assert.equal(nodeOverlayIPName('node-a', 'default'), 'node-a.default'));

  it('is what the example of the reference page is', () => {
    assert.ok(parseNodeOverlayIP(parse(nodeOverlayIPKind.definition.example)).ok);
  });
});

describe('what agents see of a NodeOverlayIP', () => {
  const essence = (status: Record<string, unknown>) => nodeOverlayIPKind.essence?.status(status);

  it('is what they act on', () => {
    assert.deepEqual(essence(STATUS), {
      addresses: ADDRESSES.map(({ address, gateway }) => ({ address, gateway })),
      interface: INTERFACE,
      conditions: [{ type: 'Ready', status: 'True' }],
    });
  });

  it('gives the same resource as the whole', () => {
    const { device: _, ...status } = STATUS;
    assert.deepEqual(accepted({ uid: 'u-1' }, essence(status)), accepted({ uid: 'u-1' }, status));
  });

  it('is not changed by what agents write, nor by words and times', () => {
    const before = { conditions: [ready('False')] };
    const words = { ...ready('False'), message: 'other words', lastTransitionTime: '2027-02-01T12:00:00Z' };
    assert.deepEqual(essence({ conditions: [deviceReady, words], device: { name: 'tmp0', mtu: 1400 } }), essence(before));
  });

  it('keeps what is no list of conditions, so that it is found wrong', () => {
    assert.deepEqual(essence({ conditions: 'Ready', addresses: [7] }), { conditions: 'Ready', addresses: [{}] });
  });
});

describe('the status of a NodeOverlayIP', () => {
  it('is read without what newer programs add', () => {
    const status = { zone: 'a', addresses: ADDRESSES, conditions: [ready('True')], device: { name: 'tmp0', mtu: 1500 } };
    assert.deepEqual(parseNodeOverlayIPStatus({ ...status, mood: 'good' }), { ok: true, value: status });
    assert.deepEqual(parseNodeOverlayIPStatus(undefined), { ok: true, value: {} });
  });

  it('has the settings of the pool as they were', () => {
    const settings: readonly OverlayInterface[] = [
      { parent: { name: 'eth1' }, name: 'tmp0', type: 'Address' },
      { parent: { toward: Prefix.parse('2001:db8::/32') }, name: 'overlay0', type: 'Macvlan' },
    ];
    assert.deepEqual(plain(settings.map((each) => fromInterfaceStatus(toInterfaceStatus(each)))), plain(settings));
  });
});
