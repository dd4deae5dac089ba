import type { Address } from '../core/ip/address.ts';
import type { Prefix } from '../core/ip/prefix.ts';
import { PrefixSet } from '../core/ip/prefix-set.ts';
import type { NetworkView } from './network-views.ts';

/** What a source says; `why` it says nothing, for people. */
export type Finding<T> = { readonly known: true; readonly values: readonly T[] } | { readonly known: false; readonly why: string };

export interface NetworkFindings {
  readonly podRanges: Finding<Prefix>;
  readonly serviceRanges: Finding<Prefix>;
  readonly nodeAddresses: Finding<Address>;
  readonly apiServerEndpoints: Finding<Address>;
  readonly dnsAddresses: Finding<Address>;
}

/** `status` of the ClusterNetwork, as api/kinds/cluster-network.ts describes it. An absent list could not be found out. */
export interface NetworkStatus extends NetworkLists {
  readonly conditions: readonly [NetworkCondition];
}

export type NetworkLists = { readonly [List in keyof NetworkFindings]?: readonly string[] };

export interface NetworkCondition {
  readonly type: 'Ready';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export interface NetworkDecision {
  readonly status: NetworkStatus;
  /** `later`: only addresses of nodes differ from what is written, which happens all day in a large cluster. */
  readonly write: 'now' | 'later' | 'never';
}

/** The lists, in the order of the schema; at most so many entries. */
const MOST: Readonly<Record<keyof NetworkFindings, number>> = {
  podRanges: 16384,
  serviceRanges: 256,
  nodeAddresses: 16384,
  apiServerEndpoints: 256,
  dnsAddresses: 64,
};
const LISTS = Object.keys(MOST) as readonly (keyof NetworkFindings)[];

/** What the ClusterNetwork should say. What cannot be found out now stays as it was written last: it protects. Pure. */
export function decideClusterNetwork(found: NetworkFindings, before: NetworkView | undefined, date: Date): NetworkDecision {
  const lists: NetworkLists = {
    ...prefixes('podRanges', found.podRanges, before),
    ...prefixes('serviceRanges', found.serviceRanges, before),
    ...addresses('nodeAddresses', found.nodeAddresses, before),
    ...addresses('apiServerEndpoints', found.apiServerEndpoints, before),
    ...addresses('dnsAddresses', found.dnsAddresses, before),
  };
  const condition = ready(found, before, date);
  const differing = LISTS.filter((list) => !same(lists[list], before?.lists[list]));
  const others = differing.some((list) => list !== 'nodeAddresses') || before?.condition?.message !== condition.message;
  const changed = others || before?.condition?.status !== condition.status || before.condition.reason !== condition.reason;
  const write = changed ? 'now' : differing.length > 0 ? 'later' : 'never';
  return { status: { ...lists, conditions: [condition] }, write };
}

function prefixes(list: keyof NetworkFindings, found: Finding<Prefix>, before: NetworkView | undefined): NetworkLists {
  return listed(list, found.known ? PrefixSet.of(found.values).prefixes : undefined, before);
}

function addresses(list: keyof NetworkFindings, found: Finding<Address>, before: NetworkView | undefined): NetworkLists {
  if (!found.known) return listed(list, undefined, before);
  const distinct = new Map(found.values.map((address) => [address.text, address]));
  const sorted = [...distinct.values()].sort((a, b) => a.family - b.family || (a.bits < b.bits ? -1 : 1));
  return listed(list, sorted, before);
}

function listed(
  list: keyof NetworkFindings,
  values: readonly (Prefix | Address)[] | undefined,
  before: NetworkView | undefined,
): NetworkLists {
  const texts = values?.slice(0, MOST[list]).map(String) ?? before?.lists[list];
  return texts === undefined ? {} : { [list]: texts };
}

function ready(found: NetworkFindings, before: NetworkView | undefined, date: Date): NetworkCondition {
  const unknown = LISTS.flatMap((list) => {
    const finding = found[list];
    return finding.known ? [] : [`${list} cannot be found out: ${finding.why}`];
  });
  const fine = unknown.length === 0;
  const remedy = 'until that is mended, keep routes off them with --protect on the agents';
  const status = fine ? 'True' : 'False';
  return {
    type: 'Ready',
    status,
    reason: fine ? 'Complete' : 'RangesUnknown',
    message: fine ? 'every range and address is known' : `${unknown.join('; ')}; ${remedy}`,
    lastTransitionTime: before?.condition?.status === status ? before.condition.lastTransitionTime : date.toISOString(),
  };
}

function same(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
