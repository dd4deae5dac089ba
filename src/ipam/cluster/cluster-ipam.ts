import type { ClusterIpam } from '../../core/resources.ts';
import type { IpamProvider } from '../provider.ts';

/**
 * The ranges that an OverlayPool itself names. Nobody else gives addresses of them, so the ledger of the pool is the only record: whoever
 * has entered an address there holds it, and whoever has written it away has released it.
 */
export function openClusterIpam({ ranges }: ClusterIpam): IpamProvider {
  const inventory = {
    ranges: ranges.map(({ zone, subnet, gateway, exclude }) => ({
      zone,
      subnet,
      gateway,
      excluded: exclude,
      records: new Map<string, never>(),
    })),
    problems: [],
  };
  return {
    look: () => Promise.resolve(inventory),
    claim: (holdings) => Promise.resolve(holdings.map(() => ({ outcome: 'held' }))),
    release: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
