/** What a lab is built from: plain data, turned into `ip` batches and shell scripts without touching the system. */
export interface Topology {
  readonly hosts: Readonly<Record<string, HostSpec>>;
  readonly links: readonly LinkSpec[];
}

export interface HostSpec {
  /** Arguments of `ip route add`, for example `default via 203.0.113.1`. */
  readonly routes?: readonly string[];
  /** By dotted name, for example `net.ipv4.conf.all.rp_filter`. rp_filter is 0 everywhere unless it is set here. */
  readonly sysctls?: Readonly<Record<string, string | number>>;
  /** Whether the host forwards packets (both families). Default: no. */
  readonly forwarding?: boolean;
}

/** Two ends make a veth pair; any other number, or `bridge: true`, a segment with a bridge in the middle. */
export interface LinkSpec {
  /** Names the bridge; at most 15 characters. */
  readonly name: string;
  /** `host:device` and its addresses with prefix length, both families. */
  readonly ends: Readonly<Record<`${string}:${string}`, readonly string[]>>;
  readonly bridge?: boolean;
}

export interface End {
  readonly host: string;
  readonly device: string;
  readonly addresses: readonly string[];
}

/** The host that holds the bridges. */
export const SWITCH = 'switch';

export function endsOf(link: LinkSpec): readonly End[] {
  return Object.entries(link.ends).map(([key, addresses]) => {
    const [host = '', device = ''] = key.split(':');
    return { host, device, addresses };
  });
}

/** The first address of a host's device without its prefix length, in one family. @throws Error when there is none. */
export function addressOf(topology: Topology, host: string, device: string, family: 4 | 6 = 4): string {
  const ends = topology.links.flatMap(endsOf).filter((end) => end.host === host && end.device === device);
  const found = ends.flatMap((end) => end.addresses).find((address) => address.includes(':') === (family === 6));
  if (found === undefined) throw new Error(`topology: ${host}:${device} has no IPv${family} address`);
  return found.replace(/\/\d+$/, '');
}

export function hostNames(topology: Topology): readonly string[] {
  return topology.links.some(isBridged) ? [...Object.keys(topology.hosts), SWITCH] : Object.keys(topology.hosts);
}

/** One `ip -batch` that makes every namespace and link. */
export function linkBatch(topology: Topology, namespace: (host: string) => string): string {
  const lines = hostNames(topology).map((host) => `netns add ${namespace(host)}`);
  for (const [index, link] of topology.links.entries()) lines.push(...linkLines(link, index, namespace));
  return `${lines.join('\n')}\n`;
}

function linkLines(link: LinkSpec, index: number, namespace: (host: string) => string): string[] {
  const ends = endsOf(link);
  const [a, b] = ends;
  if (a && b && !isBridged(link)) return [vethLine(index, 0, [namespace(a.host), a.device], [namespace(b.host), b.device])];
  const bridge = `link add ${link.name} netns ${namespace(SWITCH)} type bridge mcast_snooping 0`;
  const port = (end: End, i: number) => vethLine(index, i, [namespace(end.host), end.device], [namespace(SWITCH), portName(index, i)]);
  return [bridge, ...ends.map(port)];
}

/**
 * The two ends get different interface indexes: if they happen to be equal, the kernel takes the link for a device without a peer
 * and announces its carrier up to a second late (net/core/link_watch.c, linkwatch_urgent_event).
 */
function vethLine(link: number, end: number, near: readonly [string, string], far: readonly [string, string]): string {
  const index = 100 * (link + 1) + 2 * end;
  return `link add ${near[1]} index ${index} netns ${near[0]} type veth peer name ${far[1]} index ${index + 1} netns ${far[0]}`;
}

/** A shell script for inside one namespace: sysctls first (they decide how links come up), then links and addresses. */
export function hostScript(topology: Topology, host: string): string {
  const sysctls = host === SWITCH ? SWITCH_SYSCTLS : hostSysctls(topology, host);
  const writes = Object.entries(sysctls).map(([name, value]) => `echo '${value}' >${sysctlPath(name)}`);
  const links = host === SWITCH ? switchLines(topology) : addressLines(topology, host);
  return ['set -e', ...writes, 'ip -batch - <<END', 'link set lo up', ...links, 'END', ''].join('\n');
}

/** The second `ip -batch` of a host: routes need the far ends to be up. Empty when it has none. */
export function routeBatch(topology: Topology, host: string): string {
  return (topology.hosts[host]?.routes ?? []).map((route) => `route add ${route}\n`).join('');
}

export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** A new namespace may inherit the machine's settings, so whatever decides about packets is set. */
function hostSysctls(topology: Topology, host: string): Record<string, string | number> {
  const spec = topology.hosts[host];
  const forwarding = spec?.forwarding === true ? 1 : 0;
  const devices = ['all', 'default', ...devicesOf(topology, host).map((end) => end.device)];
  const perDevice = devices.flatMap((device) => [
    [`net.ipv4.conf.${device}.rp_filter`, 0],
    [`net.ipv6.conf.${device}.disable_ipv6`, 0],
    [`net.ipv6.conf.${device}.accept_dad`, 0],
  ]);
  return {
    'net.ipv4.ip_forward': forwarding,
    'net.ipv6.conf.all.forwarding': forwarding,
    ...Object.fromEntries(perDevice),
    ...spec?.sysctls,
  };
}

/** A switch must not show frames to netfilter, nor talk itself. */
const SWITCH_SYSCTLS = {
  'net.bridge.bridge-nf-call-iptables': 0,
  'net.ipv6.conf.all.disable_ipv6': 1,
  'net.ipv6.conf.default.disable_ipv6': 1,
};

function addressLines(topology: Topology, host: string): string[] {
  return devicesOf(topology, host).flatMap(({ device, addresses }) => [
    `link set ${device} up`,
    ...addresses.map((address) => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
  ]);
}

function switchLines(topology: Topology): string[] {
  return topology.links.flatMap((link, index) => {
    if (!isBridged(link)) return [];
    const ports = endsOf(link).map((_, i) => `link set ${portName(index, i)} master ${link.name} up`);
    return [`link set ${link.name} up`, ...ports];
  });
}

function devicesOf(topology: Topology, host: string): readonly End[] {
  return topology.links.flatMap(endsOf).filter((end) => end.host === host);
}

function isBridged(link: LinkSpec): boolean {
  return link.bridge === true || Object.keys(link.ends).length !== 2;
}

export function portName(link: number, end: number): string {
  return `p${link}-${end}`;
}
