import { type Address, WIDTH } from '../../core/ip/address.ts';
import type { Prefix } from '../../core/ip/prefix.ts';
import { neverRouted, SHORTEST } from '../../core/ip/unroutable.ts';
import type { PhpIpam } from '../../core/resources.ts';
import type { SubnetRow } from './rows.ts';

/** A subnet of phpIPAM in which addresses can be recorded. */
export interface RecordSubnet {
  readonly id: number;
  readonly subnet: Prefix;
  /** Without one nothing is given from it. */
  readonly gateway: Address | undefined;
}

/** One entry of `subnetMap`: `zone` is undefined for `*`. */
export interface Mapped {
  readonly zone: string | undefined;
  readonly id: number;
}

export function mappedSubnets({ subnetMap }: PhpIpam): readonly Mapped[] {
  return [...subnetMap].flatMap(([zone, ids]) => ids.map((id) => ({ zone: zone === '*' ? undefined : zone, id })));
}

/** `subnet 7 (zone a)`: as a person finds it in `subnetMap`. */
export function nameOf(id: number, mapped: readonly Mapped[]): string {
  const zones = mapped.flatMap((each) => (each.id === id ? [each.zone ?? '*'] : []));
  return `subnet ${id} (${zones.length === 1 ? 'zone' : 'zones'} ${zones.join(', ')})`;
}

/**
 * Where addresses can be recorded; or why they cannot, as a clause with the fix. `earlier`: the subnets before it in `subnetMap`, which it
 * must not overlap: an address would be one thing in this and another in that.
 */
export function recordSubnet(id: number, row: SubnetRow, hasSubnets: boolean, earlier: readonly RecordSubnet[]): RecordSubnet | string {
  if (row.isFolder) return 'is a folder: put the IDs of the subnets in it into subnetMap';
  const { subnet, gateway } = row;
  if (!subnet) return 'has no network address that fits its mask: correct it in phpIPAM';
  const unfit = unfitFor(subnet);
  if (unfit) return `(${subnet}) ${unfit}: map another subnet`;
  if (hasSubnets) return `(${subnet}) is divided into other subnets: put their IDs into subnetMap`;
  const other = earlier.find((each) => each.subnet.overlaps(subnet));
  if (other) return `(${subnet}) overlaps subnet ${other.id} (${other.subnet}) of the same pool: take one of them out of subnetMap`;
  return { id, subnet, gateway };
}

/** Why nodes cannot have addresses of it, as the NodeOverlayIPs would be refused for. */
function unfitFor(subnet: Prefix): string | undefined {
  const found = neverRouted(subnet);
  if (found) return `overlaps ${found[0]}, which is ${found[1]}`;
  if (subnet.length < SHORTEST[subnet.family]) return `is too wide: /${SHORTEST[subnet.family]} is the widest that is used`;
  return subnet.length === WIDTH[subnet.family] ? 'is a single address, and leaves none beside the gateway' : undefined;
}

/** The gateway of the nodes that get an address there; or what is wrong with it, as a clause with the fix. */
export function gatewayOf({ subnet, gateway }: RecordSubnet): Address | string {
  if (!gateway) return `(${subnet}) has no gateway: mark one of its addresses as gateway in phpIPAM`;
  return subnet.has(gateway) ? gateway : `(${subnet}) has the gateway ${gateway}, which is not in it: correct it in phpIPAM`;
}
