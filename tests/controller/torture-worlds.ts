import assert from 'node:assert/strict';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { type Figures, torture } from './torture.ts';

const REST = {
  nodeSelector: { matchLabels: { overlay: 'yes' } },
  reclaim: { delay: '5s' },
} as const;

const RANGES = [
  { zone: 'a', subnet: '192.168.100.0/26', gateway: '192.168.100.1' },
  { zone: 'b', subnet: '192.168.101.0/26', gateway: '192.168.101.1' },
] as const;

/** Over a pool that names its ranges itself. */
export function clusterTorture(seed: number, turns: number, progress: (figures: Figures) => void = () => {}): Promise<Figures> {
  return torture({
    seed,
    turns,
    progress,
    spec: { ipam: { cluster: { ranges: RANGES } }, ...REST },
    openProvider: ({ ipam }) => (ipam.type === 'cluster' ? openClusterIpam(ipam) : assert.fail('not a pool of ranges')),
  });
}
