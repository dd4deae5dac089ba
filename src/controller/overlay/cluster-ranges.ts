import { Prefix } from '../../core/ip/prefix.ts';
import { PrefixSet } from '../../core/ip/prefix-set.ts';
import type { NodeView } from '../views.ts';
import type { Surroundings } from './decide-supply.ts';
import type { Ledger } from './ledger.ts';

/** What the cluster has for itself, as far as that is known. */
export interface ClusterRanges {
  readonly podRanges: readonly Prefix[];
  readonly serviceRanges: readonly Prefix[];
}

/** What no range of a pool may overlap. An overlay address that a kubelet has taken for that of its node is not in its own way. */
export function surroundingsOf(
  { podRanges, serviceRanges }: ClusterRanges,
  nodes: Iterable<NodeView>,
  ledgers: readonly Ledger[],
): Surroundings {
  const nodeOf = new Map<string, string>();
  const prefixes: Prefix[] = [];
  for (const { name, addresses } of nodes) {
    for (const address of addresses) {
      if (ledgers.some((ledger) => ledger.get(address.text)?.node === name)) continue;
      nodeOf.set(address.text, name);
      prefixes.push(Prefix.of(address));
    }
  }
  return {
    podRanges: PrefixSet.of(podRanges),
    serviceRanges: PrefixSet.of(serviceRanges),
    nodeAddresses: PrefixSet.of(prefixes),
    nodeOf,
  };
}
