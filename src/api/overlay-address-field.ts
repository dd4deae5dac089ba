import { Address, InvalidAddress, WIDTH } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { neverRouted, SHORTEST } from '../core/ip/unroutable.ts';
import type { OverlayAddress } from '../core/resources.ts';
import { NOT_TOO_WIDE, PREFIX_LENGTH, TOO_WIDE } from './network-fields.ts';
import type { Demand, ParsedTextOptions, Rule } from './schema.ts';
import { isBroadcastText, roleIn, USUAL, usualText } from './subnet-address.ts';

const TEXT = 'must be an address with the length of its subnet, such as 192.168.100.4/24 or 2001:db8::4/64';

const IS_ADDRESS_WITH_LENGTH: Demand = {
  message: TEXT,
  cel: {
    rule: 'isCIDR(self)',
    messageExpression:
      `isIP(self) ? '"%s" has no prefix length: write that of its subnet, such as %s/%s'.format([self, self, ${usualText('ip(self)')}]) : ` +
      `'"%s" ${TEXT}'.format([self])`,
  },
};

const NOT_ALONE: Rule<OverlayAddress> = {
  message: 'must have the length of a subnet: /31 or shorter (IPv4), /127 or shorter (IPv6)',
  cel: {
    rule: '!isCIDR(self) || cidr(self).prefixLength() < (cidr(self).ip().family() == 4 ? 32 : 128)',
    messageExpression:
      `'"%s" has the length of a single address: write that of its subnet, such as %s/%s'` +
      `.format([self, string(cidr(self).ip()), ${usualText('cidr(self).ip()')}])`,
  },
  check: ({ address, prefixLength }) => {
    if (prefixLength < WIDTH[address.family]) return undefined;
    const written = `"${address}/${prefixLength}" has the length of a single address`;
    return `${written}: write that of its subnet, such as ${address}/${USUAL[address.family]}`;
  },
};

const SUBNET_NOT_TOO_WIDE: Rule<OverlayAddress> = {
  ...NOT_TOO_WIDE,
  check: ({ address, prefixLength }) => (prefixLength >= SHORTEST[address.family] ? undefined : `"${address}/${prefixLength}" ${TOO_WIDE}`),
};

const IS_HOST: Rule<OverlayAddress> = {
  message: 'must be the address of one host: not unspecified, loopback, link-local, multicast or broadcast',
  cel: {
    rule: '!isCIDR(self) || cidr(self).ip().isGlobalUnicast()',
    messageExpression: `'"%s" is not the address of one host (it is unspecified, loopback, link-local, multicast or broadcast)'.format([self])`,
  },
  check: ({ address, prefixLength }) => {
    const found = neverRouted(Prefix.of(address));
    return found && `"${address}/${prefixLength}" is not the address of one host: ${found[0]} is ${found[1]}`;
  },
};

const HAS_HOST_BITS: Rule<OverlayAddress> = {
  message: 'must be neither the first address of its subnet nor the last of an IPv4 one',
  cel: {
    rule:
      '!isCIDR(self) || cidr(self).prefixLength() > (cidr(self).ip().family() == 4 ? 30 : 126) || (!(cidr(self) == cidr(self).masked()) && ' +
      `(cidr(self).ip().family() == 6 || !${isBroadcastText("self.split('/')[0]", 'cidr(self).prefixLength()')}))`,
    messageExpression:
      `'"%s" is the %s address of %s: write that of a host'` +
      `.format([self, cidr(self) == cidr(self).masked() ? 'network' : 'broadcast', string(cidr(self).masked())])`,
  },
  check: ({ address, prefixLength }) => {
    const subnet = Prefix.of(address, prefixLength);
    const role = roleIn(subnet, address);
    return role && `"${address}/${prefixLength}" is the ${role} address of ${subnet}: write that of a host`;
  },
};

/** The address of a host, and how long the prefix of its subnet is: `192.168.100.4/24`. */
export const OVERLAY_ADDRESS: ParsedTextOptions<OverlayAddress> = {
  max: PREFIX_LENGTH,
  parse: parseOverlayAddress,
  demands: [IS_ADDRESS_WITH_LENGTH],
  rules: [NOT_ALONE, SUBNET_NOT_TOO_WIDE, IS_HOST, HAS_HOST_BITS],
};

/** @throws InvalidAddress */
export function parseOverlayAddress(text: string): OverlayAddress {
  const slash = text.indexOf('/');
  if (slash < 0) {
    const { family } = Address.parse(text);
    throw new InvalidAddress(`"${text}" has no prefix length: write that of its subnet, such as ${text}/${USUAL[family]}`);
  }
  const address = Address.parse(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > WIDTH[address.family]) {
    throw new InvalidAddress(`"${text}" has no prefix length between 0 and ${WIDTH[address.family]}`);
  }
  return { address, prefixLength: Number(length) };
}
