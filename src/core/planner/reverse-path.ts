import type { RememberedSysctl } from '../change.ts';
import { type Link, type NodeFacts, RP_FILTER } from '../facts.ts';
import type { PlannedSysctl } from '../plan.ts';
import type { Draft } from './draft.ts';
import type { NodeIdentity } from './node.ts';

/**
 * `reversePath: Loose`: the device by which the subnets are reached gets rp_filter=2 while it is strict. The kernel uses the larger
 * of `all` and the device's own value (ip-sysctl.rst), so 2 on the device is enough. IPv6 has no such filter.
 */
export function loosenReversePath(draft: Draft, facts: NodeFacts, node: NodeIdentity): PlannedSysctl[] {
  if (draft.resource.reversePath !== 'Loose') return [];
  if (draft.held.some(({ prefix }) => prefix.family === 4)) return keepAll(facts, node.remembered);
  const hop = draft.nextHops.get(4);
  if (!hop?.device || draft.routes.length === 0) return [];
  const link = facts.links.find((candidate) => candidate.index === hop.device?.index);
  if (!link || !isStrict(link, facts, node.remembered)) return [];
  return [{ device: { index: link.index, name: link.name }, name: 'rp_filter', value: RP_FILTER.loose }];
}

/** While routes are held, which device they use is not known: nothing that is loose becomes strict. */
function keepAll(facts: NodeFacts, remembered: readonly RememberedSysctl[]): PlannedSysctl[] {
  return remembered.flatMap(({ device, name, value }) => {
    const link = facts.links.find((candidate) => candidate.index === device.index && candidate.rpFilter === value);
    return link ? [{ device: { index: link.index, name: link.name }, name, value }] : [];
  });
}

/** Judged by the administrator's value: ours must not be the reason to take it back. */
function isStrict(link: Link, facts: NodeFacts, remembered: readonly RememberedSysctl[]): boolean {
  const ours = remembered.find((entry) => entry.device.index === link.index && entry.value === link.rpFilter);
  return Math.max(facts.rpFilterAll, ours?.previous ?? link.rpFilter) === RP_FILTER.strict;
}
