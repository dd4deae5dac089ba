import type { DeviceRef, NextHop } from '../../../core/route.ts';
import { NHA_GATEWAY, NHA_GROUP, NHA_ID, NHA_OIF, RTNH_F_ONLINK } from './constants.ts';
import { Attributes, familyOf, type MessageReader } from './reader.ts';

const NHMSG = 8;
/** struct nexthop_grp: number, weight, padding. */
const MEMBER = 8;

const attributes = new Attributes();

export interface NextHopContext {
  device(index: number): DeviceRef;
}

/** A nexthop object (include/uapi/linux/nexthop.h): one hop, or a group with members. */
export interface DecodedNextHop {
  readonly id: number;
  readonly hop?: NextHop;
  readonly members: readonly number[];
}

/** RTM_NEWNEXTHOP. A blackhole has neither hop nor members. */
export function decodeNextHop(message: MessageReader, context: NextHopContext): DecodedNextHop | undefined {
  const { view, start, end } = message;
  if (!message.holds(NHMSG)) return undefined;
  attributes.parse(view, start + NHMSG, end);
  const id = attributes.u32(NHA_ID);
  if (id === undefined) return undefined;
  const members = Array.from({ length: Math.floor(attributes.length(NHA_GROUP) / MEMBER) }, (_, i) =>
    view.getUint32(attributes.at(NHA_GROUP) + i * MEMBER, true),
  );
  const index = attributes.u32(NHA_OIF);
  if (index === undefined) return { id, members };
  const family = familyOf(view.getUint8(start));
  const gateway = family && attributes.address(NHA_GATEWAY, family);
  const onLink = (view.getUint32(start + 4, true) & RTNH_F_ONLINK) !== 0;
  return { id, members, hop: { ...(gateway && { gateway }), device: context.device(index), onLink } };
}
