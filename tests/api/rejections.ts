import { manifest, spec } from './support.ts';

const LABEL_NAME = 'at most 63 letters, digits, "-", "_" and ".", the first and the last of them a letter or digit';
const NO_LABEL_KEY = `is the key of no label: write ${LABEL_NAME}, where need be behind a DNS name and "/": example.org/site`;

/** Every rejection: what was written, and the whole text that its author reads. */
export const REJECTED: Readonly<Record<string, readonly [object: unknown, text: string]>> = {
  'host bits, IPv4': subnets(['10.0.0.0/24', '10.1.2.3/16'], 'spec.subnets[1]: "10.1.2.3/16" has host bits set: write 10.1.0.0/16'),
  'host bits, IPv6': subnets(['2001:db8::1/64'], 'spec.subnets[0]: "2001:db8::1/64" has host bits set: write 2001:db8::/64'),
  'IPv4-mapped': subnets(
    ['::ffff:10.1.0.0/112'],
    'spec.subnets[0]: "::ffff:10.1.0.0/112" is an IPv4-mapped IPv6 prefix: write 10.1.0.0/16',
  ),
  'missing length': subnets(['10.1.2.3'], 'spec.subnets[0]: "10.1.2.3" has no prefix length: write 10.1.2.3/32'),
  'not a prefix': subnets(['on-prem'], 'spec.subnets[0]: "on-prem" is not an IPv4 prefix: write it as 10.1.0.0/16'),
  'length too large': subnets(['10.0.0.0/33'], 'spec.subnets[0]: "10.0.0.0/33" has no prefix length between 0 and 32'),
  'zero length, IPv4': subnets(['0.0.0.0/0'], wide('0.0.0.0/0')),
  'zero length, IPv6': subnets(['::/0'], wide('::/0')),
  'too wide, IPv4': subnets(['10.0.0.0/7'], wide('10.0.0.0/7')),
  'too wide, IPv6': subnets(['fc00::/6'], wide('fc00::/6')),
  'loopback, IPv4': subnets(['127.0.1.0/24'], never('127.0.1.0/24', '127.0.0.0/8 (loopback)')),
  'loopback, IPv6': subnets(['::1/128'], never('::1/128', '::1/128 (loopback)')),
  'link-local, IPv4': subnets(['169.254.0.0/16'], never('169.254.0.0/16', '169.254.0.0/16 (link-local)')),
  'holds link-local, IPv4': subnets(['169.0.0.0/8'], never('169.0.0.0/8', '169.254.0.0/16 (link-local)')),
  'link-local, IPv6': subnets(['fe80::/64'], never('fe80::/64', 'fe80::/10 (link-local)')),
  'holds link-local and multicast, IPv6': subnets(['fe00::/7'], never('fe00::/7', 'fe80::/10 (link-local)')),
  'multicast, IPv4': subnets(['239.1.0.0/16'], never('239.1.0.0/16', '224.0.0.0/4 (multicast)')),
  'multicast, IPv6': subnets(['ff02::/16'], never('ff02::/16', 'ff00::/8 (multicast)')),
  unspecified: subnets(['0.0.0.0/8'], never('0.0.0.0/8', '0.0.0.0/32 (the unspecified address)')),
  duplicate: subnets(
    ['10.0.0.0/24', '10.0.1.0/24', '10.0.0.0/24'],
    'spec.subnets[2]: 10.0.0.0/24 is already in spec.subnets[0]: remove one of them',
  ),
  'duplicate in another spelling': subnets(
    ['2001:db8::/32', '2001:DB8:0::/32'],
    'spec.subnets[1]: 2001:db8::/32 is already in spec.subnets[0]: remove one of them',
  ),
  'no subnets': subnets([], 'spec.subnets: has no entry'),
  'subnets absent': [manifest({}), 'spec.subnets: is missing'],
  'subnets not a list': [manifest({ subnets: '10.0.0.0/8' }), 'spec.subnets: must be a list, not the text "10.0.0.0/8"'],
  'subnet not a text': subnets([10], 'spec.subnets[0]: must be a text, not the number 10: write "10" in quotes'),
  'subnet far too long': subnets(['1'.repeat(10_000)], `spec.subnets[0]: "${'1'.repeat(63)}…" is longer than 49 characters`),
  'too many subnets': [
    manifest({ subnets: Array.from({ length: 4097 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`) }),
    'spec.subnets: has 4097 entries; at most 4096 are allowed',
  ],
  'metric 0': field('metric', 0, '0 is not between 1 and 4294967295'),
  'metric too large': field('metric', 4294967296, '4294967296 is not between 1 and 4294967295'),
  'metric far too large': field('metric', 1e300, '1e+300 is not between 1 and 4294967295'),
  'metric not whole': field('metric', 1.5, 'must be a whole number, not the number 1.5'),
  'metric a text': field('metric', '100', 'must be a number, not the text "100"'),
  'mtu too small': field('mtu', 67, '67 is not between 68 and 65520'),
  'mtu too large': field('mtu', 65521, '65521 is not between 68 and 65520'),
  'source not an address': field('source', '10.0.0.0/8', '"10.0.0.0/8" is not an IP address'),
  'source loopback': field('source', '127.0.0.1', host('127.0.0.1', '127.0.0.0/8 is loopback')),
  'onMissingGateway unknown': field(
    'onMissingGateway',
    'withdraw',
    '"withdraw" is not one of Withdraw, Unreachable: did you mean "Withdraw"?',
  ),
  'reversePath unknown': field('reversePath', 'Off', '"Off" is not one of Preserve, Loose'),
  'reversePath an object': field('reversePath', {}, 'an object is not one of Preserve, Loose'),
  'via two members': via({ gateway: '10.0.0.1', device: 'eth1' }, 'spec.via: has gateway and device: write only one of them'),
  'via three members': via(
    { gateway: '10.0.0.1', discover: {}, unreachable: {} },
    'spec.via: has gateway and discover and unreachable: write only one of them',
  ),
  'via empty text': [manifest(spec({ via: null })), 'spec.via: must be an object, not empty: write {}'],
  'unreachable without braces': via({ unreachable: null }, 'spec.via.unreachable: must be an object, not empty: write {}'),
  'overlay without a pool': via({ overlay: null }, 'spec.via.overlay: must be an object, not empty'),
  'gateway not an address': via({ gateway: 'router' }, 'spec.via.gateway: "router" is not an IP address'),
  'gateway a prefix': via({ gateway: '10.0.0.1/24' }, 'spec.via.gateway: "10.0.0.1/24" is not an IP address'),
  'gateway unspecified': via({ gateway: '0.0.0.0' }, `spec.via.gateway: ${host('0.0.0.0', '0.0.0.0/32 is the unspecified address')}`),
  'gateway loopback': via({ gateway: '::1' }, `spec.via.gateway: ${host('::1', '::1/128 is loopback')}`),
  'gateway multicast': via({ gateway: 'ff02::1' }, `spec.via.gateway: ${host('ff02::1', 'ff00::/8 is multicast')}`),
  'gateway IPv4-mapped': via(
    { gateway: '::ffff:10.0.0.1' },
    'spec.via.gateway: "::ffff:10.0.0.1" is an IPv4-mapped IPv6 address: write 10.0.0.1',
  ),
  'gateway link-local without device': via(
    { gateway: 'fe80::1' },
    'spec.via.gateway: "fe80::1" is link-local, which says nothing without a device: write gateways: [{address: "fe80::1", device: ...}]',
  ),
  'gateways empty': via({ gateways: [] }, 'spec.via.gateways: has no entry'),
  'gateways without address': via({ gateways: [{ device: 'eth1' }] }, 'spec.via.gateways[0].address: is missing'),
  'gateways link-local without device': via(
    { gateways: [{ address: '10.0.0.1' }, { address: 'fe80::1' }] },
    'spec.via.gateways[1]: "fe80::1" is link-local, which says nothing without a device: add device',
  ),
  'gateways onLink without device': via(
    { gateways: [{ address: '10.0.0.1', onLink: true }] },
    'spec.via.gateways[0]: onLink needs a device: add device',
  ),
  'selector In without values': via(
    { gateways: [{ address: '10.0.0.1', nodeSelector: { matchExpressions: [{ key: 'zone', operator: 'In' }] } }] },
    'spec.via.gateways[0].nodeSelector.matchExpressions[0]: operator In needs values: write values: [...]',
  ),
  'device lo': via({ device: 'lo' }, 'spec.via.device: "lo" is the loopback device: nothing beyond this node is reached through it'),
  'device too long': via({ device: 'eth1234567890123' }, 'spec.via.device: "eth1234567890123" is longer than 15 characters'),
  'device with a slash': via(
    { device: 'a/b' },
    'spec.via.device: "a/b" is not a device name: write it in ASCII, with no "/", ":" or white space',
  ),
  'device empty': via({ device: '' }, 'spec.via.device: "" is not a device name: write it in ASCII, with no "/", ":" or white space'),
  'device not ASCII': via(
    { device: 'tür' },
    'spec.via.device: "tür" is not a device name: write it in ASCII, with no "/", ":" or white space',
  ),
  'device dot dot': via({ device: '..' }, 'spec.via.device: ".." is not a device name: write it in ASCII, with no "/", ":" or white space'),
  'toward twice IPv4': via(
    { discover: { toward: ['10.0.0.0/8', '172.16.0.0/12'] } },
    'spec.via.discover.toward: 10.0.0.0/8 and 172.16.0.0/12 are both IPv4: write at most one prefix per family',
  ),
  'toward three': via(
    { discover: { toward: ['10.0.0.0/8', '::/0', '::/0'] } },
    'spec.via.discover.toward: has 3 entries; at most 2 are allowed',
  ),
  'toward empty': via({ discover: { toward: [] } }, 'spec.via.discover.toward: has no entry'),
  'toward host bits': via(
    { discover: { toward: ['10.0.0.1/8'] } },
    'spec.via.discover.toward[0]: "10.0.0.1/8" has host bits set: write 10.0.0.0/8',
  ),
  'overlay without pool': via({ overlay: {} }, 'spec.via.overlay.pool: is missing'),
  'pool with a dot': via(
    { overlay: { pool: 'a.b' } },
    'spec.via.overlay.pool: "a.b" is not the name of an OverlayPool: lower case letters, digits and "-"',
  ),
  'label value not a text': field(
    'nodeSelector',
    { matchLabels: { 'example.com/rack': 7 } },
    'must be a text, not the number 7: write "7" in quotes',
    '.matchLabels["example.com/rack"]',
  ),
  'label value with a space': field(
    'nodeSelector',
    { matchLabels: { 'example.com/rack': 'x y' } },
    `"x y" is the value of no label: write ${LABEL_NAME}`,
    '.matchLabels["example.com/rack"]',
  ),
  'label value that ends in a dash': field(
    'nodeSelector',
    { matchLabels: { rack: 'x-' } },
    `"x-" is the value of no label: write ${LABEL_NAME}`,
    '.matchLabels.rack',
  ),
  'label value too long': field(
    'nodeSelector',
    { matchLabels: { rack: 'x'.repeat(64) } },
    `"${'x'.repeat(64)}" is longer than 63 characters`,
    '.matchLabels.rack',
  ),
  'label key with a space': field('nodeSelector', { matchLabels: { 'a b': 'x' } }, `"a b" ${NO_LABEL_KEY}`, '.matchLabels'),
  'label key with two slashes': field('nodeSelector', { matchLabels: { 'a/b/c': 'x' } }, `"a/b/c" ${NO_LABEL_KEY}`, '.matchLabels'),
  'label key empty': field('nodeSelector', { matchLabels: { '': 'x' } }, `"" ${NO_LABEL_KEY}`, '.matchLabels'),
  'label key behind a name in capitals': field(
    'nodeSelector',
    { matchLabels: { 'Example.org/site': 'x' } },
    `"Example.org/site" ${NO_LABEL_KEY}`,
    '.matchLabels',
  ),
  'label key behind a long name': field(
    'nodeSelector',
    { matchLabels: { [`${'x'.repeat(254)}/site`]: 'x' } },
    `"${'x'.repeat(63)}…" ${NO_LABEL_KEY}`,
    '.matchLabels',
  ),
  'selector value with a space': field(
    'nodeSelector',
    { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'x y'] }] },
    `"x y" is the value of no label: write ${LABEL_NAME}`,
    '.matchExpressions[0].values[1]',
  ),
  'selector key with a space': field(
    'nodeSelector',
    { matchExpressions: [{ key: 'a b', operator: 'Exists' }] },
    `"a b" ${NO_LABEL_KEY}`,
    '.matchExpressions[0].key',
  ),
  'selector key behind a long name': field(
    'nodeSelector',
    { matchExpressions: [{ key: `${'x'.repeat(254)}/site`, operator: 'Exists' }] },
    `"${'x'.repeat(63)}…" ${NO_LABEL_KEY}`,
    '.matchExpressions[0].key',
  ),
  'too many labels': field(
    'nodeSelector',
    { matchLabels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'x'])) },
    'has 65 entries; at most 64 are allowed',
    '.matchLabels',
  ),
  'gateway for a label value with a space': via(
    { gateways: [{ address: '10.0.0.1', nodeSelector: { matchLabels: { rack: 'x y' } } }] },
    `spec.via.gateways[0].nodeSelector.matchLabels.rack: "x y" is the value of no label: write ${LABEL_NAME}`,
  ),
  'selector Exists with values': field(
    'nodeSelector',
    { matchExpressions: [{ key: 'zone', operator: 'Exists', values: ['a'] }] },
    'operator Exists takes no values: remove them',
    '.matchExpressions[0]',
  ),
  'selector operator unknown': field(
    'nodeSelector',
    { matchExpressions: [{ key: 'zone', operator: 'in', values: ['a'] }] },
    '"in" is not one of In, NotIn, Exists, DoesNotExist: did you mean "In"?',
    '.matchExpressions[0].operator',
  ),
  'unknown field of spec': [
    manifest({ subnet: ['10.0.0.0/8'], subnets: ['10.0.0.0/8'] }),
    'spec: unknown field "subnet": did you mean "subnets"?',
  ],
  'unknown fields of via': via(
    { gatway: '10.0.0.1', speed: 1 },
    'spec.via: unknown field "gatway": did you mean "gateway"?; unknown field "speed"',
  ),
  'unknown field of unreachable': via({ unreachable: { code: 1 } }, 'spec.via.unreachable: unknown field "code"'),
  'unknown field at the top': [{ ...manifest(spec()), sepc: {} }, 'unknown field "sepc": did you mean "spec"?'],
  'spec absent': [manifest(undefined), 'spec: is missing'],
  'name absent': [manifest(spec(), {}), 'metadata.name: is missing'],
  'name a number': [manifest(spec(), { name: 12 }), 'metadata.name: must be a text, not the number 12: write "12" in quotes'],
  'name not DNS': [
    manifest(spec(), { name: 'On_Prem' }),
    'metadata.name: "On_Prem" is not a name that Kubernetes allows (lower case letters, digits, "-" and "."): write on-prem',
  ],
  'name too long': [manifest(spec(), { name: 'a'.repeat(254) }), `metadata.name: "${'a'.repeat(63)}…" is longer than 253 characters`],
  namespace: [
    manifest(spec(), { name: 'on-prem', namespace: 'shop' }),
    'metadata.namespace: a StaticRoute belongs to the whole cluster and has no namespace: remove it',
  ],
  'metadata absent': [{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'StaticRoute', spec: spec() }, 'metadata: is missing'],
  'metadata a list': [manifest(spec(), []), 'metadata: must be an object, not a list'],
  'another apiVersion': [{ ...manifest(spec()), apiVersion: 'v1' }, 'apiVersion: must be fairlead.dev/v1alpha1, not "v1"'],
  'not an object': [null, 'must be an object, not empty'],
};

function subnets(values: readonly unknown[], text: string): readonly [unknown, string] {
  return [manifest({ subnets: values }), text];
}

function field(name: string, value: unknown, text: string, inner = ''): readonly [unknown, string] {
  return [manifest(spec({ [name]: value })), `spec.${name}${inner}: ${text}`];
}

function via(value: object, text: string): readonly [unknown, string] {
  return [manifest(spec({ via: value })), text];
}

function wide(prefix: string): string {
  return `spec.subnets[0]: "${prefix}" is too wide: /8 is the shortest IPv4 prefix that is accepted, /7 the shortest IPv6 one`;
}

function never(prefix: string, range: string): string {
  return `spec.subnets[0]: "${prefix}" overlaps ${range}, which is never routed`;
}

function host(address: string, why: string): string {
  return `"${address}" is not the address of one host: ${why}`;
}
