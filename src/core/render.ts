import type { Change } from './change.ts';
import { LINK_MARK } from './facts.ts';
import { WIDTH } from './ip/address.ts';
import type { NodePlan, PlannedAddress, PlannedLink } from './plan.ts';
import { formatRef } from './resources.ts';
import { type NextHop, type Route, type RouteSpec, TABLE_LOCAL, TABLE_MAIN } from './route.ts';

/** /etc/iproute2/rt_protos, as far as people meet them. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'redirect'],
  [2, 'kernel'],
  [3, 'boot'],
  [4, 'static'],
  [9, 'ra'],
  [11, 'zebra'],
  [12, 'bird'],
  [16, 'dhcp'],
  [186, 'bgp'],
  [188, 'ospf'],
]);

/** A route as `ip route` prints it. */
export function formatRoute(route: Route): string {
  const type = route.spec.type === 'unicast' ? '' : `${route.spec.type} `;
  return [`${type}${formatDestination(route)}`, ...specWords(route.spec)].join(' ');
}

/** The prefix as `ip` writes it: `default`, and no length for a single address. */
export function formatDestination(route: Route): string {
  const { family, length, text, first } = route.prefix;
  if (length === 0) return 'default';
  return length === WIDTH[family] ? first.text : text;
}

/** What makes the way: `via 10.1.0.1 dev eth1`. Several next hops are joined as `nexthop ...`. */
export function formatHops(hops: readonly NextHop[]): string {
  const texts = hops.map(formatHop);
  return texts.length > 1 ? texts.map((text) => `nexthop ${text}`).join(' ') : (texts[0] ?? '');
}

export function formatHop(hop: NextHop): string {
  return [hop.gateway && `via ${hop.gateway}`, hop.device && `dev ${hop.device.name}`, hop.onLink && 'onlink'].filter(Boolean).join(' ');
}

function specWords(spec: RouteSpec): string[] {
  const table = spec.table === TABLE_MAIN ? '' : `table ${spec.table === TABLE_LOCAL ? 'local' : spec.table}`;
  return [
    formatHops(spec.hops),
    table,
    `proto ${PROTOCOLS.get(spec.protocol) ?? spec.protocol}`,
    spec.source ? `src ${spec.source}` : '',
    spec.metric > 0 ? `metric ${spec.metric}` : '',
    spec.mtu === undefined ? '' : `mtu ${spec.mtu}`,
  ].filter((word) => word !== '');
}

/** One line per change, with the sign of a diff: `+` added, `~` changed in place, `-` removed. */
export function formatChange(change: Change): string {
  switch (change.op) {
    case 'add-route':
      return `+ ${formatRoute(change.route)}`;
    case 'replace-route':
      return `~ ${formatRoute(change.route)}   # was ${formatRoute(change.previous)}`;
    case 'remove-route':
      return `- ${formatRoute(change.route)}`;
    case 'set-sysctl':
      return `~ ${sysctlKey(change.device.name, change.name)} = ${change.value}   # was ${change.previous}`;
    case 'add-link':
      return `+ ${formatLink(change.link)}`;
    case 'set-link':
      return `~ ${formatLink(change.link)}`;
    case 'remove-link':
      return `- device ${change.device.name} alias ${LINK_MARK}${change.pool}`;
    case 'add-address':
      return `${change.marks ? '~' : '+'} ${formatAddress(change.address)}`;
    case 'add-network':
      return `+ ${formatRoute(change.network)}`;
    case 'remove-address':
      return `- ${formatAddress(change.address)}`;
  }
}

/** A device of ours, in the words of `ip link`. */
export function formatLink({ name, parent, mtu, pool }: PlannedLink): string {
  return `device ${name} link ${parent.name} type macvlan mode bridge mtu ${mtu} alias ${LINK_MARK}${pool}`;
}

/** `192.168.100.4/24 dev tmp0`, in the words of `ip address`. */
export function formatAddress({ device, address, prefixLength, label }: PlannedAddress): string {
  return `address ${address}/${prefixLength} dev ${device.name}${label === undefined ? '' : ` label ${label}`}`;
}

export function sysctlKey(device: string, name: string): string {
  return `net.ipv4.conf.${device}.${name}`;
}

/** The plan, resource by resource, as text that can be compared. */
export function formatPlan(plan: NodePlan): string {
  return plan.resources
    .flatMap(({ meta, routes, held, sysctls, links, addresses, heldLinks, heldAddresses, probes }) => [
      `# ${formatRef(meta.ref)}`,
      ...links.map(formatLink),
      ...addresses.map(formatAddress),
      ...heldLinks.map((name) => `hold device ${name}`),
      ...heldAddresses.map((address) => `hold address ${address}`),
      ...probes.map(({ device, address }) => `probe ${address} dev ${device.name}`),
      ...routes.map(formatRoute),
      ...held.map((hold) => `hold ${hold.prefix} metric ${hold.metric}`),
      ...sysctls.map((sysctl) => `${sysctlKey(sysctl.device.name, sysctl.name)} = ${sysctl.value}`),
    ])
    .join('\n');
}

/** `a, b, c and 97 more`. */
export function listSome(items: readonly unknown[], most = 3): string {
  const rest = items.length - most;
  return rest > 0 ? `${items.slice(0, most).join(', ')} and ${rest} more` : items.join(', ');
}
