import { FAMILIES, type Family } from './address.ts';
import { Prefix } from './prefix.ts';

/**
 * For each family the longest prefix (of at most 32 bits) that contains all members: two lists whose hulls do not overlap have
 * nothing to do with each other, which settles most questions about long lists in one step.
 */
export function hullsOf(members: readonly { readonly prefix: Prefix }[]): Prefix[] {
  return FAMILIES.flatMap((family) => hullOf(members, family) ?? []);
}

function hullOf(members: readonly { readonly prefix: Prefix }[], family: Family): Prefix | undefined {
  let first: Prefix | undefined;
  let length = 32;
  let different = 0;
  for (const { prefix } of members) {
    if (prefix.family !== family) continue;
    first ??= prefix;
    different |= prefix.top ^ first.top;
    if (prefix.length < length) length = prefix.length;
  }
  if (!first) return undefined;
  return Prefix.of(first.first, Math.min(length, Math.clz32(different)));
}
