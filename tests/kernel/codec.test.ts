import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Address, type Family, WIDTH } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import { type DeviceRef, type Route, type RouteSpec, type RouteType, sameSpec } from '../../src/core/route.ts';
import { decodeAddress } from '../../src/kernel/linux/netlink/addresses.ts';
import {
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from '../../src/kernel/linux/netlink/constants.ts';
import { decodeError } from '../../src/kernel/linux/netlink/errors.ts';
import { encodeSetSysctl } from '../../src/kernel/linux/netlink/link-changes.ts';
import { decodeLink } from '../../src/kernel/linux/netlink/links.ts';
import { decodeNeighbour } from '../../src/kernel/linux/netlink/neighbours.ts';
import { decodeRpFilter } from '../../src/kernel/linux/netlink/netconf.ts';
import { MessageReader } from '../../src/kernel/linux/netlink/reader.ts';
import { RouteDecoder } from '../../src/kernel/linux/netlink/route-decoder.ts';
import { RouteEncoder } from '../../src/kernel/linux/netlink/route-encoder.ts';
import { encodeAddRoute, encodeRemoveRoute, encodeReplaceRoute } from '../../src/kernel/linux/netlink/routes.ts';
import { decodeRule } from '../../src/kernel/linux/netlink/rules.ts';
import { MessageWriter } from '../../src/kernel/linux/netlink/writer.ts';
import { SpecTable } from '../../src/kernel/linux/spec-table.ts';
import { bare, frame, hex, message, padded, word } from './bytes.ts';

const ETH1: DeviceRef = { index: 3, name: 'eth1' };

describe('routes to bytes', () => {
  const spec: RouteSpec = {
    table: 254,
    metric: 4201,
    protocol: 201,
    type: 'unicast',
    hops: [{ gateway: Address.parse('10.1.0.2'), device: ETH1, onLink: false }],
  };
  const route: Route = { prefix: Prefix.parse('172.16.5.0/24'), spec };

  test('add: nlmsghdr, rtmsg, RTA_DST, RTA_PRIORITY, RTA_GATEWAY, RTA_OIF', () => {
    assert.equal(
      hex((writer) => encodeAddRoute(writer, 7, route)),
      bare(
        '3c000000 1800 0106 07000000 00000000 02180000 fec90001 00000000 08000100ac100500 0800060069100000 080005000a010002 0800040003000000',
      ),
    );
  });

  test('replace: NLM_F_REPLACE without NLM_F_CREATE', () => {
    assert.match(
      hex((writer) => encodeReplaceRoute(writer, 7, route)),
      /^3c00000018000101/,
    );
  });

  test('remove: any scope, but our protocol, metric, gateway and device', () => {
    assert.equal(
      hex((writer) => encodeRemoveRoute(writer, 7, route)),
      bare(
        '3c000000 1900 0100 07000000 00000000 02180000 fec9ff01 00000000 08000100ac100500 0800060069100000 080005000a010002 0800040003000000',
      ),
    );
  });

  test('on-link v4 has link scope; a large table goes to RTA_TABLE; MTU nests in RTA_METRICS; flag onlink', () => {
    const hops = [{ device: ETH1, onLink: true }];
    assert.equal(
      hex((writer) => encodeAddRoute(writer, 7, { ...route, spec: { ...spec, table: 70000, metric: 0, hops, mtu: 1400 } })),
      bare(
        '40000000 1800 0106 07000000 00000000 02180000 00c9fd01 04000000 08000100ac100500 08000f0070110100 0800040003000000 0c000880 0800020078050000',
      ),
    );
  });

  test('unreachable v6 default route: no destination, no next hop', () => {
    const text = hex((writer) =>
      encodeAddRoute(writer, 7, { prefix: Prefix.parse('::/0'), spec: { ...spec, type: 'unreachable', hops: [] } }),
    );
    assert.equal(text, bare('24000000 1800 0106 07000000 00000000 0a000000 fec90007 00000000 0800060069100000'));
  });

  test('a v6 gateway of a v4 route goes to RTA_VIA, padded', () => {
    const hops = [{ gateway: Address.parse('2001:db8::1'), device: ETH1, onLink: false }];
    const text = hex((writer) => encodeAddRoute(writer, 7, { ...route, spec: { ...spec, hops } }));
    assert.ok(text.includes(bare('16001200 0a00 20010db8000000000000000000000001 0000')), text);
  });
});

describe('many routes to bytes', () => {
  test('the quick way writes the same bytes as the plain one', () => {
    const specs = fc.uniqueArray(spec(4), { minLength: 1, maxLength: 3 });
    const operations = fc.constantFrom('add-route', 'replace-route', 'remove-route');
    const runs = specs.chain((few) => fc.array(fc.tuple(operations, prefix(4), fc.constantFrom(...few)), { maxLength: 30 }));
    fc.assert(
      fc.property(runs, (changes) => {
        const quick = new MessageWriter(1 << 16);
        const plain = new MessageWriter(1 << 16);
        const encoder = new RouteEncoder(quick);
        const encoders = { 'add-route': encodeAddRoute, 'replace-route': encodeReplaceRoute, 'remove-route': encodeRemoveRoute };
        for (const [seq, [operation, destination, shared]] of changes.entries()) {
          encoder.encode(operation, seq, { prefix: destination, spec: shared });
          encoders[operation](plain, seq, { prefix: destination, spec: shared });
        }
        assert.deepEqual(quick.buffer.subarray(0, quick.size), plain.buffer.subarray(0, plain.size));
      }),
    );
  });
});

describe('bytes to routes', () => {
  test('whatever we write we read back', () => {
    fc.assert(
      fc.property(fc.array(route(), { minLength: 1, maxLength: 20 }), (routes) => {
        const decoded = roundTrip(routes);
        assert.equal(decoded.length, routes.length);
        for (const [i, found] of decoded.entries()) assertSameRoute(found, routes[i]);
      }),
    );
  });

  test('routes with one spec share it, also when others come in between', () => {
    const shared: RouteSpec = { table: 254, metric: 1, protocol: 201, type: 'unicast', hops: [{ device: ETH1, onLink: false }] };
    const routes = ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '2001:db8::/32', '10.2.0.0/16', '2001:db8:1::/48'].map((text) => ({
      prefix: Prefix.parse(text),
      spec: shared,
    }));
    const decoded = roundTrip(routes);
    assert.deepEqual(
      decoded.map(({ prefix }) => prefix.text),
      routes.map(({ prefix }) => prefix.text),
    );
    assert.equal(new Set(decoded.map(({ spec }) => spec)).size, 1);
  });

  test('several next hops, a dead one with flag onlink among them', () => {
    const first = '10000000 03000000 080005000a010002';
    const second = '10000500 04000000 080005000a020002';
    const found = decodeRoute(`02180000 fe040001 00000000 08000100ac100000 24000900 ${first} ${second}`);
    assert.deepEqual(
      found?.spec.hops.map(({ gateway, device, onLink }) => [gateway?.text, device?.index, onLink]),
      [
        ['10.1.0.2', 3, false],
        ['10.2.0.2', 4, true],
      ],
    );
  });

  test('v6 unreachable names the loopback device, which is no next hop', () => {
    const found = decodeRoute('0a300000 fec90007 00000000 1400010020010db8007600000000000000000000 0800060069100000 0800040001000000');
    assert.deepEqual([found?.prefix.text, found?.spec.type, found?.spec.hops], ['2001:db8:76::/48', 'unreachable', []]);
  });

  test('clones, types of service, source-specific and strange families are not routes to a destination', () => {
    const destination = '08000100ac100000';
    assert.ok(decodeRoute(`02180000 fe040001 00000000 ${destination}`));
    assert.equal(decodeRoute(`02180000 fe040001 00020000 ${destination}`), undefined);
    assert.equal(decodeRoute(`02180010 fe040001 00000000 ${destination}`), undefined);
    assert.equal(decodeRoute(`02181800 fe040001 00000000 ${destination}`), undefined);
    assert.equal(decodeRoute(`80180000 fe040001 00000000 ${destination}`), undefined);
  });

  test('no bytes make it throw or read past the end', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(RTM_NEWROUTE, RTM_NEWLINK, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWRULE, 2),
        (payload, type) => {
          const reader = message(type, Buffer.from(payload).toString('hex'));
          for (const decode of [decodeLink, decodeNeighbour, decodeRule, decodeRpFilter, decodeError]) decode(reader);
          decodeAddress(reader, 'label');
          const found = decoder().decode(reader);
          assert.ok(!found || found.prefix.family === 4 || found.prefix.family === 6);
        },
      ),
    );
  });
});

describe('other messages', () => {
  test('a link, its rp_filter from IFLA_AF_SPEC / AF_INET / IFLA_INET_CONF', () => {
    const conf = [1, 0, 0, 1, 1, 1, 1, 2].map((value) => word(value)).join('');
    const inet = `${word(0x00010024)}${conf}`;
    const found = decodeLink(
      message(RTM_NEWLINK, `00000100 07000000 43100100 00000000 09000300 65746831 00000000 08000400 dc050000 2c001a80 28000200 ${inet}`),
    );
    assert.deepEqual(found, {
      index: 7,
      name: 'eth1',
      up: true,
      carrier: true,
      loopback: false,
      mtu: 1500,
      rpFilter: 2,
      arpIgnore: 0,
      arpAnnounce: 0,
    });
  });

  test('a message about a bridge port is not about the link', () => {
    assert.equal(decodeLink(message(RTM_NEWLINK, '07000100 07000000 43100100 00000000')), undefined);
  });

  test('an address of a point-to-point link is the local one, not the peer', () => {
    const found = decodeAddress(message(RTM_NEWADDR, '02208000 07000000 080001000a000002 080002000a000001'), 'protocol');
    assert.deepEqual([found?.address.text, found?.prefixLength, found?.index], ['10.0.0.1', 32, 7]);
  });

  test('a rule with selectors; ports and inversion make it opaque', () => {
    const header = (flags: string): string => `02001000 00000001 ${flags}`;
    const attributes = '08000f0064000000 0800060084030000 080002000a090000 08000a0010000000 08001000f0000000 08000e00ffffffff';
    const found = decodeRule(message(RTM_NEWRULE, `${header('00000000')}${attributes}`));
    assert.deepEqual(
      { ...found, from: found?.from?.text },
      {
        family: 4,
        priority: 900,
        protocol: 0,
        action: 'lookup',
        table: 100,
        from: '10.9.0.0/16',
        mark: { value: 16, mask: 240 },
        opaque: false,
      },
    );
    assert.equal(decodeRule(message(RTM_NEWRULE, `${header('02000000')}${attributes}`))?.opaque, true);
    assert.equal(decodeRule(message(RTM_NEWRULE, `${header('00000000')}${attributes} 0800170035003500`))?.opaque, true);
  });

  test('rp_filter of all devices', () => {
    assert.deepEqual(decodeRpFilter(message(RTM_NEWNETCONF, '02000000 08000100ffffffff 0800030001000000')), { index: -1, rpFilter: 1 });
    assert.equal(decodeRpFilter(message(RTM_NEWNETCONF, '02000000 08000100ffffffff 0800020001000000')), undefined);
  });

  test('setting rp_filter of a device', () => {
    assert.equal(
      hex((writer) => encodeSetSysctl(writer, 7, 3, 'rp_filter', 2)),
      bare('34000000 1300 0100 07000000 00000000 00000000 03000000 00000000 00000000 14001a80 10000280 0c000180 0800080002000000'),
    );
  });

  test('an error with the words of the kernel, after an echo and without', () => {
    const text = '1f000100 4e657874686f702068617320696e76616c69642067617465776179 00 00';
    const flags = { capped: 0x300, echoed: 0x200 };
    const echo = '1c000000 1800 0106 07000000 00000000';
    const header = '9bffffff';
    assert.deepEqual(decodeError(message(2, `${header}${echo}${text}`, flags.capped)), { errno: 101, text: 'Nexthop has invalid gateway' });
    assert.deepEqual(decodeError(message(2, `${header}${echo}000000000000000000000000${text}`, flags.echoed)), {
      errno: 101,
      text: 'Nexthop has invalid gateway',
    });
    assert.deepEqual(decodeError(message(2, `${header}${echo}`, 0)), { errno: 101 });
    assert.equal(decodeError(message(2, `00000000${echo}`)), undefined);
  });

  test('several messages in one datagram; a cut one ends it', () => {
    const bytes = Buffer.from(
      `${frame(RTM_NEWROUTE, '02000000 fe040001 00000000')}${frame(RTM_NEWADDR, '02')}30000000`.replaceAll(' ', ''),
      'hex',
    );
    const reader = new MessageReader(padded(bytes));
    reader.reset(bytes.length);
    const types: number[] = [];
    while (reader.next()) types.push(reader.type);
    assert.deepEqual(types, [RTM_NEWROUTE, RTM_NEWADDR]);
  });
});

function decodeRoute(payload: string): Route | undefined {
  return decoder().decode(message(RTM_NEWROUTE, payload));
}

function decoder(): RouteDecoder {
  const specs = new SpecTable();
  return new RouteDecoder({
    device: (index) => ({ index, name: `eth${index}` }),
    intern: (spec) => specs.intern(spec),
    objectHops: () => [],
  });
}

function roundTrip(routes: readonly Route[]): readonly Route[] {
  const writer = new MessageWriter(1 << 16);
  for (const [i, one] of routes.entries()) encodeAddRoute(writer, i, one);
  const reader = new MessageReader(writer.buffer);
  reader.reset(writer.size);
  const target = decoder();
  const decoded: Route[] = [];
  while (reader.next()) decoded.push(target.decode(reader) ?? assert.fail('not decoded'));
  return decoded;
}

function assertSameRoute(found: Route, wanted: Route | undefined): void {
  assert.equal(found.prefix.text, wanted?.prefix.text);
  assert.equal(found.prefix.bits, wanted?.prefix.bits);
  assert.ok(wanted && sameSpec(found.spec, wanted.spec), JSON.stringify({ found, wanted }));
}

function prefix(family: Family): fc.Arbitrary<Prefix> {
  const width = WIDTH[family];
  return fc
    .tuple(fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n }), fc.integer({ min: 0, max: width }))
    .map(([bits, length]) => Prefix.of(new Address(family, bits), length));
}

function address(family: Family): fc.Arbitrary<Address> {
  return fc.bigInt({ min: 0n, max: (1n << BigInt(WIDTH[family])) - 1n }).map((bits) => new Address(family, bits));
}

/** Few different specs, so that neighbours often share one. */
function route(): fc.Arbitrary<Route> {
  return fc.constantFrom<Family>(4, 6).chain((family) => fc.record({ prefix: prefix(family), spec: spec(family) }));
}

function spec(family: Family): fc.Arbitrary<RouteSpec> {
  const hop = fc.record(
    {
      gateway: fc.oneof({ arbitrary: address(family), weight: 3 }, address(6)),
      device: fc.constantFrom(1, 2, 0x7fffffff).map((index) => ({ index, name: `eth${index}` })),
      onLink: fc.boolean(),
    },
    { requiredKeys: ['onLink', 'device'] },
  );
  const way = fc.oneof(
    fc.record({ type: fc.constantFrom<RouteType>('unicast', 'local'), hops: fc.tuple(hop) }),
    fc.record({ type: fc.constantFrom<RouteType>('unreachable', 'blackhole', 'prohibit', 'throw'), hops: fc.constant([]) }),
  );
  const rest = fc.record(
    {
      table: fc.oneof(fc.constant(254), fc.integer({ min: 1, max: 0xffffffff })),
      metric: fc.oneof(fc.constant(4201), fc.integer({ min: 0, max: 0xffffffff })),
      protocol: fc.constantFrom(2, 4, 201),
      source: address(family),
      mtu: fc.integer({ min: 68, max: 65535 }),
    },
    { requiredKeys: ['table', 'metric', 'protocol'] },
  );
  return fc.tuple(way, rest).map(([where, others]) => ({ ...where, ...others }));
}
