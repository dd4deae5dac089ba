import type { ClusterNode } from '../../lab/cluster/node.ts';

/** All that a node's kernel has been told about its network: devices with their addresses, routes of all tables, rules, nftables, settings of devices. */
export type NetworkState = Readonly<Record<'devices' | 'routes' | 'rules' | 'nftables' | 'settings', readonly string[]>>;

const SETTINGS = ['/proc/sys/net/ipv4/conf', '/proc/sys/net/ipv6/conf'];

/**
 * A pod that starts gets a device with a name and a link-local address by chance, and the bridge the address of one of them: those are
 * left out. Two states of the same node are equal as long as nobody but its pods has changed anything.
 */
export async function networkState({ host, machine }: ClusterNode): Promise<NetworkState> {
  const both = async (what: string): Promise<string> => `${await host.ip(`-4 ${what}`)}${await host.ip(`-6 ${what}`)}`;
  const [devices, routes, rules, nftables, settings] = await Promise.all([
    host.ip('-j address show'),
    both('-details route show table all'),
    both('-details rule show'),
    machine.check('nft', '--stateless', 'list', 'ruleset'),
    host.run('grep', '-rs', '', ...SETTINGS),
  ]);
  return {
    devices: lines(deviceText(devices)).toSorted(),
    routes: lines(routes).toSorted(),
    rules: lines(rules),
    nftables: lines(nftables),
    settings: lines(settings.stdout).toSorted(),
  };
}

interface Device {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** `eth0 mtu 1500 10.200.0.11/24 fd00:200::11/64`, one a line. */
function deviceText(json: string): string {
  const devices = JSON.parse(json) as readonly Device[];
  return devices
    .map(({ ifname, mtu, addr_info }) => [ifname, `mtu ${mtu}`, ...addr_info.map((each) => `${each.local}/${each.prefixlen}`)].join(' '))
    .join('\n');
}

function lines(text: string): readonly string[] {
  const constant = text.replace(/\bveth[0-9a-f]{8}\b/g, 'veth').replace(/\bfe80::[0-9a-f:]*[0-9a-f]/g, 'fe80::');
  return constant.split('\n').filter((line) => line.trim() !== '');
}
