import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import { NEVER_ROUTED, neverRouted, SHORTEST } from '../core/ip/unroutable.ts';
import { type About, type Demand, type ParsedTextOptions, parsedText, parsedTexts, type Rule, text } from './schema.ts';

/** Longest texts: 45 characters for an address with an embedded IPv4 one, and four for the length of a prefix. */
export const ADDRESS_LENGTH = 45;
export const PREFIX_LENGTH = ADDRESS_LENGTH + '/128'.length;

const PREFIX_TEXT = 'must be an IPv4 or IPv6 prefix such as 10.1.0.0/16 or 2001:db8::/32; IPv4-mapped IPv6 is not accepted';

export const IS_PREFIX: Demand = {
  message: PREFIX_TEXT,
  cel: {
    rule: 'isCIDR(self)',
    messageExpression:
      `isIP(self) ? '"%s" has no prefix length: write %s/%s'.format([self, self, ip(self).family() == 4 ? '32' : '128']) : ` +
      `'"%s" ${PREFIX_TEXT}'.format([self])`,
  },
};

export const NO_HOST_BITS: Demand = {
  message: 'must have no host bits set',
  cel: {
    rule: '!isCIDR(self) || cidr(self) == cidr(self).masked()',
    messageExpression: `'"%s" has host bits set: write %s'.format([self, string(cidr(self).masked())])`,
  },
};

export const TOO_WIDE = 'is too wide: /8 is the shortest IPv4 prefix that is accepted, /7 the shortest IPv6 one';

export const NOT_TOO_WIDE: Rule<Prefix> = {
  message: 'must be /8 or longer (IPv4), /7 or longer (IPv6)',
  cel: {
    rule: '!isCIDR(self) || cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 8 : 7)',
    messageExpression: `'"%s" ${TOO_WIDE}'.format([self])`,
  },
  check: (prefix) => (prefix.length >= SHORTEST[prefix.family] ? undefined : `"${prefix}" ${TOO_WIDE}`),
};

const LINK_LOCAL = 'link-local';

/**
 * The CEL text says the same in fewer steps, given that the prefix is not too wide: its first address is an ordinary one,
 * and it does not hold the first address of a range that begins inside it.
 */
const ROUTABLE: Rule<Prefix> = {
  message: 'must not overlap loopback, link-local, multicast, broadcast or unspecified addresses',
  cel: {
    rule:
      '!isCIDR(self) || cidr(self).prefixLength() < 7 || (cidr(self).ip().isGlobalUnicast() && ' +
      "!['169.254.0.0', '255.255.255.255', 'fe80::', 'ff00::'].exists(a, cidr(self).containsIP(a)))",
    messageExpression: `'"%s" overlaps addresses that are never routed (loopback, link-local, multicast, broadcast, unspecified)'.format([self])`,
  },
  check: (prefix) => {
    const found = prefix.length < SHORTEST[prefix.family] ? undefined : neverRouted(prefix);
    return found && `"${prefix}" overlaps ${found[0]} (${found[1]}), which is never routed`;
  },
};

/** Any prefix, also `0.0.0.0/0`. */
export function prefixField(about: About) {
  return parsedText(about, { max: PREFIX_LENGTH, parse: Prefix.parse, demands: [IS_PREFIX, NO_HOST_BITS], rules: [] });
}

/** Prefixes that a program wrote: as a whole, so that what somebody adds by hand goes with its next write. */
export function prefixTexts(about: string, { max }: { readonly max: number }) {
  const member: ParsedTextOptions<Prefix> = { max: PREFIX_LENGTH, parse: Prefix.parse, demands: [], rules: [] };
  return parsedTexts({ about }, { about: 'A prefix.' }, member, { min: 0, max, merge: 'atomic', rules: [] });
}

/** The same of addresses. */
export function addressTexts(about: string, { max }: { readonly max: number }) {
  const member: ParsedTextOptions<Address> = { max: ADDRESS_LENGTH, parse: Address.parse, demands: [], rules: [] };
  return parsedTexts({ about }, { about: 'An address.' }, member, { min: 0, max, merge: 'atomic', rules: [] });
}

/** A prefix that may be routed. */
export const SUBNET: ParsedTextOptions<Prefix> = {
  max: PREFIX_LENGTH,
  parse: Prefix.parse,
  demands: [IS_PREFIX, NO_HOST_BITS],
  rules: [NOT_TOO_WIDE, ROUTABLE],
};

const IS_ADDRESS: Demand = {
  message: 'must be an IPv4 or IPv6 address such as 10.1.0.1 or 2001:db8::1; IPv4-mapped IPv6 is not accepted',
  cel: { rule: 'isIP(self)' },
};

const UNICAST: Rule<Address> = {
  message: 'must be the address of one host: not unspecified, loopback, multicast or broadcast',
  cel: {
    rule: '!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()',
    messageExpression: `'"%s" is not the address of one host (it is unspecified, loopback, multicast or broadcast)'.format([self])`,
  },
  check: (address) => {
    const found = NEVER_ROUTED.find(([range, name]) => name !== LINK_LOCAL && range.has(address));
    return found && `"${address}" is not the address of one host: ${found[0]} is ${found[1]}`;
  },
};

/** The address of one host. */
export function hostAddressField(about: About, rules: readonly Rule<Address>[] = []) {
  return parsedText(about, { max: ADDRESS_LENGTH, parse: Address.parse, demands: [IS_ADDRESS], rules: [UNICAST, ...rules] });
}

export function isLinkLocal(address: Address): boolean {
  return NEVER_ROUTED.some(([range, name]) => name === LINK_LOCAL && range.has(address));
}

/** IFNAMSIZ - 1 (include/uapi/linux/if.h), in bytes. */
const DEVICE_NAME_LENGTH = 15;

/** As dev_valid_name (net/core/dev.c), but ASCII only: then characters are bytes. The ranges are all of "!" to "~" but "/" and ":". */
const DEVICE_NAME_PATTERN = '^[!-.0-9;-~]+$';

const DEVICE_NAME: Rule<string> = {
  message: 'must be a device name: ASCII, no "/", ":" or white space',
  cel: { rule: `self.matches('${DEVICE_NAME_PATTERN}') && self != '.' && self != '..'` },
  check: (name) => {
    if (new RegExp(DEVICE_NAME_PATTERN).test(name) && name !== '.' && name !== '..') return undefined;
    return `${JSON.stringify(name)} is not a device name: write it in ASCII, with no "/", ":" or white space`;
  },
};

const NOT_LOOPBACK: Rule<string> = {
  message: 'must not be the loopback device "lo"',
  cel: { rule: "self != 'lo'" },
  check: (name) => (name === 'lo' ? '"lo" is the loopback device: nothing beyond this node is reached through it' : undefined),
};

/** A network device that leads out of the node. */
export function deviceField(about: About) {
  return text(about, { max: DEVICE_NAME_LENGTH, rules: [DEVICE_NAME, NOT_LOOPBACK] });
}
