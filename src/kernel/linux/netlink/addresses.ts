import type { Address } from '../../../core/ip/address.ts';
import { IFA_ADDRESS, IFA_LOCAL } from './constants.ts';
import { Attributes, familyOf, type MessageReader } from './reader.ts';

const IFADDRMSG = 8;
const attributes = new Attributes();

/** An address of a device that is known by its index only. */
export interface DecodedAddress {
  readonly index: number;
  readonly address: Address;
  readonly prefixLength: number;
}

/** RTM_NEWADDR and RTM_DELADDR. IFA_LOCAL is ours; without it IFA_ADDRESS is, else that is the peer's. */
export function decodeAddress(message: MessageReader): DecodedAddress | undefined {
  const { view, start } = message;
  const family = message.holds(IFADDRMSG) ? familyOf(view.getUint8(start)) : undefined;
  if (family === undefined) return undefined;
  attributes.parse(view, start + IFADDRMSG, message.end);
  const address = attributes.address(IFA_LOCAL, family) ?? attributes.address(IFA_ADDRESS, family);
  return address && { index: view.getUint32(start + 4, true), address, prefixLength: view.getUint8(start + 1) };
}
