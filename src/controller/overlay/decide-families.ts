import { FAMILIES, type Family } from '../../core/ip/address.ts';
import { rangesFor, UNUSABLE } from '../../ipam/zone-ranges.ts';
import type { Supply } from './decide-supply.ts';
import type { Entry } from './ledger.ts';

/** There are far fewer zones than nodes. */
const known = new WeakMap<Supply, Map<string | undefined, readonly Family[]>>();

/** The families of which a node of a zone is to get an address, and has none that it may keep. */
export function lackedFamilies(zone: string | undefined, entries: readonly Entry[], supply: Supply): readonly Family[] {
  const held = entries.filter(({ releasing }) => !releasing).map(({ address }) => address.family);
  return familiesOf(zone, supply).filter((family) => !held.includes(family));
}

/** Also those whose ranges cannot be used now: a node waits for them. */
function familiesOf(zone: string | undefined, supply: Supply): readonly Family[] {
  const zones = known.get(supply) ?? new Map<string | undefined, readonly Family[]>();
  known.set(supply, zones);
  const before = zones.get(zone);
  if (before) return before;
  const families = FAMILIES.filter((family) => {
    const ranges = rangesFor(zone, family, supply.open, supply.unusable);
    return ranges === UNUSABLE || ranges.length > 0;
  });
  zones.set(zone, families);
  return families;
}
