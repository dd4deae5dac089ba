import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import type { Change } from '../../../core/change.ts';
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_HEADER, NLMSGERR_ATTR_MSG } from './constants.ts';
import { Attributes, type MessageReader } from './reader.ts';

const NLMSGERR = 20;
const attributes = new Attributes();

/** What the kernel answered to a message that it refused. */
export interface KernelError {
  /** Positive; 0 would be success. */
  readonly errno: number;
  /** The extended acknowledgement, when the kernel gave one. */
  readonly text?: string;
}

/** NLMSG_ERROR. undefined for a plain acknowledgement. */
export function decodeError(message: MessageReader): KernelError | undefined {
  const { view, start } = message;
  const errno = message.holds(4) ? -view.getInt32(start, true) : 0;
  if (errno === 0) return undefined;
  if ((message.flags & NLM_F_ACK_TLVS) === 0 || !message.holds(NLMSGERR)) return { errno };
  // Unless capped, the request itself comes first.
  const echoed = message.flags & NLM_F_CAPPED ? 0 : view.getUint32(start + 4, true) - NLMSG_HEADER;
  attributes.parse(view, start + NLMSGERR + ((echoed + 3) & ~3), message.end);
  const text = attributes.text(NLMSGERR_ATTR_MSG);
  return text ? { errno, text } : { errno };
}

/** Symbolic name of a positive errno: `EEXIST`. */
export function errorCode(errno: number): string {
  return getSystemErrorName(-errno);
}

/** Plain words for what an errno means to a change; the kernel gives no text of its own for these. */
const ROUTE_MEANINGS: Readonly<Record<string, string>> = {
  EEXIST: 'a route with this prefix, table and metric exists already',
  ESRCH: 'there is no such route of ours',
  ENOENT: 'there is no route of ours to replace',
  ENODEV: 'the device does not exist',
  ENETDOWN: 'the device is down',
  ENETUNREACH: 'the gateway is not reachable on the device',
  EHOSTUNREACH: 'the gateway is not reachable on the device',
  EPERM: 'changing the network needs CAP_NET_ADMIN',
};

const LINK_MEANINGS: Readonly<Record<string, string>> = {
  EEXIST: 'a device with this name exists already',
  ESRCH: 'there is no such device of ours',
  ENODEV: 'the device or its parent does not exist',
  EINVAL: 'the parent cannot carry such a device: its own MTU is smaller, or it is of a kind that carries none',
  EBUSY: 'the parent already belongs to a bridge, a bond or the like',
  EOPNOTSUPP: 'this kernel has no macvlan devices: load the module macvlan',
  EADDRINUSE: 'another device on the parent has its link-layer address',
  EPERM: 'changing the network needs CAP_NET_ADMIN',
};

const ADDRESS_MEANINGS: Readonly<Record<string, string>> = {
  EEXIST: 'the device has this address already',
  ESRCH: 'there is no such address of ours',
  ENODEV: 'the device does not exist',
  EADDRNOTAVAIL: 'the device does not have this address',
  EACCES: 'IPv6 is switched off on the device (net.ipv6.conf.*.disable_ipv6)',
  EPERM: 'changing the network needs CAP_NET_ADMIN',
};

/** Only one that is there and is to be marked. */
const UNMARKABLE = 'our mark cannot be put on the address that is there: delete it, and it is added anew';

export function errorMeaning(op: Change['op'], code: string, errno: number): string {
  if (op === 'add-address' && code === 'ESRCH') return UNMARKABLE;
  return meaningsFor(op)[code] ?? getSystemErrorMessage(-errno);
}

function meaningsFor(op: Change['op']): Readonly<Record<string, string>> {
  if (op === 'add-link' || op === 'set-link' || op === 'remove-link') return LINK_MEANINGS;
  return op === 'add-address' || op === 'remove-address' ? ADDRESS_MEANINGS : ROUTE_MEANINGS;
}
