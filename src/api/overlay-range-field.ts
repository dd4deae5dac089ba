import { Address, InvalidAddress, WIDTH } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { hostAddressField, IS_PREFIX, NO_HOST_BITS, PREFIX_LENGTH, SUBNET } from './network-fields.ts';
import { type Demand, type Finding, fields, list, optional, type ParsedTextOptions, parsedText, type Rule } from './schema.ts';
import { isBroadcastText, roleIn, USUAL, usualText } from './subnet-address.ts';
import { zoneField } from './zone-field.ts';

const IS_SUBNET: Demand = {
  ...IS_PREFIX,
  cel: {
    rule: 'isCIDR(self)',
    messageExpression:
      `isIP(self) ? '"%s" has no prefix length: add that of the subnet, such as /%s'.format([self, ${usualText('ip(self)')}]) : ` +
      `'"%s" ${IS_PREFIX.message}'.format([self])`,
  },
};

/** @throws InvalidAddress */
function parseSubnet(text: string): Prefix {
  if (text.includes('/')) return Prefix.parse(text);
  const address = Address.parse(text);
  const usual = Prefix.of(address, USUAL[address.family]);
  throw new InvalidAddress(`"${text}" has no prefix length: write that of the subnet, such as ${usual}`);
}

const SINGLE =
  'is a single address, and leaves none beside the gateway: /31 is the longest IPv4 prefix that is accepted, /127 the longest IPv6 one';

const NOT_ALONE: Rule<Prefix> = {
  message: 'must be /31 or shorter (IPv4), /127 or shorter (IPv6)',
  cel: {
    rule: '!isCIDR(self) || cidr(self).prefixLength() < (cidr(self).ip().family() == 4 ? 32 : 128)',
    messageExpression: `'"%s" ${SINGLE}'.format([self])`,
  },
  check: (prefix) => (prefix.length < WIDTH[prefix.family] ? undefined : `"${prefix}" ${SINGLE}`),
};

interface Range {
  readonly subnet: Prefix;
  readonly gateway: Address;
  readonly exclude?: readonly Prefix[];
}

const GATEWAY_INSIDE: Rule<Range> = {
  message: 'gateway must be in subnet',
  cel: {
    rule: '!isCIDR(self.subnet) || !isIP(self.gateway) || cidr(self.subnet).containsIP(self.gateway)',
    messageExpression: `'gateway %s is not in subnet %s: write an address of that subnet'.format([self.gateway, self.subnet])`,
  },
  check: ({ subnet, gateway }) =>
    subnet.has(gateway) ? undefined : `gateway ${gateway} is not in subnet ${subnet}: write an address of that subnet`,
};

/** The first address of an IPv6 subnet is that of its routers, so it may be the gateway. */
const GATEWAY_IS_HOST: Rule<Range> = {
  message: 'gateway must be neither the network nor the broadcast address of an IPv4 subnet',
  cel: {
    rule:
      '!isCIDR(self.subnet) || !isIP(self.gateway) || ip(self.gateway).family() == 6 || cidr(self.subnet).prefixLength() > 30 || ' +
      '!cidr(self.subnet).containsIP(self.gateway) || ' +
      `(!(ip(self.gateway) == cidr(self.subnet).masked().ip()) && !${isBroadcastText('self.gateway', 'cidr(self.subnet).prefixLength()')})`,
    messageExpression:
      `'gateway %s is the %s address of %s: write that of a host'` +
      `.format([self.gateway, ip(self.gateway) == cidr(self.subnet).masked().ip() ? 'network' : 'broadcast', self.subnet])`,
  },
  check: ({ subnet, gateway }) => {
    const role = subnet.family === 4 ? roleIn(subnet, gateway) : undefined;
    return role && `gateway ${gateway} is the ${role} address of ${subnet}: write that of a host`;
  },
};

const OUTSIDE = 'self.exclude.filter(e, isIP(e) ? !cidr(self.subnet).containsIP(e) : isCIDR(e) && !cidr(self.subnet).containsCIDR(e))';

const EXCLUDE_INSIDE: Rule<Range> = {
  message: 'exclude must be in subnet',
  cel: {
    rule: `!has(self.exclude) || !isCIDR(self.subnet) || ${OUTSIDE}.size() == 0`,
    messageExpression: `'exclude %s is not in subnet %s: remove it'.format([${OUTSIDE}[0], self.subnet])`,
  },
  check: ({ subnet, exclude = [] }) => {
    const outside = exclude.find((prefix) => !subnet.contains(prefix));
    return outside && `exclude ${shortly(outside)} is not in subnet ${subnet}: remove it`;
  },
};

/** A single address without its length. */
function shortly(prefix: Prefix): string {
  return prefix.length === WIDTH[prefix.family] ? prefix.first.text : prefix.text;
}

const IS_PREFIX_OR_ADDRESS: Demand = {
  message: 'must be an IPv4 or IPv6 address or prefix such as 10.1.0.7 or 10.1.0.0/28; IPv4-mapped IPv6 is not accepted',
  cel: { rule: 'isIP(self) || isCIDR(self)' },
};

/** An address or a prefix, as a prefix. */
const EXCLUDED: ParsedTextOptions<Prefix> = {
  max: PREFIX_LENGTH,
  parse: (text) => (text.includes('/') ? Prefix.parse(text) : Prefix.of(Address.parse(text))),
  demands: [IS_PREFIX_OR_ADDRESS, NO_HOST_BITS],
  rules: [],
};

const range = fields(
  { about: 'A subnet of the network that the nodes are to be in, and its gateway.' },
  {
    zone: optional(
      zoneField({
        about: 'The zone of the nodes that get their addresses from here: the value of their label topology.kubernetes.io/zone.',
        absent: 'nodes whose zone has no range of this family, and nodes without that label',
      }),
    ),
    subnet: parsedText(
      { about: 'The subnet. Its first address, and the last of an IPv4 one, are never given, unless it is a /31 or /127.' },
      { max: PREFIX_LENGTH, parse: parseSubnet, demands: [IS_SUBNET, NO_HOST_BITS], rules: [...SUBNET.rules, NOT_ALONE] },
    ),
    gateway: hostAddressField({ about: 'The router of that subnet. It is never given to a node.' }),
    exclude: optional(
      list(
        { about: 'What else is never given: addresses and prefixes of the subnet that others use.', absent: 'nothing' },
        parsedText({ about: 'An address or a prefix without host bits.' }, EXCLUDED),
        { max: 256 },
      ),
    ),
  },
  [GATEWAY_INSIDE, GATEWAY_IS_HOST, EXCLUDE_INSIDE],
);

const OVERLAPPING =
  'self.filter(a, !self.exists_one(b, cidr(a.subnet).containsCIDR(b.subnet) || cidr(b.subnet).containsCIDR(a.subnet))).map(r, r.subnet)';

const NO_OVERLAP: Rule<readonly Range[]> = {
  message: 'ranges must not overlap',
  cel: {
    rule: `!self.all(r, isCIDR(r.subnet)) || ${OVERLAPPING}.size() == 0`,
    messageExpression: `'%s overlap: make them disjoint, or remove one'.format([${OVERLAPPING}])`,
  },
  check: (ranges) =>
    ranges.flatMap(({ subnet }, i): readonly Finding[] => {
      const earlier = ranges.slice(0, i).findIndex((other) => other.subnet.overlaps(subnet));
      const words = `${subnet} overlaps ${ranges[earlier]?.subnet} of ranges[${earlier}]: make them disjoint, or remove one`;
      return earlier < 0 ? [] : [{ message: words, path: [i, 'subnet'] }];
    }),
};

const NO_ENTRY = 'has no entry: add one with subnet and gateway';

const HAS_ENTRY: Rule<readonly Range[]> = {
  message: 'ranges must have an entry',
  cel: { rule: 'self.size() > 0', messageExpression: `'${NO_ENTRY}'` },
  check: (ranges) => (ranges.length === 0 ? NO_ENTRY : undefined),
};

/** The ranges of a pool, in the order in which they are used. */
export const rangesField = list(
  { about: 'Where addresses come from: of several for the same nodes the first that has a free one.' },
  range,
  { max: 64, rules: [HAS_ENTRY, NO_OVERLAP] },
);
