import type { Family } from '../../core/ip/address.ts';
import type { Inventory, IpamProblem, IpamRecord, Range } from '../provider.ts';
import { type Client, TooManyRows } from './client.ts';
import { holderOf, type Ownership } from './ownership.ts';
import { type AddressRow, oldestFirst, type SubnetRow } from './rows.ts';
import { gatewayOf, type Mapped, nameOf, type RecordSubnet, recordSubnet } from './subnets.ts';
import { PLACES } from './transport.ts';
import { eachInTurns } from './turns.ts';

/** One subnet as phpIPAM shows it, when it does. `problem`: a clause. */
interface Sight {
  readonly id: number;
  readonly row?: SubnetRow;
  readonly hasSubnets: boolean;
  readonly rows: readonly AddressRow[];
  readonly problem?: string;
}

/** What `look` found: the inventory, and where addresses can be recorded. */
export interface View {
  readonly inventory: Inventory;
  readonly subnets: readonly RecordSubnet[];
}

/** Asks for every subnet of the map, and for what is recorded in it. @throws IpamUnavailable @throws IpamRefused */
export async function look(client: Client, mapped: readonly Mapped[], ownership: Ownership, signal?: AbortSignal): Promise<View> {
  const ids = [...new Set(mapped.map(({ id }) => id))];
  const sights = await eachInTurns(ids, PLACES, (id) => lookAt(client, id, signal));
  const subnets: RecordSubnet[] = [];
  const problems: IpamProblem[] = [];
  const found = new Map<number, Omit<Range, 'zone'>>();
  for (const sight of sights) {
    const subnet = sight.row ? recordSubnet(sight.id, sight.row, sight.hasSubnets, subnets) : 'does not exist: correct subnetMap';
    if (typeof subnet === 'object') subnets.push(subnet);
    const range = typeof subnet === 'object' ? rangeOf(sight, subnet, ownership) : subnet;
    if (typeof range === 'object') found.set(sight.id, range);
    else problems.push(problemOf(sight, range, mapped));
  }
  const ranges = mapped.flatMap(({ zone, id }): readonly Range[] => {
    const range = found.get(id);
    return range ? [{ zone, ...range }] : [];
  });
  return { inventory: { ranges, problems }, subnets };
}

/** Or what keeps it from being one, as a clause. */
function rangeOf({ row, rows, problem }: Sight, subnet: RecordSubnet, ownership: Ownership): Omit<Range, 'zone'> | string {
  if (problem !== undefined) return problem;
  const gateway = gatewayOf(subnet);
  if (typeof gateway === 'string') return gateway;
  return { subnet: subnet.subnet, gateway, excluded: [], closed: row?.isFull ?? false, records: recordsOf(rows, ownership) };
}

async function lookAt(client: Client, id: number, signal: AbortSignal | undefined): Promise<Sight> {
  const row = await client.subnet(id, signal);
  const empty = { id, ...(row && { row }), hasSubnets: false, rows: [] };
  if (!row?.subnet) return empty;
  if (await client.hasSubnets(id, signal)) return { ...empty, hasSubnets: true };
  try {
    const rows = await client.addresses(id, row.subnet.family, signal);
    return rows === undefined ? { id, hasSubnets: false, rows: [] } : { ...empty, rows };
  } catch (error) {
    if (!(error instanceof TooManyRows)) throw error;
    const fix = 'raise memory_limit of PHP, or use a smaller subnet';
    return { ...empty, problem: `(${row.subnet}) has ${error.used} addresses recorded, more than phpIPAM can list: ${fix}` };
  }
}

function problemOf({ id, row }: Sight, clause: string, mapped: readonly Mapped[]): IpamProblem {
  const family: Family | undefined = row?.subnet?.family;
  const zones = mapped.filter((each) => each.id === id).map(({ zone }) => zone);
  return {
    code: 'RangeUnusable',
    message: `${nameOf(id, mapped)} of phpIPAM ${clause}`,
    unusable: zones.map((zone) => ({ zone, family })),
  };
}

/** By address. Rows of ours for one node are one record, the oldest; in any other company an address is somebody else's. */
function recordsOf(rows: readonly AddressRow[], ownership: Ownership): ReadonlyMap<string, IpamRecord> {
  const byAddress = Map.groupBy(rows, ({ address }) => address.text);
  return new Map([...byAddress].flatMap(([text, same]) => recordOf(oldestFirst(same), ownership).map((record) => [text, record])));
}

/** The record that can be released is one of ours, if there is any, whatever else there is. */
function recordOf(rows: readonly AddressRow[], ownership: Ownership): readonly IpamRecord[] {
  const nodes = new Set(rows.map((row) => ownership.nodeOf(row)));
  const [node] = nodes.size === 1 ? nodes : [];
  const ours = rows.find((row) => ownership.nodeOf(row) !== undefined) ?? rows[0];
  const shown = rows.find((row) => ownership.nodeOf(row) === undefined) ?? rows[0];
  return ours && shown ? [{ record: ours.id, node, holder: holderOf(shown) }] : [];
}
