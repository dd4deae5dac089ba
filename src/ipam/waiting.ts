import type { Family } from '../core/ip/address.ts';
import type { Range } from './provider.ts';

/** Why a node gets nothing. */
export type WaitReason = 'NoZone' | 'NoRangeForZone' | 'RangeUnusable' | 'PoolExhausted';

/** For a person: the node's zone, the ranges, and what to do. */
export interface Waiting {
  readonly reason: WaitReason;
  readonly message: string;
}

/** Ranges and zones that a message names. */
const NAMED = 5;

export function nothingServes(zone: string | undefined, ranges: readonly Range[]): Waiting {
  const zones = [...new Set(ranges.flatMap((range) => range.zone ?? []))].sort();
  const has =
    zones.length === 0 ? 'no range that can be used' : `ranges for ${zones.length === 1 ? 'zone' : 'the zones'} ${listOf(zones)} alone`;
  if (zone !== undefined) {
    return {
      reason: 'NoRangeForZone',
      message: `no range serves zone ${zone}; the pool has ${has}: add one for this zone, or one for every zone`,
    };
  }
  const label = 'there is no label topology.kubernetes.io/zone';
  return { reason: 'NoZone', message: `${label}, and the pool has ${has}: label every node, or add a range for every zone` };
}

export function mustBeMended(zone: string | undefined): Waiting {
  return { reason: 'RangeUnusable', message: `a range for ${zoneName(zone)} cannot be used: mend what the OverlayPool says about it` };
}

export function exhausted(zone: string | undefined, family: Family, ranges: readonly Range[]): Waiting {
  const list = listOf(ranges.map(({ subnet, closed }) => `${subnet}${closed ? ' (marked as full)' : ''}`));
  const state = ranges.length === 1 ? 'has no free address left' : 'have no free address left';
  return {
    reason: 'PoolExhausted',
    message: `no free IPv${family} address for ${zoneName(zone)}: ${list} ${state}: add a range, or free addresses`,
  };
}

function zoneName(zone: string | undefined): string {
  return zone === undefined ? 'nodes without a zone' : `zone ${zone}`;
}

function listOf(names: readonly string[]): string {
  const rest = names.length - NAMED;
  const all = rest > 0 ? [...names.slice(0, NAMED), `${rest} more`] : names;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
