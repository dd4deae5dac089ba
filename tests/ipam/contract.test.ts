import { after } from 'node:test';
import type { ClusterIpam } from '../../src/core/resources.ts';
import { openClusterIpam } from '../../src/ipam/cluster/cluster-ipam.ts';
import { describeProvider, describeRecords, type Elsewhere, type IpamHarness } from '../../src/ipam/provider.contract.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import { Authority } from '../cluster/kubernetes/certificates.ts';
import { address, prefix } from './builders.ts';
import { type FakeOptions, FakePhpIpam } from './fake-phpipam.ts';
import { addSubnets, CODE, elsewhereOf, openPool, type PoolChange } from './pools.ts';

const CLUSTER: ClusterIpam = {
  type: 'cluster',
  ranges: [
    { zone: 'a', subnet: prefix('192.168.100.0/29'), gateway: address('192.168.100.1'), exclude: [] },
    { zone: 'a', subnet: prefix('192.168.101.0/24'), gateway: address('192.168.101.1'), exclude: [] },
    { subnet: prefix('fd00:100::/64'), gateway: address('fd00:100::1'), exclude: [] },
  ],
};

const authority = await Authority.make('company');
const tls = await authority.server('IP:127.0.0.1');
after(() => authority.delete());

async function phpIpamHarness(options: FakeOptions, change: PoolChange): Promise<IpamHarness & { readonly elsewhere: Elsewhere }> {
  const fake = await FakePhpIpam.open(options);
  addSubnets(fake);
  const opened: IpamProvider[] = [];
  const open = (more: PoolChange = {}): IpamProvider => {
    const provider = openPool(fake, { ...change, ...more });
    opened.push(provider);
    return provider;
  };
  return {
    provider: open(),
    another: () => open(),
    elsewhere: elsewhereOf(fake, open),
    close: async () => {
      for (const provider of opened) await provider.close();
      await fake.close();
    },
  };
}

describeProvider('the pool itself', async () => ({
  provider: openClusterIpam(CLUSTER),
  another: () => openClusterIpam(CLUSTER),
  close: () => Promise.resolve(),
}));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Each way of authentication, each version, each dialect, each web server and each way to keep writers apart, at least once. */
const WAYS: Readonly<Record<string, { readonly server: FakeOptions; readonly pool: PoolChange }>> = {
  'phpIPAM 1.8.2 with a user token over TLS': {
    server: { tls },
    pool: { auth: 'UserToken', appID: 'fairlead', caBundle: authority.certificate },
  },
  'phpIPAM 1.7.4 with the code of an application over TLS, numbers as texts': {
    server: { tls, stringify: true, version: '1.7.4' },
    pool: { auth: 'AppCode', appID: 'coded', credentials: async () => CODE, caBundle: authority.certificate },
  },
  'phpIPAM 1.5.2 without TLS below a path, behind Apache': {
    server: { base: '/tools/phpipam', version: '1.5.2', server: 'apache' },
    pool: { auth: 'None', appID: 'open' },
  },
  'phpIPAM without a lock, with a key': { server: { version: '1.6.0', pause: turn }, pool: {} },
};

for (const [name, { server, pool }] of Object.entries(WAYS)) {
  describeProvider(name, () => phpIpamHarness(server, pool));
  describeRecords(name, () => phpIpamHarness(server, pool));
}
