import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Link } from '../../src/core/facts.ts';
import { Address } from '../../src/core/ip/address.ts';
import type { PlannedAddress, PlannedLink } from '../../src/core/plan.ts';
import { decodeAddress, encodeAddAddress, encodeRemoveAddress } from '../../src/kernel/linux/netlink/addresses.ts';
import { RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH } from '../../src/kernel/linux/netlink/constants.ts';
import {
  encodeLeaveGroup,
  encodeMakeLink,
  encodeMarkGroup,
  encodeRemoveGroup,
  encodeRemoveLink,
  encodeSetLink,
  encodeSetSysctl,
  encodeStartGroup,
} from '../../src/kernel/linux/netlink/link-changes.ts';
import { decodeLink, groupOf } from '../../src/kernel/linux/netlink/links.ts';
import { decodeNeighbour, encodeForget, encodeSolicit } from '../../src/kernel/linux/netlink/neighbours.ts';
import { bare, hex, message } from './bytes.ts';

const TMP0 = { index: 4, name: 'tmp0' };
const PLANNED: PlannedLink = { name: 'tmp0', parent: { index: 3, name: 'eth1' }, mtu: 1400, pool: 'a' };
const GROUP = 0x01020304;

/** struct ifinfomsg and the attributes that matter of what kernel 6.18 says of a device of ours, in its order. */
const CAPTURED = [
  '00000100 04000000 43100100 00000000',
  '0900030074 6d703000000000 0800040078050000 0800320044000000 08001b0004030201 0800050003000000',
  '15001400 666169726c6561643a64656661756c74 00000000 0800230000000000 0a00010006a0aafbbfae0000',
  '3c001200 0c000100 6d6163766c616e00 2c000200 0800010004000000 06000200 00000000 0800060000000000 08000700e8030000 08000800e8030000 0800050003000000',
  '90001a00 8c000200 88000100 00000000 00000000 00000000 01000000 01000000 01000000 01000000 00000000',
  '01000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 02000000 01000000',
  '00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 10270000 e8030000 00000000 00000000',
].join(' ');

describe('devices from bytes', () => {
  test('a device of ours: parent, kind, alias, link-layer address, ARP settings, and the group that it was made in', () => {
    const captured = message(RTM_NEWLINK, CAPTURED);
    assert.deepEqual(decodeLink(captured), {
      ...{ index: 4, name: 'tmp0', up: true, carrier: true, loopback: false, mtu: 1400 },
      ...{ rpFilter: 0, arpIgnore: 1, arpAnnounce: 2 },
      ...{ parent: 3, kind: 'macvlan', mode: 'bridge', alias: 'fairlead:default', mac: '06:a0:aa:fb:bf:ae' },
    });
    assert.equal(groupOf(captured), GROUP);
  });

  test('a parent in another namespace is none; a link-layer address that is no MAC is none', () => {
    const header = '00000100 07000000 43100100 00000000';
    const found = decodeLink(message(RTM_NEWLINK, `${header} 0800050003000000 0800250000000000 080001000a000001`));
    assert.deepEqual([found?.parent, found?.mac, found?.kind, found?.alias], [undefined, undefined, undefined, undefined]);
    assert.equal(decodeLink(message(RTM_NEWLINK, `${header} 0800050003000000`))?.parent, 3);
    assert.equal(decodeLink(message(RTM_NEWLINK, `${header} 0800050000000000`))?.parent, undefined);
  });
});

/** struct ifinfomsg of all devices of a group; the last two words say what of the flags is meant. */
const OF_GROUP = '00000000 00000000 00000000 00000000 08001b0004030201';
const MARK = '0f001400 666169726c6561643a6100 00';

function settings(arpIgnore: number, arpAnnounce: number): string {
  return `1c001a80 18000280 14000180 080013000${arpIgnore}000000 080012000${arpAnnounce}000000`;
}

describe('devices to bytes', () => {
  test('it is made down, in a group, as a macvlan in bridge mode, and with a link-layer address where one is given', () => {
    const header = '1000 0106 07000000 00000000 00000000 00000000 00000000 00000000';
    const attributes = '09000300746d703000000000 0800050003000000 0800040078050000 08001b0004030201';
    const info = '1c001280 0c0001006d6163766c616e00 0c000280 0800010004000000';
    assert.equal(
      hex((writer) => encodeMakeLink(writer, 7, PLANNED, GROUP, undefined)),
      bare(`60000000 ${header} ${attributes} ${info}`),
    );
    assert.equal(
      hex((writer) => encodeMakeLink(writer, 7, PLANNED, GROUP, '06:a0:aa:fb:bf:ae')),
      bare(`6c000000 ${header} ${attributes} 0a00010006a0aafbbfae0000 ${info}`),
    );
  });

  test('its mark, its ARP settings and its end are for whatever is in the group: neither index nor name', () => {
    assert.equal(
      hex((writer) => encodeMarkGroup(writer, 7, GROUP, 'a')),
      bare(`38000000 1000 0100 07000000 00000000 ${OF_GROUP} ${MARK}`),
    );
    assert.equal(
      hex((writer) => encodeStartGroup(writer, 7, GROUP)),
      bare(`44000000 1000 0100 07000000 00000000 ${OF_GROUP.replace('00000000 00000000 08', '01000000 01000000 08')} ${settings(1, 2)}`),
    );
    assert.equal(
      hex((writer) => encodeRemoveGroup(writer, 7, GROUP)),
      bare(`28000000 1100 0100 07000000 00000000 ${OF_GROUP}`),
    );
    assert.equal(
      hex((writer) => encodeLeaveGroup(writer, 7, 4)),
      bare('28000000 1300 0100 07000000 00000000 00000000 04000000 00000000 00000000 08001b0000000000'),
    );
  });

  test('a repair sets what is asked for, up, and lowers nothing', () => {
    const now: Link = {
      ...{ ...TMP0, up: false, carrier: false, loopback: false, mtu: 1300 },
      ...{ rpFilter: 0, arpIgnore: 0, arpAnnounce: 2 },
    };
    const header = '1300 0100 07000000 00000000 00000000 04000000 01000000 01000000';
    assert.equal(
      hex((writer) => encodeSetLink(writer, 7, now, PLANNED)),
      bare(`54000000 ${header} 0800040078050000 ${MARK} ${settings(1, 2)}`),
    );
    assert.equal(
      hex((writer) => encodeSetLink(writer, 7, { ...now, mtu: 1400, arpIgnore: 2 }, PLANNED)),
      bare(`4c000000 ${header} ${MARK} ${settings(2, 2)}`),
    );
  });

  test('one device is removed by its index; one setting of one device', () => {
    assert.equal(
      hex((writer) => encodeRemoveLink(writer, 7, 4)),
      bare('20000000 1100 0100 07000000 00000000 00000000 04000000 00000000 00000000'),
    );
    assert.equal(
      hex((writer) => encodeSetSysctl(writer, 7, 3, 'arp_announce', 2)),
      bare('34000000 1300 0100 07000000 00000000 00000000 03000000 00000000 00000000 14001a80 10000280 0c000180 0800120002000000'),
    );
  });
});

describe('addresses', () => {
  const v4: PlannedAddress = { device: TMP0, address: Address.parse('192.168.100.4'), prefixLength: 24 };
  const v6: PlannedAddress = { device: TMP0, address: Address.parse('2001:db8:100::4'), prefixLength: 64 };
  const bits6 = '20010db8010000000000000000000004';

  test('added with our protocol, without a peer and a broadcast address; a label is for IPv4', () => {
    assert.equal(
      hex((writer) => encodeAddAddress(writer, 7, v4)),
      bare('30000000 1400 0106 07000000 00000000 02180000 04000000 08000200c0a86404 08000100c0a86404 05000b00c9000000'),
    );
    assert.equal(
      hex((writer) => encodeAddAddress(writer, 7, { ...v4, label: 'tmp0:fl' })),
      bare(
        '3c000000 1400 0106 07000000 00000000 02180000 04000000 08000200c0a86404 08000100c0a86404 0c000300746d70303a666c00 05000b00c9000000',
      ),
    );
    assert.equal(
      hex((writer) => encodeAddAddress(writer, 7, { ...v6, label: 'tmp0:fl' })),
      bare(`48000000 1400 0106 07000000 00000000 0a400000 04000000 14000200 ${bits6} 14000100 ${bits6} 05000b00c9000000`),
    );
  });

  test('removed by device, length and address', () => {
    assert.equal(
      hex((writer) => encodeRemoveAddress(writer, 7, v4)),
      bare('28000000 1500 0100 07000000 00000000 02180000 04000000 08000200c0a86404 08000100c0a86404'),
    );
  });

  test('captured: ours by IFA_PROTO, one of the kernel, one with our label, which counts where the kernel has no IFA_PROTO', () => {
    const cache = '14000600ffffffffffffffffc1660600c1660600';
    const marked = decodeAddress(
      message(
        RTM_NEWADDR,
        `02188000 04000000 08000100c0a86404 08000200c0a86404 09000300746d703000000000 05000b00c9000000 0800080080000000 ${cache}`,
      ),
      'protocol',
    );
    assert.deepEqual(
      { ...marked, address: marked?.address.text },
      { index: 4, address: '192.168.100.4', prefixLength: 24, ours: true, state: 'valid' },
    );
    const linkLocal = '0a40c0fd 04000000 14000100fe8000000000000004a0aafffefbbfae';
    const kernels = decodeAddress(message(RTM_NEWADDR, `${linkLocal} ${cache} 08000800c0000000 05000b0003000000`), 'protocol');
    assert.deepEqual([kernels?.ours, kernels?.state, kernels?.address.text], [false, 'tentative', 'fe80::4a0:aaff:fefb:bfae']);
    const labelled = '02188000 04000000 08000200c0a86404 0c000300746d70303a666c00';
    for (const [mark, ours] of [
      ['label', true],
      ['protocol', false],
    ] as const) {
      const decoded = decodeAddress(message(RTM_NEWADDR, labelled), mark);
      assert.deepEqual([decoded?.ours, decoded?.state], [ours, 'valid'], mark);
    }
    const otherwise = decodeAddress(message(RTM_NEWADDR, '02188000 04000000 08000200c0a86404 0d000300746d70303a666c7800000000'), 'label');
    assert.equal(otherwise?.ours, false);
  });

  test('states: IFA_FLAGS says more than the byte of ifaddrmsg; an optimistic address is in use', () => {
    const state = (flags: string): string | undefined =>
      decodeAddress(message(RTM_NEWADDR, `0a400000 04000000 14000100 ${bits6} 08000800${flags}`), 'protocol')?.state;
    assert.deepEqual(['80000000', 'c0000000', 'c4000000', 'c8000000', '88000000', '80020000'].map(state), [
      'valid',
      'tentative',
      'valid',
      'duplicate',
      'duplicate',
      'valid',
    ]);
    assert.equal(decodeAddress(message(RTM_NEWADDR, `0a404000 04000000 14000100 ${bits6}`), 'protocol')?.state, 'tentative');
  });
});

describe('neighbours', () => {
  const probe = { device: TMP0, address: Address.parse('192.168.100.4') };

  test('asking makes an entry without a link-layer address, for use at once; forgetting names device and address', () => {
    assert.equal(
      hex((writer) => encodeSolicit(writer, 7, probe)),
      bare('24000000 1c00 0106 07000000 00000000 02000000 04000000 0000 01 00 08000100c0a86404'),
    );
    assert.equal(
      hex((writer) => encodeForget(writer, 7, probe)),
      bare('24000000 1d00 0100 07000000 00000000 02000000 04000000 0000 00 00 08000100c0a86404'),
    );
  });

  test('captured: nobody yet, somebody, an entry of an administrator, of a routing daemon', () => {
    const decode = (state: string, flags: string, mac: string): unknown =>
      decodeNeighbour(message(RTM_NEWNEIGH, `02000000 04000000 ${state} ${flags} 01 08000100c0a86405 ${mac} 0800040000000000`));
    const mac = '0a00020006cef4b4ae530000';
    assert.deepEqual(decode('0100', '00', ''), { fixed: false });
    assert.deepEqual(decode('0200', '00', mac), { fixed: false, mac: '06:ce:f4:b4:ae:53' });
    assert.deepEqual(decode('2000', '00', mac), { fixed: false });
    assert.deepEqual(decode('8000', '00', mac), { fixed: true, mac: '06:ce:f4:b4:ae:53' });
    assert.deepEqual(decode('0200', '10', mac), { fixed: true, mac: '06:ce:f4:b4:ae:53' });
    assert.deepEqual(decode('4000', '00', ''), { fixed: true });
  });
});
