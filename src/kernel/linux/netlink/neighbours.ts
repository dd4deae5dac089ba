import type { Probe } from '../../../core/plan.ts';
import {
  NDA_DST,
  NDA_LLADDR,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NTF_EXT_LEARNED,
  NTF_USE,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from './constants.ts';
import { macAt } from './links.ts';
import { Attributes, FAMILY_NUMBER, type MessageReader } from './reader.ts';
import type { MessageWriter } from './writer.ts';

/** struct ndmsg. */
const NDMSG = 12;
const STATE = 8;
const FLAGS = 10;
const MAC_BYTES = 6;
const attributes = new Attributes();

/** An entry of the neighbour table. */
export interface DecodedNeighbour {
  /** Link-layer address, while the kernel has one that it believes. */
  readonly mac?: string;
  /** An administrator or a routing daemon put it there: the kernel does not ask for it. */
  readonly fixed: boolean;
}

/** RTM_NEWNEIGH. */
export function decodeNeighbour(message: MessageReader): DecodedNeighbour | undefined {
  const { view, start } = message;
  if (!message.holds(NDMSG)) return undefined;
  const state = view.getUint16(start + STATE, true);
  attributes.parse(view, start + NDMSG, message.end);
  const unknown = state === 0 || (state & (NUD_INCOMPLETE | NUD_FAILED)) !== 0 || attributes.length(NDA_LLADDR) !== MAC_BYTES;
  return {
    fixed: (state & (NUD_PERMANENT | NUD_NOARP)) !== 0 || (view.getUint8(start + FLAGS) & NTF_EXT_LEARNED) !== 0,
    ...(!unknown && { mac: macAt(view, attributes.at(NDA_LLADDR)) }),
  };
}

/** Makes an entry without a link-layer address and has the kernel ask for that at once. Fails with EEXIST when there is an entry. */
export function encodeSolicit(writer: MessageWriter, seq: number, probe: Probe): void {
  writer.begin(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, seq);
  encodeNeighbour(writer, probe, NTF_USE);
  writer.end();
}

export function encodeForget(writer: MessageWriter, seq: number, probe: Probe): void {
  writer.begin(RTM_DELNEIGH, NLM_F_REQUEST, seq);
  encodeNeighbour(writer, probe, 0);
  writer.end();
}

/** struct ndmsg and NDA_DST, of a request and of a query alike. */
export function encodeNeighbour(writer: MessageWriter, { device, address }: Probe, flags: number): void {
  writer.bytes4(FAMILY_NUMBER[address.family], 0, 0, 0);
  writer.u32(device.index);
  writer.bytes4(0, 0, flags, 0);
  writer.attributeBits(NDA_DST, address.family, address.bits);
}
