import { type InterfaceAddress, LABEL_MARK } from '../../../core/facts.ts';
import type { Address } from '../../../core/ip/address.ts';
import type { PlannedAddress } from '../../../core/plan.ts';
import { PROTOCOL_FAIRLEAD } from '../../../core/route.ts';
import {
  IFA_ADDRESS,
  IFA_F_DADFAILED,
  IFA_F_OPTIMISTIC,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_PROTO,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELADDR,
  RTM_NEWADDR,
} from './constants.ts';
import { Attributes, FAMILY_NUMBER, familyOf, type MessageReader } from './reader.ts';
import type { MessageWriter } from './writer.ts';

const IFADDRMSG = 8;
const attributes = new Attributes();

/** An address of a device that is known by its index only. */
export interface DecodedAddress extends Omit<InterfaceAddress, 'device'> {
  readonly index: number;
}

/** What says that an address is ours: its protocol, or also its label where the kernel keeps no protocol. */
export type AddressMark = 'protocol' | 'label';

/** RTM_NEWADDR and RTM_DELADDR. IFA_LOCAL is ours; without it IFA_ADDRESS is, else that is the peer's. */
export function decodeAddress(message: MessageReader, mark: AddressMark): DecodedAddress | undefined {
  const { view, start } = message;
  const family = message.holds(IFADDRMSG) ? familyOf(view.getUint8(start)) : undefined;
  if (family === undefined) return undefined;
  attributes.parse(view, start + IFADDRMSG, message.end);
  const address = attributes.address(IFA_LOCAL, family) ?? attributes.address(IFA_ADDRESS, family);
  if (!address) return undefined;
  return {
    index: view.getUint32(start + 4, true),
    address,
    prefixLength: view.getUint8(start + 1),
    ours: attributes.u8(IFA_PROTO) === PROTOCOL_FAIRLEAD || (mark === 'label' && family === 4 && isLabelled()),
    state: stateOf(attributes.u32(IFA_FLAGS) ?? view.getUint8(start + 2)),
  };
}

function isLabelled(): boolean {
  return attributes.text(IFA_LABEL)?.endsWith(LABEL_MARK) === true;
}

/** An optimistic address (RFC 4429) is used while it is tentative. */
function stateOf(flags: number): InterfaceAddress['state'] {
  if (flags & IFA_F_DADFAILED) return 'duplicate';
  return flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC) ? 'tentative' : 'valid';
}

/**
 * `new`: fails with EEXIST when the device has the address. `in place`: on one that is there, only its protocol becomes another one. Without a
 * broadcast address, as `ip address add` does it.
 */
export function encodeAddAddress(writer: MessageWriter, seq: number, planned: PlannedAddress, as: 'new' | 'in place' = 'new'): void {
  const { device, address, prefixLength, label } = planned;
  writer.begin(RTM_NEWADDR, NLM_F_REQUEST | (as === 'new' ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE), seq);
  encodeIdentity(writer, device.index, address, prefixLength);
  if (label !== undefined && address.family === 4) writer.attributeText(IFA_LABEL, label);
  writer.attributeBytes(IFA_PROTO, Uint8Array.of(PROTOCOL_FAIRLEAD));
  writer.end();
}

/** Exactly this address with this length on this device; the kernel does not look whose it is. */
export function encodeRemoveAddress(writer: MessageWriter, seq: number, address: Omit<PlannedAddress, 'label'>): void {
  writer.begin(RTM_DELADDR, NLM_F_REQUEST, seq);
  encodeIdentity(writer, address.device.index, address.address, address.prefixLength);
  writer.end();
}

/** struct ifaddrmsg, and both addresses the same: there is no peer. */
function encodeIdentity(writer: MessageWriter, index: number, address: Address, prefixLength: number): void {
  writer.bytes4(FAMILY_NUMBER[address.family], prefixLength, 0, 0);
  writer.u32(index);
  writer.attributeBits(IFA_LOCAL, address.family, address.bits);
  writer.attributeBits(IFA_ADDRESS, address.family, address.bits);
}
