import { formatRoute } from '../../core/render.ts';
import { type DeviceRef, PROTOCOL_FAIRLEAD } from '../../core/route.ts';
import type { Purged } from '../kernel.ts';
import {
  AF_INET6,
  NLM_F_REQUEST,
  NLMSG_HEADER,
  RT_SCOPE_NOWHERE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_GETROUTE,
} from './netlink/constants.ts';
import type { Dumper } from './netlink/dump.ts';
import { Attributes, addressAt, FAMILY_NUMBER, familyOf, MessageReader } from './netlink/reader.ts';
import { RouteDecoder } from './netlink/route-decoder.ts';
import { type NetlinkSocket, NOTHING } from './netlink/socket.ts';

const RTMSG = 12;
const TOS = 3;
const PROTOCOL = 5;
/** What names a route in RTM_DELROUTE, besides its next hops. */
const IDENTITY: ReadonlySet<number> = new Set([RTA_DST, RTA_SRC, RTA_TABLE, RTA_PRIORITY]);
const HOPS: ReadonlySet<number> = new Set([RTA_MULTIPATH, RTA_GATEWAY, RTA_OIF]);

/** One route of a dump: its message, whole, and how `ip` shows it. */
interface Listed {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly marked: boolean;
}

/**
 * Takes away every route that carries our mark, in whatever form. The kernel compares the protocol when it deletes, so
 * nothing else can be hit: an IPv6 route of several next hops shows the protocol of the first only, and the kernel is asked to
 * delete whichever of them is ours.
 */
export class Purge {
  readonly #socket: NetlinkSocket;
  readonly #dumper: Dumper;
  readonly #device: (index: number) => DeviceRef;

  constructor(socket: NetlinkSocket, dumper: Dumper, device: (index: number) => DeviceRef) {
    this.#socket = socket;
    this.#dumper = dumper;
    this.#device = device;
  }

  /** @throws KernelUnavailable */
  run(): Purged {
    const before = this.#list();
    for (const { bytes } of before) this.#delete(bytes);
    const after = this.#list();
    const still = new Set(after.map(({ text }) => text));
    return {
      removed: before.filter(({ text }) => !still.has(text)).map(({ text }) => text),
      left: after.filter(({ marked }) => marked).map(({ text }) => text),
    };
  }

  /** Routes with our mark, and those in which it may be hidden. */
  #list(): Listed[] {
    let found: Listed[] = [];
    for (const family of [4, 6] as const) {
      const ofFamily: Listed[] = [];
      this.#dumper.dump({
        type: RTM_GETROUTE,
        header: (writer) => {
          for (const word of [FAMILY_NUMBER[family], 0, 0]) writer.u32(word);
        },
        begin: () => ofFamily.splice(0),
        each: (message) => {
          const listed = message.holds(RTMSG) ? this.#suspect(message) : undefined;
          if (listed) ofFamily.push(listed);
        },
      });
      found = [...found, ...ofFamily];
    }
    return found;
  }

  #suspect({ view, start, end }: MessageReader): Listed | undefined {
    const marked = view.getUint8(start + PROTOCOL) === PROTOCOL_FAIRLEAD;
    const joined = view.getUint8(start) === AF_INET6 && attributesAt(view, start, end).has(RTA_MULTIPATH);
    if ((!marked && !joined) || view.getUint32(start + 8, true) & RTM_F_CLONED) return undefined;
    const at = view.byteOffset + start - NLMSG_HEADER;
    const bytes = new Uint8Array(view.buffer.slice(at, view.byteOffset + end));
    return { bytes, text: this.#format(bytes.slice()), marked };
  }

  /** As `ip` writes it. The decoder takes no route for a type of service or a source, so these go into the text by themselves. */
  #format(bytes: Uint8Array): string {
    const reader = new MessageReader(bytes);
    reader.reset(bytes.length);
    reader.next();
    const { view, start, end } = reader;
    const tos = view.getUint8(start + TOS);
    const sourceLength = view.getUint8(start + 2);
    const family = familyOf(view.getUint8(start));
    const source = attributesAt(view, start, end).at(RTA_SRC);
    view.setUint8(start + TOS, 0);
    view.setUint8(start + 2, 0);
    const route = new RouteDecoder({ device: this.#device, intern: (spec) => spec, objectHops: () => [] }).decode(reader);
    const words = [
      route ? formatRoute(route) : 'a route that cannot be read',
      tos > 0 ? `tos 0x${tos.toString(16).padStart(2, '0')}` : '',
      family && sourceLength > 0 && source >= 0 ? `from ${addressAt(view, source, family)}/${sourceLength}` : '',
    ];
    return words.filter((word) => word !== '').join(' ');
  }

  /** Whatever the kernel answers: the next list tells. */
  #delete(listed: Uint8Array): void {
    const request = deletionOf(listed);
    this.#socket.send(request, request.length);
    while (this.#socket.receive() !== NOTHING);
  }
}

function attributesAt(view: DataView, start: number, end: number): Attributes {
  const attributes = new Attributes();
  attributes.parse(view, start + RTMSG, end);
  return attributes;
}

/**
 * RTM_DELROUTE of our mark. IPv4 is deleted by identity, one route for each message. IPv6 needs the next hops: without one, all that
 * are joined go, whoever made them (`__ip6_del_rt_siblings`).
 */
function deletionOf(listed: Uint8Array): Uint8Array {
  const view = new DataView(listed.buffer);
  const wanted = new Set(IDENTITY);
  if (view.getUint8(NLMSG_HEADER) === AF_INET6) {
    const byObject = attributesAt(view, NLMSG_HEADER, listed.length).has(RTA_NH_ID);
    for (const type of byObject ? [RTA_NH_ID] : HOPS) wanted.add(type);
  }
  const parts: Uint8Array[] = [listed.slice(0, NLMSG_HEADER + RTMSG)];
  for (let at = NLMSG_HEADER + RTMSG; at + 4 <= listed.length; ) {
    const size = (view.getUint16(at, true) + 3) & ~3;
    if (size < 4) break;
    if (wanted.has(view.getUint16(at + 2, true) & 0x3fff)) parts.push(listed.slice(at, at + size));
    at += size;
  }
  const request = Buffer.concat(parts);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(RTM_DELROUTE, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  request.writeUInt32LE(0, 8);
  request.writeUInt32LE(0, 12);
  request.writeUInt8(PROTOCOL_FAIRLEAD, NLMSG_HEADER + PROTOCOL);
  request.writeUInt8(RT_SCOPE_NOWHERE, NLMSG_HEADER + 6);
  request.writeUInt8(0, NLMSG_HEADER + 7);
  request.writeUInt32LE(0, NLMSG_HEADER + 8);
  return request;
}
