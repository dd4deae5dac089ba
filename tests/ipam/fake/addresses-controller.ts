import { Address, InvalidAddress } from '../../../src/core/ip/address.ts';
import { boundaries, firstFree } from './calculations.ts';
import { type Call, cast, collated, isNumeric } from './call.ts';
import type { FakeRow, FakeSubnet } from './database.ts';
import { fieldsOf } from './fields.ts';
import { showRaw, showRow, showRows } from './presentation.ts';
import { No, PhpEnds, type Result } from './wire.ts';

/** `/addresses/`. */
export function addressesController(call: Call): Promise<Result> | Result {
  if (call.method === 'POST') return create(call);
  if (call.method === 'PATCH' || call.method === 'PUT') return update(call);
  if (call.method === 'DELETE') return remove(call);
  if (call.method === 'OPTIONS') return options(call);
  return { code: 200, data: read(call) };
}

function read(call: Call): unknown {
  const { id, id2, database } = call;
  const rows = database.all();
  if (id === undefined || id === 'all') return showRows(rows, call);
  const address = parseAddress(id);
  if (address && id2 !== undefined) return byAddressAndSubnet(call, address, cast(id2));
  if (isNumeric(id)) {
    const row = database.get(Number(id));
    if (!row) throw new No(404, 'Invalid Id');
    return showRow(row, call);
  }
  const special = SPECIAL[id];
  if (!special) throw new No(400, 'Invalid Id');
  return special(call, rows);
}

/** By the first part of the path. */
const SPECIAL: Readonly<Record<string, (call: Call, rows: readonly FakeRow[]) => unknown>> = {
  first_free: ({ database, id2 }) => {
    const subnet = database.subnets.get(cast(id2));
    const free = subnet && !subnet.isFull ? firstFree(database, subnet) : undefined;
    return free?.text ?? no(404, 'No free addresses found');
  },
  search: (call, rows) => {
    const address = parseAddress(call.id2 ?? '') ?? no(400, 'Invalid address');
    const found = rows.filter(({ ip }) => ip.equals(address));
    return showRows(someOf(found, 'Address not found'), call);
  },
  search_hostname: (call, rows) => {
    const wanted = collated(call.id2 ?? '');
    const found = rows.filter(({ hostname }) => hostname !== null && wanted !== '' && collated(hostname) === wanted);
    return showRows(someOf(found, 'Hostname not found'), call, ipOf(call, found, 'hostname'));
  },
  search_hostbase: (call, rows) => {
    const like = likePattern(`${call.id2 ?? ''}%`);
    const found = rows.filter(({ hostname }) => hostname !== null && like.test(hostname));
    found.sort((a, b) => ((a.hostname ?? '') < (b.hostname ?? '') ? -1 : a.hostname === b.hostname ? a.id - b.id : 1));
    return showRows(someOf(found, 'Host name not found'), call, ipOf(call, found, 'hostname'));
  },
  search_linked: (call, rows) => {
    const found = rows.filter(({ custom_iks_node }) => custom_iks_node !== null && custom_iks_node === call.id2);
    return showRows(someOf(found, 'No addresses found'), call, ipOf(call, found, 'custom_iks_node'));
  },
  custom_fields: () => ({
    custom_iks_node: {
      name: 'custom_iks_node',
      type: 'varchar(255)',
      Comment: 'reserved by iks overlay controller',
      Null: 'YES',
      Default: null,
    },
  }),
  tags: () => TAGS,
};

/** Of several rows with the same value in the field that was searched, 1.8.2 shows the first dotted and the others as the database has them. */
function ipOf({ version }: Call, found: readonly FakeRow[], field: 'hostname' | 'custom_iks_node'): (row: FakeRow) => string {
  return (row) => {
    const first = found.find((each) => each[field] === row[field]);
    return version === '1.8.2' && first !== row ? String(row.ip.bits) : row.ip.text;
  };
}

/** 1.8.2 finds only the oldest row of the subnet. */
function byAddressAndSubnet({ database, version }: Call, address: Address, subnetId: number): unknown {
  const rows = database.all().filter((row) => row.subnetId === subnetId);
  const seen = version === '1.8.2' ? rows.slice(0, 1) : rows;
  const row = seen.find(({ ip }) => ip.equals(address)) ?? no(404, 'No addresses found');
  return showRaw(row);
}

async function create(call: Call): Promise<Result> {
  const { database, id, appId } = call;
  const isFirstFree = id === 'first_free';
  const values = new Map(call.values);
  const given = values.get('subnetId') ?? (isFirstFree ? call.id2 : undefined);
  const subnet = database.subnets.get(cast(String(given ?? '')));
  let dotted = String(values.get('ip') ?? '');
  // The body has the last word, also about what the path says.
  if (isFirstFree && values.has('id')) throw new No(400, 'SubnetId must be numeric');
  if (isFirstFree) {
    if (!subnet) throw new No(400, 'Invalid subnet identifier');
    if (subnet.isFull) throw new No(404, 'No free addresses found (subnet is full)');
    dotted = firstFree(database, subnet)?.text ?? no(404, 'No free addresses found');
    if (!values.has('description')) values.set('description', 'API created');
    if (values.has('subnetId') && call.id2 !== undefined) values.set('id2', call.id2);
  }
  if (!subnet) throw isNumeric(given) ? new No(404, 'Invalid subnet Id') : new No(400, 'SubnetId must be numeric');
  const ip = parseAddress(dotted) ?? no(400, 'Invalid address');
  if (database.find(subnet.id, ip).length > 0) throw new No(409, 'IP address already exists');
  const fields = fieldsOf(values, call);
  checkWithin(ip, dotted, subnet);
  await call.pause();
  const row = database.insert({ ...fields, subnetId: subnet.id, ip });
  const location = `/api/${appId}/addresses/${row.id}/`;
  return { code: 201, message: 'Address created', id: String(row.id), location, ...(isFirstFree && { data: ip.text }) };
}

function update(call: Call): Result {
  const { database, id, values } = call;
  for (const key of ['ip', 'ip_addr']) if (values.has(key)) throw new No(400, 'IP address cannot be changed');
  if (values.has('subnetId')) throw new No(400, 'Subnet cannot be changed');
  const row = database.get(cast(id)) ?? no(404, 'Address does not exist');
  if (values.size === 0) throw new No(400, 'No data provided');
  Object.assign(row, fieldsOf(values, call), { editDate: database.date() });
  return { code: 200, message: 'Address updated' };
}

function remove({ database, id, id2 }: Call): Result {
  const address = parseAddress(id ?? '');
  const found = address && id2 !== undefined ? byAddress(database.all(), address, cast(id2)) : database.get(cast(id));
  if (!found) throw new No(404, 'Address does not exist');
  database.delete(found.id);
  return { code: 200, message: 'Address deleted' };
}

/** PHP counts the members of `false` when the address is nowhere, and ends. */
function byAddress(rows: readonly FakeRow[], address: Address, subnetId: number): FakeRow {
  const everywhere = rows.filter(({ ip }) => ip.equals(address));
  if (everywhere.length === 0) throw new PhpEnds();
  return everywhere.find((row) => row.subnetId === subnetId) ?? no(404, 'No addresses found');
}

function checkWithin(ip: Address, dotted: string, subnet: FakeSubnet): void {
  const limits = boundaries(subnet);
  if (!limits || !subnet.prefix) return;
  if (ip.family === subnet.prefix.family && ip.bits >= limits.first && ip.bits <= limits.last) return;
  throw new No(500, `${dotted} is not a valid address for subnet ${subnet.prefix}`);
}

function options({ appId }: Call): Result {
  const one = ['read', 'create', 'update', 'delete'];
  const verbs = ['GET', 'POST', 'PATCH', 'DELETE'];
  const methods = [
    { href: `/api/${appId}/addresses/`, methods: [{ rel: 'options', method: 'OPTIONS' }] },
    { href: `/api/${appId}/addresses/{id}/`, methods: one.map((rel, i) => ({ rel, method: verbs[i] })) },
  ];
  return { code: 200, data: { methods } };
}

function someOf(rows: readonly FakeRow[], message: string): readonly FakeRow[] {
  return rows.length > 0 ? rows : no(404, message);
}

function no(code: number, message: string): never {
  throw new No(code, message);
}

function parseAddress(text: string): Address | undefined {
  try {
    return Address.parse(text.toLowerCase());
  } catch (error) {
    if (error instanceof InvalidAddress) return undefined;
    throw error;
  }
}

/** `LIKE`: `%` is any text, `_` any character. */
function likePattern(like: string): RegExp {
  const escaped = like.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'i');
}

const TAGS = [
  { id: 1, type: 'Offline', showtag: 1, bgcolor: '#f59c99', fgcolor: '#ffffff', compress: 'No', locked: 'Yes', updateTag: 1 },
  { id: 2, type: 'Used', showtag: 0, bgcolor: '#a9c9a4', fgcolor: '#ffffff', compress: 'No', locked: 'Yes', updateTag: 1 },
  { id: 3, type: 'Reserved', showtag: 1, bgcolor: '#9ac0cd', fgcolor: '#ffffff', compress: 'No', locked: 'Yes', updateTag: 1 },
  { id: 4, type: 'DHCP', showtag: 1, bgcolor: '#c9c9c9', fgcolor: '#ffffff', compress: 'Yes', locked: 'Yes', updateTag: 1 },
];
