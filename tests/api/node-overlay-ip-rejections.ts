import { object } from './support.ts';

const GOOD = { node: 'node-a', pool: 'default', addresses: ['192.168.100.16/24'] };

/** Every rejection of a NodeOverlayIP: what was written, and the whole text that its author reads. */
export const REJECTED_ADDRESSES: Readonly<Record<string, readonly [object: unknown, text: string]>> = {
  'name of another node': [address({}, { name: 'node-b.default' }), 'metadata.name: must be node-a.default'],
  'name without the pool': [address({}, { name: 'node-a' }), 'metadata.name: must be node-a.default'],
  'node absent': spec({ node: undefined }, 'spec.node: is missing'),
  'node empty': spec({ node: '' }, 'spec.node: is missing'),
  'node in capitals': spec(
    { node: 'Node_A' },
    'spec.node: "Node_A" is not a name that Kubernetes allows (lower case letters, digits, "-" and "."): write node-a',
  ),
  'pool absent': spec({ pool: undefined }, 'spec.pool: is missing'),
  'pool with a dot': [
    address({ pool: 'on.prem' }, { name: 'node-a.on.prem' }),
    'spec.pool: "on.prem" is not the name of an OverlayPool: lower case letters, digits and "-"',
  ],
  'addresses absent': spec({ addresses: undefined }, 'spec.addresses: is missing'),
  'addresses a text': spec({ addresses: '192.168.100.16/24' }, 'spec.addresses: must be a list, not the text "192.168.100.16/24"'),
  'no addresses': addresses([], 'spec.addresses: has no entry'),
  'three addresses': addresses(
    ['192.168.100.16/24', '2001:db8::16/64', '192.168.101.16/24'],
    'spec.addresses: has 3 entries; at most 2 are allowed',
  ),
  'two of one family, IPv4': addresses(
    ['192.168.100.16/24', '192.168.101.16/24'],
    'spec.addresses: 192.168.100.16/24 and 192.168.101.16/24 are of one family: write at most one address per family',
  ),
  'two of one family, IPv6': addresses(
    ['2001:db8::16/64', '2001:db8::17/64'],
    'spec.addresses: 2001:db8::16/64 and 2001:db8::17/64 are of one family: write at most one address per family',
  ),
  'the same twice': addresses(
    ['192.168.100.16/24', '192.168.100.16/24'],
    'spec.addresses: 192.168.100.16/24 and 192.168.100.16/24 are of one family: write at most one address per family',
  ),
  'no length, IPv4': addresses(
    ['192.168.100.16'],
    'spec.addresses[0]: "192.168.100.16" has no prefix length: write that of its subnet, such as 192.168.100.16/24',
  ),
  'no length, IPv6': addresses(
    ['2001:db8::16'],
    'spec.addresses[0]: "2001:db8::16" has no prefix length: write that of its subnet, such as 2001:db8::16/64',
  ),
  'not an address': addresses(['node-a'], 'spec.addresses[0]: "node-a" is not an IP address'),
  'length too large': addresses(['192.168.100.16/33'], 'spec.addresses[0]: "192.168.100.16/33" has no prefix length between 0 and 32'),
  'length not a number': addresses(['192.168.100.16/x'], 'spec.addresses[0]: "192.168.100.16/x" has no prefix length between 0 and 32'),
  'length with a zero before it': addresses(
    ['192.168.100.16/024'],
    'spec.addresses[0]: "192.168.100.16/024" has no prefix length between 0 and 32',
  ),
  'the length of a single address, IPv4': addresses(
    ['192.168.100.16/32'],
    'spec.addresses[0]: "192.168.100.16/32" has the length of a single address: write that of its subnet, such as 192.168.100.16/24',
  ),
  'the length of a single address, IPv6': addresses(
    ['2001:db8::16/128'],
    'spec.addresses[0]: "2001:db8::16/128" has the length of a single address: write that of its subnet, such as 2001:db8::16/64',
  ),
  'too wide': addresses(
    ['10.0.0.4/7'],
    'spec.addresses[0]: "10.0.0.4/7" is too wide: /8 is the shortest IPv4 prefix that is accepted, /7 the shortest IPv6 one',
  ),
  'the network address': addresses(
    ['192.168.100.0/24'],
    'spec.addresses[0]: "192.168.100.0/24" is the network address of 192.168.100.0/24: write that of a host',
  ),
  'the broadcast address': addresses(
    ['192.168.100.255/24'],
    'spec.addresses[0]: "192.168.100.255/24" is the broadcast address of 192.168.100.0/24: write that of a host',
  ),
  'the broadcast address of a /9': addresses(
    ['10.127.255.255/9'],
    'spec.addresses[0]: "10.127.255.255/9" is the broadcast address of 10.0.0.0/9: write that of a host',
  ),
  'the broadcast address of a /30': addresses(
    ['192.168.100.7/30'],
    'spec.addresses[0]: "192.168.100.7/30" is the broadcast address of 192.168.100.4/30: write that of a host',
  ),
  'the address of the routers, IPv6': addresses(
    ['2001:db8::/64'],
    'spec.addresses[0]: "2001:db8::/64" is the network address of 2001:db8::/64: write that of a host',
  ),
  'IPv4-mapped': addresses(
    ['::ffff:192.168.100.16/120'],
    'spec.addresses[0]: "::ffff:192.168.100.16" is an IPv4-mapped IPv6 address: write 192.168.100.16',
  ),
  loopback: addresses(['127.0.0.1/8'], 'spec.addresses[0]: "127.0.0.1/8" is not the address of one host: 127.0.0.0/8 is loopback'),
  'link-local': addresses(
    ['169.254.1.1/16'],
    'spec.addresses[0]: "169.254.1.1/16" is not the address of one host: 169.254.0.0/16 is link-local',
  ),
  multicast: addresses(['ff02::1/64'], 'spec.addresses[0]: "ff02::1/64" is not the address of one host: ff00::/8 is multicast'),
  'address a number': addresses([16], 'spec.addresses[0]: must be a text, not the number 16: write "16" in quotes'),
  'unknown field': spec({ address: '192.168.100.16/24' }, 'spec: unknown field "address": did you mean "addresses"?'),
  'spec absent': [object('NodeOverlayIP', undefined, { name: 'node-a.default' }), 'spec: is missing'],
};

function address(change: object, metadata: unknown = { name: 'node-a.default' }): object {
  return object('NodeOverlayIP', { ...GOOD, ...change }, metadata);
}

function spec(change: object, text: string): readonly [unknown, string] {
  return [address(change), text];
}

function addresses(values: readonly unknown[], text: string): readonly [unknown, string] {
  return [address({ addresses: values }), text];
}
