import { Address, InvalidAddress } from '../../../src/core/ip/address.ts';
import { Prefix } from '../../../src/core/ip/prefix.ts';
import { firstFree, usage } from './calculations.ts';
import { type Call, cast, isNumeric } from './call.ts';
import type { FakeSubnet } from './database.ts';
import { showRows, showSubnet, showSubnetInFull } from './presentation.ts';
import { No, type Result } from './wire.ts';

/** `GET /subnets/`. */
export function subnetsController(call: Call): Result {
  const { id, id2, database } = call;
  if (call.method !== 'GET') throw new No(501, 'The fake makes no subnets');
  if (id === undefined || id === 'all') return { code: 200, data: allSubnets(call) };
  if (id2 !== undefined && ['search', 'cidr', 'overlapping'].includes(id)) return { code: 200, data: search(call) };
  if (id2 === undefined) {
    if (!isNumeric(id)) throw new No(404, 'Invalid Id');
    const subnet = database.subnets.get(Number(id));
    if (!subnet) throw new No(400, `Invalid subnet Id (${id})`);
    return { code: 200, data: showSubnetInFull(subnet, call) };
  }
  if (!isNumeric(id)) throw new No(400, `Subnet Id must be numeric (${id})`);
  const subnet = database.subnets.get(cast(id));
  if (!subnet) throw new No(404, `Invalid subnet Id (${id})`);
  return { code: 200, data: inSubnet(call, subnet, id2) };
}

function inSubnet(call: Call, subnet: FakeSubnet, what: string): unknown {
  if (what === 'addresses') return addresses(call, subnet);
  if (what === 'usage') return usage(call.database, subnet);
  if (what === 'first_free') {
    if (subnet.isFull) throw new No(404, 'No free addresses found');
    if (call.database.hasSlaves(subnet.id)) throw new No(409, 'Subnet contains subnets');
    const free = firstFree(call.database, subnet);
    if (!free) throw new No(404, 'No free addresses found');
    return free.text;
  }
  throw new No(400, 'Invalid request');
}

/** By address, as texts: another spelling is another address. */
function addresses(call: Call, subnet: FakeSubnet): unknown {
  const rows = call.database.inSubnet(subnet.id).filter(({ ip }) => call.id3 === undefined || ip.text === call.id3);
  if (rows.length === 0) throw new No(404, 'No addresses found');
  return showRows(rows, call);
}

function search({ id, id2 = '', id3 = '', database }: Call): unknown {
  const wanted = prefixOf(id2, id3);
  const found = [...database.subnets.values()].filter(({ prefix }) => {
    if (!prefix || !wanted) return false;
    return id === 'overlapping' ? prefix.overlaps(wanted) : prefix.text === wanted.text;
  });
  if (found.length === 0) throw new No(404, 'No subnets found');
  return found.map(showSubnet);
}

function prefixOf(address: string, length: string): Prefix | undefined {
  try {
    return Prefix.parse(`${Address.parse(address)}/${length}`);
  } catch (error) {
    if (error instanceof InvalidAddress) return undefined;
    throw error;
  }
}

/** Shows a gateway at the subnet that has the number of the gateway's row. */
function allSubnets({ database }: Call): unknown {
  return [...database.subnets.values()].map((subnet) => {
    const row = database.get(subnet.id);
    const group = { group_id: 2, permission: '2', name: 'Operators', desc: 'default Operator group', members: false };
    const shown = { ...showSubnet(subnet), permissions: subnet.sectionId === 5 ? [group] : [], location: [] };
    if (row?.is_gateway !== 1) return shown;
    const { ip, custom_iks_node, ...rest } = row;
    const nothing = { switch: null, location: null, port: null, firewallAddressObject: null, customer_id: null };
    const gateway = { ...rest, ...nothing, ip_addr: ip.text, lastSeen: '1970-01-01 00:00:01', PTRignore: 0, PTR: 0, custom_iks_node };
    return { ...shown, gatewayId: row.id, gateway };
  });
}
