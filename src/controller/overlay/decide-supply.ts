import { Address, type Family } from '../../core/ip/address.ts';
import type { Prefix } from '../../core/ip/prefix.ts';
import type { PrefixSet } from '../../core/ip/prefix-set.ts';
import type { Inventory, Range, UnusableRange } from '../../ipam/provider.ts';
import type { PoolProblem } from './reasons.ts';

/** From where a pool gives addresses now. */
export interface Supply {
  /** Ranges of which addresses are given. */
  readonly open: readonly Range[];
  /** Every range that is known, for what is held already. */
  readonly all: readonly Range[];
  /** What is missing in `open`: its nodes wait for it. */
  readonly unusable: readonly MissingRange[];
  readonly problems: readonly PoolProblem[];
}

export interface MissingRange extends UnusableRange {
  /** Why, with what to do. */
  readonly cause: string;
}

/** What no range of a pool may overlap. */
export interface Surroundings {
  readonly podRanges: PrefixSet;
  readonly serviceRanges: PrefixSet;
  /** Of Nodes, but not what they have from a pool. */
  readonly nodeAddresses: PrefixSet;
  /** Whose such an address is. */
  readonly nodeOf: ReadonlyMap<string, string>;
}

/** The ranges of another pool, which has them because it is older. */
export interface OlderPool {
  readonly name: string;
  readonly subnets: readonly Prefix[];
}

/** Which ranges a pool may give addresses of: those that are in nobody's way. Pure. */
export function decideSupply(inventory: Inventory, around: Surroundings, older: readonly OlderPool[]): Supply {
  const { ranges, problems } = inventory;
  const verdicts = ranges.map((range) => ({ range, obstacle: obstacleTo(range.subnet, around, older) }));
  const blocked = verdicts.filter(({ obstacle }) => obstacle !== undefined);
  return {
    open: verdicts.flatMap(({ range, obstacle }) => (obstacle === undefined ? [range] : [])),
    all: ranges,
    unusable: [
      ...problems.flatMap(({ unusable = [], message }) => unusable.map((range) => ({ ...range, cause: message }))),
      ...blocked.map(({ range, obstacle }) => ({
        zone: range.zone,
        family: range.subnet.family,
        cause: overlapMessage(range, obstacle ?? ''),
      })),
    ],
    problems: [
      ...problems.map(({ code, message }) => ({ reason: code, message, blocks: false })),
      ...blocked.map(({ range, obstacle }) => ({
        reason: 'Overlap' as const,
        message: overlapMessage(range, obstacle ?? ''),
        blocks: false,
      })),
    ],
  };
}

/** Why nodes of a zone wait though they have ranges; `family` where it is known which they lack. */
export function missingFor(zone: string | undefined, supply: Pick<Supply, 'unusable'>, family?: Family): string {
  const unusable = supply.unusable.filter((range) => family === undefined || range.family === undefined || range.family === family);
  const missing = unusable.find((range) => range.zone === zone) ?? unusable.find((range) => range.zone === undefined);
  const whose = zone === undefined ? 'nodes without a zone' : `zone ${zone}`;
  return `a range for ${whose} cannot be used: ${missing?.cause ?? 'see what its OverlayPool says'}`;
}

function overlapMessage({ subnet }: Range, obstacle: string): string {
  return `range ${subnet} ${obstacle}: nothing is given from it until one of the two is another`;
}

function obstacleTo(subnet: Prefix, around: Surroundings, older: readonly OlderPool[]): string | undefined {
  for (const { name, subnets } of older) {
    const found = subnets.find((other) => other.overlaps(subnet));
    if (found) return `overlaps ${found} of OverlayPool ${name}, which is older`;
  }
  const [pods] = around.podRanges.overlapping(subnet);
  if (pods) return `overlaps ${pods} of the pods of this cluster`;
  const [services] = around.serviceRanges.overlapping(subnet);
  if (services) return `overlaps ${services} of the Services of this cluster`;
  const [node] = around.nodeAddresses.overlapping(subnet);
  if (node) return `holds ${exampleOf(node.first, subnet, around)}`;
  return undefined;
}

/** Neighbouring addresses of nodes are one prefix of the set, which may begin outside the subnet. */
function exampleOf(first: Address, subnet: Prefix, { nodeOf }: Surroundings): string {
  const text = subnet.has(first) ? first.text : [...nodeOf.keys()].find((address) => holds(subnet, address));
  const name = nodeOf.get(text ?? '');
  return name === undefined ? 'an address of a Node' : `${text}, an address of Node ${name}`;
}

function holds(subnet: Prefix, address: string): boolean {
  return subnet.has(Address.parse(address));
}

/** The range that an address belongs to, whether or not more is given of it. */
export function rangeOf({ all }: Pick<Supply, 'all'>, address: Address): Range | undefined {
  return all.find(({ subnet }) => subnet.has(address));
}
