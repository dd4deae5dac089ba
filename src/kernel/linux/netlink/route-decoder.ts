import type { Address, Family } from '../../../core/ip/address.ts';
import { Prefix } from '../../../core/ip/prefix.ts';
import type { DeviceRef, NextHop, Route, RouteSpec, RouteType } from '../../../core/route.ts';
import {
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
  RTM_F_CLONED,
  RTNH_F_ONLINK,
} from './constants.ts';
import { Attributes, addressAt, bitsAt, familyOf, type MessageReader } from './reader.ts';
import { ROUTE_TYPES } from './routes.ts';
import { SameExceptDestination } from './same-message.ts';

const RTMSG = 12;
const RTNEXTHOP = 8;

/** What a decoder needs from the rest: device names, and one shared value for equal specs. */
export interface RouteContext {
  device(index: number): DeviceRef;
  intern(spec: RouteSpec): RouteSpec;
  /** What a nexthop object leads to. */
  objectHops(id: number): readonly NextHop[];
}

/**
 * RTM_NEWROUTE and RTM_DELROUTE to routes. Consecutive routes that differ only in their destination, as in a dump of
 * 100k, are recognised by their bytes and share the spec without being parsed.
 */
export class RouteDecoder {
  readonly #context: RouteContext;
  readonly #attributes = new Attributes();
  readonly #inner = new Attributes();
  readonly #same = new SameExceptDestination();
  #spec: RouteSpec | undefined;

  constructor(context: RouteContext) {
    this.#context = context;
  }

  /** Must be called when a device got another name, or an object other hops. */
  forget(): void {
    this.#spec = undefined;
  }

  /**
   * undefined for what cannot carry ordinary packets to a destination: cached clones, routes for one type of service or one
   * source (`from`), other families.
   */
  decode(message: MessageReader): Route | undefined {
    const { view, start } = message;
    if (!message.holds(RTMSG)) return undefined;
    const family = familyOf(view.getUint8(start));
    const selective = view.getUint8(start + 2) !== 0 || view.getUint8(start + 3) !== 0;
    if (family === undefined || selective || view.getUint32(start + 8, true) & RTM_F_CLONED) return undefined;
    const length = view.getUint8(start + 1);
    if (this.#spec && this.#same.matches(message))
      return { prefix: prefixAt(view, this.#same.destination, family, length), spec: this.#spec };
    this.#attributes.parse(view, start + RTMSG, message.end);
    const destination = this.#attributes.at(RTA_DST);
    this.#spec = this.#context.intern(this.#decodeSpec(message, family));
    this.#same.remember(message, this.#attributes);
    return { prefix: prefixAt(view, destination, family, length), spec: this.#spec };
  }

  #decodeSpec({ view, start, end }: MessageReader, family: Family): RouteSpec {
    const attributes = this.#attributes;
    const type = ROUTE_TYPES[view.getUint8(start + 7)] ?? 'other';
    const mtu = attributes.nested(RTA_METRICS, this.#inner).u32(RTAX_MTU);
    const source = attributes.address(RTA_PREFSRC, family);
    const multipath = attributes.at(RTA_MULTIPATH);
    return {
      table: attributes.u32(RTA_TABLE) ?? view.getUint8(start + 4),
      metric: attributes.u32(RTA_PRIORITY) ?? 0,
      protocol: view.getUint8(start + 5),
      type,
      hops: rejects(type)
        ? []
        : multipath >= 0
          ? this.#hops(view, multipath, Math.min(end, multipath + attributes.length(RTA_MULTIPATH)), family)
          : this.#only(view, start, family),
      ...(source && { source }),
      ...(mtu !== undefined && { mtu }),
    };
  }

  /** The kernel says a nexthop object as well as its hop, or, with nexthop_compat_mode=0, alone. */
  #only(view: DataView, start: number, family: Family): readonly NextHop[] {
    const index = this.#attributes.u32(RTA_OIF);
    const id = this.#attributes.u32(RTA_NH_ID);
    if (id !== undefined && index === undefined) return this.#context.objectHops(id);
    return [this.#hop(view, this.#attributes, index ?? 0, view.getUint32(start + 8, true), family)];
  }

  /** struct rtnexthop, each followed by its attributes. */
  #hops(view: DataView, from: number, to: number, family: Family): readonly NextHop[] {
    const hops: NextHop[] = [];
    for (let at = from; at + RTNEXTHOP <= to; ) {
      const length = view.getUint16(at, true);
      if (length < RTNEXTHOP || at + length > to) break;
      this.#inner.parse(view, at + RTNEXTHOP, at + length);
      hops.push(this.#hop(view, this.#inner, view.getUint32(at + 4, true), view.getUint8(at + 2), family));
      at += (length + 3) & ~3;
    }
    return hops;
  }

  #hop(view: DataView, attributes: Attributes, index: number, flags: number, family: Family): NextHop {
    const gateway = attributes.address(RTA_GATEWAY, family) ?? viaOf(view, attributes);
    return {
      ...(gateway && { gateway }),
      ...(index > 0 && { device: this.#context.device(index) }),
      onLink: (flags & RTNH_F_ONLINK) !== 0,
    };
  }
}

/** Packets go nowhere. IPv6 still names the loopback device for these. */
function rejects(type: RouteType): boolean {
  return type === 'unreachable' || type === 'blackhole' || type === 'prohibit' || type === 'throw';
}

/** struct rtvia: a gateway of the other family. */
function viaOf(view: DataView, attributes: Attributes): Address | undefined {
  const at = attributes.at(RTA_VIA);
  if (at < 0 || attributes.length(RTA_VIA) < 6) return undefined;
  const family = familyOf(view.getUint16(at, true));
  if (family === undefined || attributes.length(RTA_VIA) < (family === 4 ? 6 : 18)) return undefined;
  return addressAt(view, at + 2, family);
}

/** Without RTA_DST the route is the default route. */
function prefixAt(view: DataView, at: number, family: Family, length: number): Prefix {
  if (at < 0) return Prefix.fromBits(family, 0n, length);
  return family === 4 ? Prefix.fromWord(view.getInt32(at), length) : Prefix.fromBits(6, bitsAt(view, at, 6), length);
}
