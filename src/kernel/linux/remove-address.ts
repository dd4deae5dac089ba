import { constants } from 'node:os';
import type { PlannedAddress } from '../../core/plan.ts';
import { encodeRemoveAddress } from './netlink/addresses.ts';
import { RTM_GETLINK } from './netlink/constants.ts';
import type { Exchange } from './netlink/exchange.ts';
import { encodeSetPromotes } from './netlink/link-changes.ts';
import { decodePromotes, encodeLinkQuery } from './netlink/links.ts';
import type { MessageWriter } from './netlink/writer.ts';

const { ENODEV } = constants.errno;

/** Writes the removal of an address as message `seq`. */
export type Removal = (writer: MessageWriter, seq: number) => void;

/**
 * Takes an address of ours away, and no other with it: where promote_secondaries is 0, which is the default, the kernel deletes all other
 * IPv4 addresses of a network with the first one of it (`__inet_del_ifa`), also the node's own. So it is 1 for that moment.
 * @throws KernelUnavailable
 */
export function removalOf(exchange: Exchange, address: Omit<PlannedAddress, 'label'>): Removal {
  const { index } = address.device;
  const promotes =
    address.address.family === 6 || exchange.query(RTM_GETLINK, (writer) => encodeLinkQuery(writer, index), decodePromotes, [ENODEV]);
  return (writer, seq) => {
    if (promotes === false) encodeSetPromotes(writer, seq, index, true);
    encodeRemoveAddress(writer, seq, address);
    if (promotes === false) encodeSetPromotes(writer, seq, index, false);
  };
}
