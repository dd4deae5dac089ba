import { createHash } from 'node:crypto';
import { type Link, poolOf } from '../core/facts.ts';

/** Of the first byte: locally administered, and of one station (IEEE 802). */
const LOCAL = 0x02;
const KEPT = 0xfc;

/**
 * The link-layer address of a device of ours: always the same for one name on one parent. With another one each time, whoever knows the
 * address would send to the lost device until its entry expires: 22 seconds without a packet, measured, each time that it is made again.
 */
export function linkAddress(parent: string, name: string): string {
  const hash = createHash('sha256').update(`fairlead ${parent} ${name}`).digest().subarray(0, 6);
  hash[0] = ((hash[0] ?? 0) & KEPT) | LOCAL;
  return hash.toString('hex').replace(/..(?=.)/g, '$&:');
}

/** Links as facts: with `likeOurs` where a device has lost our mark. The same values where there is nothing to say. */
export function recognised(links: readonly Link[]): readonly Link[] {
  return links.map((link) => {
    if (link.kind !== 'macvlan' || link.mode !== 'bridge' || poolOf(link) !== undefined) return link;
    const parent = links.find(({ index }) => index === link.parent)?.mac;
    return parent !== undefined && link.mac === linkAddress(parent, link.name) ? { ...link, likeOurs: true } : link;
  });
}
