import type { Family } from '../core/ip/address.ts';
import type { Range, UnusableRange } from './provider.ts';

/** A node's zone has such a range, but it cannot be used now: the node waits for it. */
export const UNUSABLE = 'unusable';

/**
 * The ranges that serve the nodes of a zone: its own; if it has none of this family, those for every zone. Ranges of its own that cannot be
 * used now are still its own, so that a mistake in one does not send its nodes elsewhere; but they hold nobody up who is served beside them.
 */
export function rangesFor(
  zone: string | undefined,
  family: Family,
  ranges: readonly Range[],
  unusable: readonly UnusableRange[],
): readonly Range[] | typeof UNUSABLE {
  for (const owner of zone === undefined ? [undefined] : [zone, undefined]) {
    const own = ranges.filter((range) => range.zone === owner);
    const fitting = own.filter(({ subnet }) => subnet.family === family);
    if (fitting.length > 0) return fitting;
    const missing = unusable.filter((range) => range.zone === owner);
    if (missing.some((range) => range.family === family)) return UNUSABLE;
    if (missing.some((range) => range.family === undefined)) return own.length === 0 ? UNUSABLE : [];
  }
  return [];
}
