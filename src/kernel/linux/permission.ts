import { constants } from 'node:os';
import { Prefix } from '../../core/ip/prefix.ts';
import { PROTOCOL_FAIRLEAD, type Route } from '../../core/route.ts';
import { NLMSG_ERROR } from './netlink/constants.ts';
import { decodeError } from './netlink/errors.ts';
import { MessageReader } from './netlink/reader.ts';
import { encodeRemoveRoute } from './netlink/routes.ts';
import { type NetlinkSocket, NOTHING } from './netlink/socket.ts';
import { MessageWriter } from './netlink/writer.ts';

/** The kernel checks permission first, so the answer to removing this tells; nobody uses such a table. */
const NO_ROUTE: Route = {
  prefix: Prefix.parse('192.0.2.0/32'),
  spec: { table: 0x7ffffff1, metric: 1, protocol: PROTOCOL_FAIRLEAD, type: 'unicast', hops: [] },
};

/** undefined when this process may change the network, else what is missing and how to give it. */
export function missingPermission(socket: NetlinkSocket): string | undefined {
  const writer = new MessageWriter(0);
  encodeRemoveRoute(writer, 0, NO_ROUTE);
  socket.send(writer.buffer, writer.size);
  const reader = new MessageReader(socket.buffer);
  let refused = false;
  for (let size = socket.receive(); size > NOTHING; size = socket.receive()) {
    reader.reset(size);
    while (reader.next()) if (reader.type === NLMSG_ERROR) refused ||= decodeError(reader)?.errno === constants.errno.EPERM;
  }
  if (!refused) return undefined;
  return 'needs CAP_NET_ADMIN: run it as root, or give the container securityContext.capabilities.add: [NET_ADMIN]';
}
