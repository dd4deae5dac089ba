import assert from 'node:assert/strict';
import type { OverlayPool } from '../../src/core/resources.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { openPhpIpam } from '../../src/ipam/phpipam/phpipam.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { FakeRow } from '../ipam/fake/database.ts';
import type { FakePhpIpam } from '../ipam/fake-phpipam.ts';
import type { Line } from './ledger-watch.ts';

/** Where the addresses of a pool come from, for tests that go through whole lives of them. */
export interface Source {
  /** `spec.ipam` of the pool. */
  readonly ipam: Readonly<Record<string, unknown>>;
  readonly open: (pool: OverlayPool, clock: Clock) => IpamProvider;
  /** Last numbers of the addresses of each range that are never given: `[0, 1, 63]`. */
  readonly reserved: readonly number[];
  /** What is wrong there when everybody has come to rest: it has records of what the ledger has, and of nothing else. */
  readonly left: (ledger: ReadonlyMap<string, Line>) => readonly string[];
}

/** Of each zone there is one range. */
export const ZONES = { a: '192.168.100', b: '192.168.101' } as const;
export const LENGTH = 26;

const RANGES = Object.entries(ZONES).map(([zone, octets]) => ({ zone, subnet: `${octets}.0/${LENGTH}`, gateway: `${octets}.1` }));
/** The subnet itself, the gateway and the broadcast address. */
const RESERVED = [0, 1, 63] as const;
const EXCLUDED = [48, 49, 50, 51] as const;
/** By their numbers in phpIPAM, in the order of the zones. */
export const SUBNETS = [1, 2] as const;

/** A pool that names its ranges itself, and leaves some of them out. */
export function clusterSource(): Source {
  const ranges = RANGES.map((range) => ({ ...range, exclude: [range.subnet.replace(`.0/${LENGTH}`, `.${EXCLUDED[0]}/30`)] }));
  return {
    ipam: { cluster: { ranges } },
    open: ({ ipam }) => (ipam.type === 'cluster' ? openClusterIpam(ipam) : assert.fail('not a pool of ranges')),
    reserved: [...RESERVED, ...EXCLUDED],
    left: () => [],
  };
}

/** A phpIPAM, which is given a subnet for each zone. */
export function phpIpamSource(fake: FakePhpIpam): Source {
  RANGES.forEach(({ subnet, gateway }, i) => {
    fake.database.addSubnet(SUBNETS[i] ?? 0, subnet, { gateway });
  });
  const [a, b] = SUBNETS;
  const phpIPAM = { url: fake.url, appID: 'open', auth: 'None', credentialsSecret: 'phpipam', subnetMap: { a: [a], b: [b] } };
  const cluster = { uid: '6f1c0f6e-0001', name: 'prod' };
  return {
    ipam: { phpIPAM },
    open: ({ ipam, meta }, clock) => {
      if (ipam.type !== 'phpIPAM') assert.fail('not a pool of phpIPAM');
      const credentials = async () => ({ username: 'fairlead', password: 'secret' });
      return openPhpIpam({ ipam, pool: meta.ref.name, cluster, clock, credentials });
    },
    reserved: RESERVED,
    left: (ledger) => leftIn(fake, ledger),
  };
}

/** All but the gateways. */
export function rowsOf(fake: FakePhpIpam): readonly FakeRow[] {
  return SUBNETS.flatMap((id) => fake.database.inSubnet(id)).filter(({ is_gateway }) => is_gateway !== 1);
}

function leftIn(fake: FakePhpIpam, ledger: ReadonlyMap<string, Line>): readonly string[] {
  const recorded = rowsOf(fake).map(({ ip, hostname }) => `${ip} ${hostname}`);
  const held = [...ledger.values()].map(({ address, node }) => `${address} ${node}.default`);
  return [
    ...recorded
      .filter((row, i) => !held.includes(row) || recorded.indexOf(row) !== i)
      .map((row) => `${row} is recorded, and nobody has it`),
    ...held.filter((row) => !recorded.includes(row)).map((row) => `${row} is not recorded`),
  ];
}
