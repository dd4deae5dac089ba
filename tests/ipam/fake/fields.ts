import { type Call, isNumeric } from './call.ts';
import { COLUMNS, type FakeRow } from './database.ts';
import { No } from './wire.ts';

/** Keys that a body may have, besides those of the path. */
const KEYS: ReadonlySet<string> = new Set([
  'ip',
  'subnetId',
  'is_gateway',
  'description',
  'hostname',
  'mac',
  'owner',
  'tag',
  'deviceId',
  'location',
  'port',
  'note',
  'lastSeen',
  'excludePing',
  'PTRignore',
  'PTR',
  'firewallAddressObject',
  'customer_id',
  'custom_iks_node',
]);

type Fields = Partial<Omit<FakeRow, 'id' | 'subnetId' | 'ip' | 'editDate'>>;

/** The columns that a body sets. @throws No for what phpIPAM or MySQL in strict mode refuses. */
export function fieldsOf(body: ReadonlyMap<string, unknown>, { app }: Call): Fields {
  const values = flattened(body, app.nestsCustomFields ?? false);
  const mac = values.get('mac');
  if (mac && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(String(mac))) throw new No(400, 'Invalid MAC address');
  const tag = values.get('tag');
  if (tag !== undefined && !isNumeric(tag)) throw new No(400, 'Invalid state');
  if (tag !== undefined && (Number(tag) < 1 || Number(tag) > 4)) throw new No(400, 'Tag does not exist');
  for (const key of values.keys()) if (!KEYS.has(key)) throw new No(400, `Invalid request key ${key}`);
  const texts = ['description', 'hostname', 'owner', 'note', 'custom_iks_node'].filter((key) => values.has(key));
  const numbers = ['is_gateway', 'excludePing'].filter((key) => values.has(key));
  return {
    ...Object.fromEntries(texts.map((key) => [key, column(key, values.get(key))])),
    ...Object.fromEntries(numbers.map((key) => [key, Number(values.get(key))])),
    ...(mac ? { mac: String(mac).toLowerCase().replaceAll('-', ':') } : {}),
    ...(tag !== undefined && { state: Number(tag) }),
  };
}

function flattened(body: ReadonlyMap<string, unknown>, nested: boolean): ReadonlyMap<string, unknown> {
  const custom = body.get('custom_fields');
  if (!nested || typeof custom !== 'object' || custom === null) return body;
  const rest = [...body].filter(([key]) => key !== 'custom_fields');
  return new Map([...rest, ...Object.entries(custom)]);
}

/** As PHP makes a text of it, and MySQL keeps it. */
function column(key: string, value: unknown): string | null {
  if (value === null || value === '' || value === undefined) return null;
  if (typeof value === 'object') return 'Array';
  const text = (value === true ? '1' : String(value)).replaceAll(/<\/?[a-z][^>]*>/gi, '');
  const limit = key === 'note' ? 65_535 : COLUMNS[key as keyof typeof COLUMNS];
  const length = key === 'note' ? Buffer.byteLength(text) : [...text].length;
  if (length <= limit) return text;
  throw new No(500, `Error: SQLSTATE[22001]: String data, right truncated: 1406 Data too long for column '${key}' at row 1`);
}
