import type { Route, RouteType } from '../../../core/route.ts';
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
} from './constants.ts';
import { FAMILY_NUMBER } from './reader.ts';
import type { MessageWriter } from './writer.ts';

/** RTN_* numbers, by index. */
export const ROUTE_TYPES: readonly RouteType[] = [
  'other',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

/** The number by name; a property access instead of a search on the way of 100k routes. */
const TYPE_NUMBER = Object.fromEntries(ROUTE_TYPES.map((type, number) => [type, number])) as Readonly<Record<RouteType, number>>;

/** Fails with EEXIST when any route of that identity exists. */
export function encodeAddRoute(writer: MessageWriter, seq: number, route: Route): void {
  writer.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, seq);
  encodeRoute(writer, route, scopeOf(route));
}

/** Replaces in place, so that no packet is lost. Without NLM_F_CREATE: fails with ENOENT when there is none. */
export function encodeReplaceRoute(writer: MessageWriter, seq: number, route: Route): void {
  writer.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_REPLACE, seq);
  encodeRoute(writer, route, scopeOf(route));
}

/** Carries all that the kernel compares in a delete, the protocol above all, so that only this very route matches. */
export function encodeRemoveRoute(writer: MessageWriter, seq: number, route: Route): void {
  writer.begin(RTM_DELROUTE, NLM_F_REQUEST, seq);
  encodeRoute(writer, route, RT_SCOPE_NOWHERE);
}

/** struct rtmsg and its attributes. Several next hops are never ours, so they are not written. */
function encodeRoute(writer: MessageWriter, { prefix, spec }: Route, scope: number): void {
  const hop = spec.hops[0];
  const table = spec.table < 256 ? spec.table : 0;
  writer.bytes4(FAMILY_NUMBER[prefix.family], prefix.length, 0, 0);
  writer.bytes4(table, spec.protocol, scope, TYPE_NUMBER[spec.type]);
  writer.u32(hop?.onLink ? RTNH_F_ONLINK : 0);
  if (prefix.length > 0) writer.attributeBits(RTA_DST, prefix.family, prefix.bits);
  if (spec.table >= 256) writer.attributeU32(RTA_TABLE, spec.table);
  if (spec.metric > 0) writer.attributeU32(RTA_PRIORITY, spec.metric);
  if (hop?.gateway) encodeGateway(writer, prefix.family, hop.gateway);
  if (hop?.device) writer.attributeU32(RTA_OIF, hop.device.index);
  if (spec.source) writer.attributeBits(RTA_PREFSRC, spec.source.family, spec.source.bits);
  if (spec.mtu !== undefined) encodeMtu(writer, spec.mtu);
  writer.end();
}

function encodeGateway(writer: MessageWriter, family: 4 | 6, gateway: NonNullable<Route['spec']['hops'][number]['gateway']>): void {
  if (gateway.family === family) writer.attributeBits(RTA_GATEWAY, family, gateway.bits);
  else writer.attributeVia(RTA_VIA, FAMILY_NUMBER[gateway.family], gateway);
}

function encodeMtu(writer: MessageWriter, mtu: number): void {
  const nest = writer.beginNested(RTA_METRICS);
  writer.attributeU32(RTAX_MTU, mtu);
  writer.endNested(nest);
}

/** IPv4 wants to know how far a destination is; IPv6 ignores it. */
function scopeOf({ prefix, spec }: Route): number {
  if (prefix.family === 6) return RT_SCOPE_UNIVERSE;
  if (spec.type === 'local') return RT_SCOPE_HOST;
  return spec.type === 'unicast' && !spec.hops[0]?.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}
