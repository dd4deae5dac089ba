import type { Inventory, IpamProblem, IpamRecord, Range } from '../provider.ts';
import { holderOf, type Ownership } from './ownership.ts';
import { type AddressRow, oldestFirst, type SubnetRow } from './rows.ts';
import { gatewayOf, type Mapped, nameOf, type RecordSubnet, recordSubnet } from './subnets.ts';

/** One subnet as phpIPAM shows it. */
export interface Sight {
  readonly id: number;
  /** Undefined: there is no such subnet. */
  readonly row: SubnetRow | undefined;
  readonly hasSubnets: boolean;
  /** What is recorded in it; only how many there are, when they are too many to be listed. */
  readonly rows: readonly AddressRow[] | number;
}

/** What was found: the inventory, and where addresses can be recorded. */
export interface View {
  readonly inventory: Inventory;
  readonly subnets: readonly RecordSubnet[];
}

type Records = ReadonlyMap<string, IpamRecord>;

/** What the subnets of the map amount to; a range for each zone that a usable one is mapped to. */
export function survey(sights: readonly Sight[], mapped: readonly Mapped[], ownership: Ownership): View {
  const subnets: RecordSubnet[] = [];
  const problems: IpamProblem[] = [];
  const usable = new Map<number, Omit<Range, 'zone'>>();
  const stranded = new Map<string, IpamRecord>();
  for (const sight of sights) {
    const subnet = sight.row ? recordSubnet(sight.id, sight.row, sight.hasSubnets, subnets) : 'does not exist: correct subnetMap';
    if (typeof subnet === 'object') subnets.push(subnet);
    const range = typeof subnet === 'string' ? subnet : rangeOf(sight, subnet, ownership);
    if (typeof range === 'object') usable.set(sight.id, range);
    else problems.push(problemOf(sight, range, mapped));
    for (const [text, record] of ourRecords(sight, ownership)) {
      if (typeof range === 'string' || range.records.get(text)?.node === undefined) stranded.set(text, record);
    }
  }
  const ranges = mapped.flatMap(({ zone, id }): readonly Range[] => {
    const range = usable.get(id);
    return range ? [{ zone, ...range }] : [];
  });
  return { inventory: { ranges, problems, stranded }, subnets };
}

/** Or what keeps it from being one, as a clause with the fix. */
function rangeOf({ row, rows }: Sight, { subnet, ...rest }: RecordSubnet, ownership: Ownership): Omit<Range, 'zone'> | string {
  if (typeof rows === 'number') {
    return `(${subnet}) has ${rows} addresses recorded, more than phpIPAM can list: raise memory_limit of PHP, or use a smaller subnet`;
  }
  const gateway = gatewayOf({ subnet, ...rest });
  if (typeof gateway === 'string') return gateway;
  return { subnet, gateway, excluded: [], closed: row?.isFull ?? false, records: recordsOf(rows, ownership) };
}

function problemOf({ id, row }: Sight, clause: string, mapped: readonly Mapped[]): IpamProblem {
  const zones = mapped.filter((each) => each.id === id).map(({ zone }) => zone);
  return {
    code: 'RangeUnusable',
    message: `${nameOf(id, mapped)} of phpIPAM ${clause}`,
    unusable: zones.map((zone) => ({ zone, family: row?.subnet?.family })),
  };
}

/** By address: somebody else's row speaks for all of them, else the oldest. Rows of ours for two nodes are no one node's. */
function recordsOf(rows: readonly AddressRow[], ownership: Ownership): Records {
  const records = new Map<string, IpamRecord>();
  for (const row of oldestFirst(rows)) {
    const { text } = row.address;
    const node = ownership.nodeOf(row);
    const before = records.get(text);
    if (before === undefined || (before.node !== undefined && node !== before.node)) {
      const alone = before === undefined ? node : undefined;
      records.set(text, { record: row.id, node: alone, holder: holderOf(row) });
    }
  }
  return records;
}

/** By address, the oldest row of ours, whatever there is beside it. */
function ourRecords({ rows }: Sight, ownership: Ownership): Records {
  const ours = typeof rows === 'number' ? [] : rows.filter((row) => ownership.nodeOf(row) !== undefined);
  const youngestFirst = oldestFirst(ours).reverse();
  return new Map(youngestFirst.map((row) => [row.address.text, { record: row.id, node: ownership.nodeOf(row), holder: holderOf(row) }]));
}
