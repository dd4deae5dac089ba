import type * as z from 'zod/mini';
import type { Address } from '../../core/ip/address.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import type { GatewayChoice, Via } from '../../core/resources.ts';
import { EVERY_NODE } from '../../core/selector.ts';
import { deviceField, hostAddressField, isLinkLocal, prefixField } from '../network-fields.ts';
import { poolNameField } from '../pool-name.ts';
import { fields, flag, list, optional, type Rule } from '../schema.ts';
import { selectorField, toSelector } from '../selector-field.ts';

/** Where discovery looks unless it is told otherwise: the range that most private networks are in. */
export const DEFAULT_TOWARD = Prefix.parse('10.0.0.0/8');

const ONE_PER_FAMILY: Rule<Prefix[]> = {
  message: 'at most one prefix per family',
  cel: {
    rule: '!self.all(p, isCIDR(p)) || self.size() < 2 || cidr(self[0]).ip().family() != cidr(self[1]).ip().family()',
  },
  check: ([first, second]) => {
    if (first === undefined || first.family !== second?.family) return undefined;
    return `${first} and ${second} are both IPv${first.family}: write at most one prefix per family`;
  },
};

const NOT_LINK_LOCAL_V6: Rule<Address> = {
  message: 'must not be link-local IPv6: such a gateway needs a device, so write it under gateways',
  cel: {
    rule: '!isIP(self) || ip(self).family() == 4 || !ip(self).isLinkLocalUnicast()',
    messageExpression: `'"%s" is link-local, which says nothing without a device: write gateways: [{address: "%s", device: ...}]'.format([self, self])`,
  },
  check: (address) => {
    if (address.family === 4 || !isLinkLocal(address)) return undefined;
    return `"${address}" is link-local, which says nothing without a device: write gateways: [{address: "${address}", device: ...}]`;
  },
};

interface Hop {
  readonly address: Address;
  readonly device?: string;
  readonly onLink?: boolean;
}

const LINK_LOCAL_HAS_DEVICE: Rule<Hop> = {
  message: 'a link-local IPv6 gateway needs a device',
  cel: {
    rule: '!isIP(self.address) || ip(self.address).family() == 4 || !ip(self.address).isLinkLocalUnicast() || has(self.device)',
    messageExpression: `'"%s" is link-local, which says nothing without a device: add device'.format([self.address])`,
  },
  check: ({ address, device }) => {
    if (address.family === 4 || device !== undefined || !isLinkLocal(address)) return undefined;
    return `"${address}" is link-local, which says nothing without a device: add device`;
  },
};

const ON_LINK_HAS_DEVICE: Rule<Hop> = {
  message: 'onLink needs a device: add device',
  cel: { rule: '!has(self.onLink) || !self.onLink || has(self.device)' },
  check: ({ onLink, device }) => (onLink === true && device === undefined ? 'onLink needs a device: add device' : undefined),
};

const gatewayChoice = fields(
  { about: 'A gateway, and the nodes that use it.' },
  {
    address: hostAddressField({ about: 'Address of the gateway. It serves the subnets of its own family.' }),
    device: optional(deviceField({ about: 'The device it is reached through.', absent: 'the one whose network the address is in' })),
    onLink: optional(
      flag({ about: 'The gateway is on the link of `device` though no network of it holds the address (a /32 node).', absent: 'false' }),
    ),
    nodeSelector: optional(selectorField({ about: 'The nodes that may use this gateway.', absent: 'every node' })),
  },
  [LINK_LOCAL_HAS_DEVICE, ON_LINK_HAS_DEVICE],
);

const toward = list(
  { about: 'At most one prefix per family; 0.0.0.0/0 and ::/0 allow the default route.', absent: '[10.0.0.0/8]' },
  prefixField({ about: 'A prefix that the route of the node must cover.' }),
  {
    min: 1,
    max: 2,
    rules: [ONE_PER_FAMILY],
  },
);

const viaShape = {
  gateway: optional(
    hostAddressField({ about: 'One gateway for every node. It serves the subnets of its own family.' }, [NOT_LINK_LOCAL_V6]),
  ),
  gateways: optional(
    list({ about: 'Per family, a node uses the first gateway whose selector matches it.' }, gatewayChoice, { min: 1, max: 64 }),
  ),
  discover: optional(fields({ about: "The next hop of the node's own longest route that covers `toward`." }, { toward: optional(toward) })),
  overlay: optional(
    fields(
      { about: "Gateway, device and source address of this node's overlay address." },
      { pool: poolNameField({ about: 'Name of the OverlayPool.' }) },
    ),
  ),
  device: optional(deviceField({ about: 'The subnets are on the link of this device; there is no gateway.' })),
  unreachable: optional(fields({ about: 'Packets to the subnets are refused: the node answers "unreachable".' }, {})),
};

const VIA_MEMBERS = Object.keys(viaShape);

const AT_MOST_ONE: Rule<object> = {
  message: `write at most one of ${VIA_MEMBERS.join(', ')}`,
  cel: { rule: `[${VIA_MEMBERS.map((name) => `has(self.${name})`).join(', ')}].filter(given, given).size() <= 1` },
  check: (via) => {
    const given = VIA_MEMBERS.filter((name) => name in via);
    return given.length > 1 ? `has ${given.join(' and ')}: write only one of them` : undefined;
  },
};

export const viaField = fields({ about: 'How the subnets are reached: at most one of these.', absent: 'discover' }, viaShape, [
  AT_MOST_ONE,
]);

/** `via` as core wants it; an absent one is written `{}`. The default lives here and not in the schema: a defaulted member would make a later apply of another one fail. */
export function toVia({ gateway, gateways, discover, overlay, device, unreachable }: z.output<typeof viaField>): Via {
  if (gateway) return { type: 'gateways', choices: [{ address: gateway, onLink: false, nodeSelector: EVERY_NODE }] };
  if (gateways) return { type: 'gateways', choices: gateways.map(toChoice) };
  if (overlay) return { type: 'overlay', pool: overlay.pool };
  if (device !== undefined) return { type: 'device', device };
  if (unreachable) return { type: 'unreachable' };
  const prefixes = discover?.toward ?? [DEFAULT_TOWARD];
  return { type: 'discover', toward: new Map(prefixes.map((prefix) => [prefix.family, prefix])) };
}

function toChoice({ address, device, onLink, nodeSelector }: z.output<typeof gatewayChoice>): GatewayChoice {
  return { address, ...(device !== undefined && { device }), onLink: onLink ?? false, nodeSelector: toSelector(nodeSelector) };
}
