import type { ClusterNode } from '../../lab/cluster/node.ts';

/** All that a node's kernel has been told about its network: routes of all tables, rules, nftables, settings of devices. */
export type NetworkState = Readonly<Record<'routes' | 'rules' | 'nftables' | 'settings', readonly string[]>>;

const SETTINGS = ['/proc/sys/net/ipv4/conf', '/proc/sys/net/ipv6/conf'];

/**
 * A pod that starts gets a device with a name and a link-local address by chance, and the bridge the address of one of them: those are
 * left out. Two states of the same node are equal as long as nobody but its pods has changed anything.
 */
export async function networkState({ host, machine }: ClusterNode): Promise<NetworkState> {
  const both = async (what: string): Promise<string> => `${await host.ip(`-4 ${what}`)}${await host.ip(`-6 ${what}`)}`;
  const [routes, rules, nftables, settings] = await Promise.all([
    both('-details route show table all'),
    both('-details rule show'),
    machine.check('nft', '--stateless', 'list', 'ruleset'),
    host.run('grep', '-rs', '', ...SETTINGS),
  ]);
  return { routes: lines(routes).toSorted(), rules: lines(rules), nftables: lines(nftables), settings: lines(settings.stdout).toSorted() };
}

function lines(text: string): readonly string[] {
  const constant = text.replace(/\bveth[0-9a-f]{8}\b/g, 'veth').replace(/\bfe80::[0-9a-f:]*[0-9a-f]/g, 'fe80::');
  return constant.split('\n').filter((line) => line.trim() !== '');
}
