import { calculation } from './calculations.ts';
import type { Call } from './call.ts';
import { looselyEqual } from './call.ts';
import type { FakeRow, FakeSubnet } from './database.ts';
import { No, PhpEnds } from './wire.ts';

type Shown = Record<string, unknown>;

/** An address as the API shows it. */
export function showRow(row: FakeRow, { app }: Pick<Call, 'app'>, ip: string = row.ip.text): Shown {
  const { custom_iks_node, state, note, excludePing, editDate, ...first } = row;
  return {
    ...first,
    ip,
    tag: state,
    deviceId: null,
    location: null,
    port: null,
    note,
    lastSeen: '1970-01-01 00:00:01',
    excludePing,
    PTRignore: 0,
    PTR: 0,
    firewallAddressObject: null,
    editDate,
    customer_id: null,
    ...(app.nestsCustomFields ? { custom_fields: { custom_iks_node } } : { custom_iks_node }),
  };
}

/** As the database has it, which one endpoint shows. */
export function showRaw(row: FakeRow): Shown {
  const { ip, ...rest } = row;
  const nothing = { switch: null, location: null, port: null, firewallAddressObject: null, customer_id: null };
  return { ...rest, ...nothing, ip_addr: String(ip.bits), lastSeen: '1970-01-01 00:00:01', PTRignore: 0, PTR: 0, ip: ip.text };
}

/** A list of addresses: filtered, and within what PHP has memory for. */
export function showRows(rows: readonly FakeRow[], call: Call, ipOf = (row: FakeRow): string => row.ip.text): Shown[] {
  if (rows.length >= call.listLimit) throw new PhpEnds();
  const shown = rows.map((row) => showRow(row, call, ipOf(row)));
  const by = call.query.get('filter_by');
  if (by === null) return shown;
  if (!(by in (shown[0] ?? {}))) throw new No(400, 'Invalid filter_by');
  const value = call.query.get('filter_value') ?? '';
  const partial = call.query.get('filter_match') === 'partial';
  const found = shown.filter((row) => (partial ? String(row[by] ?? '').includes(value) : looselyEqual(row[by], value)));
  if (found.length === 0) throw new No(404, 'No results (filter applied)');
  return found;
}

/** A subnet as lists show it. */
export function showSubnet({ id, prefix, sectionId, description, masterSubnetId, isFull, isPool }: FakeSubnet): Shown {
  const zeros = ['allowRequests', 'showName', 'device', 'pingSubnet', 'discoverSubnet', 'resolveDNS', 'DNSrecursive', 'DNSrecords'];
  const nulls = ['linked_subnet', 'firewallAddressObject', 'vrfId', 'vlanId', 'scanAgent', 'customer_id', 'location', 'editDate'];
  return {
    id,
    subnet: prefix?.first.text ?? '0.0.0.0',
    mask: String(prefix?.length ?? ''),
    sectionId,
    description,
    masterSubnetId,
    permissions: sectionId === 5 ? '{"2":"2"}' : null,
    ...Object.fromEntries(zeros.map((key) => [key, 0])),
    ...Object.fromEntries([...nulls, 'lastScan', 'lastDiscovery'].map((key) => [key, null])),
    nameserverId: 0,
    isFolder: prefix ? 0 : 1,
    isFull: isFull ? 1 : 0,
    isPool: isPool ? 1 : 0,
    tag: 2,
    threshold: 0,
  };
}

/** A subnet by its id: with its gateway, when it has one. */
export function showSubnetInFull(subnet: FakeSubnet, { database, app, appId }: Call): Shown {
  const gateway = database.gatewayOf(subnet.id);
  return {
    ...showSubnet(subnet),
    ...(gateway && { gatewayId: gateway.id, gateway: { ip_addr: gateway.ip.text, id: gateway.id } }),
    ...(subnet.prefix && { calculation: calculation(subnet.prefix) }),
    ...(app.showsLinks && { links: links(`/api/${appId}/subnets/${subnet.id}/`) }),
  };
}

function links(base: string): object[] {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['self', '', ['GET', 'POST', 'DELETE', 'PATCH']],
    ['addresses', 'addresses/', ['GET']],
    ['addresses/{ip}', 'addresses/{ip}/', ['GET']],
    ['usage', 'usage/', ['GET']],
    ['first_free', 'first_free/', ['GET']],
    ['slaves', 'slaves/', ['GET']],
    ['slaves_recursive', 'slaves_recursive/', ['GET']],
    ['truncate', 'truncate/', ['DELETE']],
    ['permissions', 'permissions/', ['DELETE', 'PATCH']],
    ['resize', 'resize/', ['PATCH']],
    ['split', 'split/', ['PATCH']],
  ];
  return rows.map(([rel, path, methods]) => ({ rel, href: `${base}${path}`, methods }));
}
