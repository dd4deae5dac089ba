import type { Rule } from '../../../core/facts.ts';
import type { Family } from '../../../core/ip/address.ts';
import { Prefix } from '../../../core/ip/prefix.ts';
import {
  FIB_RULE_INVERT,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_GOTO,
  FRA_IIFNAME,
  FRA_OIFNAME,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
} from './constants.ts';
import { Attributes, familyOf, type MessageReader } from './reader.ts';

const FIB_RULE_HDR = 12;
/** FRA_TUN_ID, SUPPRESS_IFGROUP, L3MDEV, UID_RANGE, IP_PROTO, SPORT_RANGE, DPORT_RANGE and later selectors. */
const SELECTORS_NOT_EVALUATED = [12, 13, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30];
const NO_SUPPRESSION = 0xffffffff;

/** FR_ACT_* numbers, by index. */
const ACTIONS: readonly Rule['action'][] = ['other', 'lookup', 'goto', 'nop', 'other', 'other', 'blackhole', 'unreachable', 'prohibit'];

const attributes = new Attributes();

/** RTM_NEWRULE (struct fib_rule_hdr). undefined for other families. */
export function decodeRule(message: MessageReader): Rule | undefined {
  const { view, start } = message;
  const family = message.holds(FIB_RULE_HDR) ? familyOf(view.getUint8(start)) : undefined;
  if (family === undefined) return undefined;
  attributes.parse(view, start + FIB_RULE_HDR, message.end);
  const goto = attributes.u32(FRA_GOTO);
  const tos = view.getUint8(start + 3);
  const inverted = (view.getUint32(start + 8, true) & FIB_RULE_INVERT) !== 0;
  return {
    family,
    priority: attributes.u32(FRA_PRIORITY) ?? 0,
    protocol: attributes.u8(FRA_PROTOCOL) ?? 0,
    action: ACTIONS[view.getUint8(start + 7)] ?? 'other',
    table: attributes.u32(FRA_TABLE) ?? view.getUint8(start + 4),
    ...(goto !== undefined && { goto }),
    ...selectors(family, view.getUint8(start + 2), view.getUint8(start + 1)),
    opaque: inverted || tos !== 0 || SELECTORS_NOT_EVALUATED.some((type) => opaqueWith(type)),
  };
}

/** FRA_SUPPRESS_IFGROUP (13) is always there; -1 means none. */
function opaqueWith(type: number): boolean {
  return attributes.has(type) && attributes.u32(type) !== NO_SUPPRESSION;
}

function selectors(family: Family, sourceLength: number, destinationLength: number): Partial<Rule> {
  const from = prefixOf(FRA_SRC, family, sourceLength);
  const to = prefixOf(FRA_DST, family, destinationLength);
  const iif = attributes.text(FRA_IIFNAME);
  const oif = attributes.text(FRA_OIFNAME);
  const mark = markOf();
  const suppress = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
  return {
    ...(from && { from }),
    ...(to && { to }),
    ...(iif !== undefined && { iif }),
    ...(oif !== undefined && { oif }),
    ...(mark && { mark }),
    ...(suppress !== undefined && suppress !== NO_SUPPRESSION && { suppressPrefixLength: suppress }),
  };
}

/** The kernel masks nothing: it stores `from 10.1.2.3/8` as written, and compares only the prefix. */
function prefixOf(type: number, family: Family, length: number): Prefix | undefined {
  const address = attributes.address(type, family);
  return address && Prefix.of(address, length);
}

function markOf(): Rule['mark'] | undefined {
  const value = attributes.u32(FRA_FWMARK);
  const mask = attributes.u32(FRA_FWMASK);
  if (value === undefined && mask === undefined) return undefined;
  return { value: value ?? 0, mask: mask ?? 0xffffffff };
}
