import type { PhpIpam } from '../../src/core/resources.ts';
import type { Credentials } from '../../src/ipam/credentials.ts';
import { openPhpIpam } from '../../src/ipam/phpipam/phpipam.ts';
import type { Elsewhere } from '../../src/ipam/provider.contract.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import { type Clock, systemClock } from '../../src/runtime/clock.ts';
import { address } from './builders.ts';
import type { FakePhpIpam } from './fake-phpipam.ts';

/** Providers over a fake phpIPAM, and what else happens there. */

export const USER: Credentials = { username: 'fairlead', password: 'secret' };
export const CODE: Credentials = { code: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345' };

export interface PoolChange extends Partial<PhpIpam> {
  readonly pool?: string;
  readonly uid?: string;
  readonly clock?: Clock;
  readonly credentials?: () => Promise<Credentials>;
}

/** A pool on the application `open`, which needs no TLS, unless `change` says otherwise. */
export function openPool(fake: FakePhpIpam, change: PoolChange = {}): IpamProvider {
  const { pool = 'pool', uid = '6f1c0f6e-0001', clock = systemClock, credentials = async () => USER, ...settings } = change;
  const ipam: PhpIpam = {
    type: 'phpIPAM',
    url: fake.url,
    appID: 'open',
    auth: 'None',
    credentialsSecret: 'phpipam',
    insecureSkipTLSVerify: false,
    subnetMap: new Map([
      ['a', [7, 8]],
      ['*', [9]],
    ]),
    ...settings,
  };
  return openPhpIpam({ ipam, pool, cluster: { uid, name: 'prod' }, credentials, clock });
}

/** The subnets that the contract speaks of. */
export function addSubnets({ database }: FakePhpIpam): void {
  database.addSubnet(7, '192.168.100.0/29', { gateway: '192.168.100.1' });
  database.addSubnet(8, '192.168.101.0/24', { gateway: '192.168.101.1' });
  database.addSubnet(9, 'fd00:100::/64', { gateway: 'fd00:100::1' });
}

/** What is recorded, but for the gateways, lowest address first in each subnet. */
export function recorded({ database }: FakePhpIpam): string[] {
  return [7, 8, 9]
    .flatMap((id) => database.inSubnet(id))
    .flatMap(({ ip, hostname, is_gateway }) => (is_gateway === 1 ? [] : `${ip} ${hostname}`));
}

/** A person at phpIPAM's own pages. */
export function takes({ database }: FakePhpIpam, text: string, hostname: string, owner = 'facilities'): void {
  const ip = address(text);
  const subnet = [...database.subnets.values()].find(({ prefix }) => prefix?.has(ip));
  const [row] = database.find(subnet?.id ?? 0, ip);
  if (row) Object.assign(row, { hostname, owner });
  else database.insert({ subnetId: subnet?.id ?? 0, ip, hostname, owner });
}

export function elsewhereOf(fake: FakePhpIpam, open: (change: PoolChange) => IpamProvider): Elsewhere {
  return {
    anotherPool: () => open({ pool: 'other' }),
    anotherCluster: () => open({ uid: '6f1c0f6e-0002' }),
    takes: async (text, hostname) => takes(fake, text, hostname),
    recorded: async () => recorded(fake),
  };
}
