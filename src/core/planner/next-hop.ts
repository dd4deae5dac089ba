import { isConnectedNetwork, type Link, linkNamed, type NodeFacts } from '../facts.ts';
import type { Fib } from '../fib.ts';
import { type Address, type Family, WIDTH } from '../ip/address.ts';
import { Prefix } from '../ip/prefix.ts';
import type { ProblemCode } from '../problem.ts';
import { formatRoute, listSome } from '../render.ts';
import type { GatewayChoice, StaticRoute } from '../resources.ts';
import { type DeviceRef, type NextHop, type Route, TABLE_MAIN } from '../route.ts';
import { selects } from '../selector.ts';

/** What next hops are resolved from. */
export interface Surroundings {
  readonly facts: NodeFacts;
  readonly fib: Fib;
  readonly nodeName: string;
  readonly labels: ReadonlyMap<string, string> | undefined;
}

/** By pool and family, where routes by way of an overlay leave this node, or why they cannot. */
export type OverlayWays = ReadonlyMap<string, ReadonlyMap<Family, OverlayEnd>>;
export type OverlayEnd = { readonly hop: NextHop; readonly source: Address } | Fault;

/** The way for one family: hops (none for unreachable), or why there is none. `source` is the preferred one, where the way has its own. */
export type Resolution = { readonly hops: readonly NextHop[]; readonly source?: Address } | Fault;

export interface Fault {
  readonly code: ProblemCode;
  readonly message: string;
}

/** Resolves where the subnets of one family go on this node. */
export function resolveNextHop(route: StaticRoute, family: Family, around: Surroundings & { readonly overlays: OverlayWays }): Resolution {
  const { via } = route;
  switch (via.type) {
    case 'unreachable':
      return { hops: [] };
    case 'overlay':
      return byOverlay(via.pool, family, around.overlays, around.nodeName);
    case 'device':
      return onDevice(via.device, around, (link) => ({ hops: [{ device: deviceOf(link), onLink: false }] }));
    case 'discover':
      return discover(via.toward.get(family), family, around);
    case 'gateways':
      return chooseGateway(via.choices, family, around);
  }
}

function byOverlay(pool: string, family: Family, overlays: OverlayWays, nodeName: string): Resolution {
  const ends = overlays.get(pool);
  if (!ends) {
    const message = `node ${nodeName} has no address of an OverlayPool "${pool}": see with "kubectl get overlaypools" whether it exists, selects this node, and has a free address`;
    return { code: 'NoOverlayAddress', message };
  }
  const end = ends.get(family);
  if (!end) {
    const message = `node ${nodeName} has no IPv${family} address of OverlayPool ${pool}: give the pool an IPv${family} range, or move these subnets to another StaticRoute`;
    return { code: 'NoGatewayForFamily', message };
  }
  return 'hop' in end ? { hops: [end.hop], source: end.source } : end;
}

function onDevice(name: string, around: Surroundings, use: (link: Link) => Resolution): Resolution {
  const link = linkNamed(around.facts, name);
  if (!link) {
    const present = around.facts.links.filter((other) => !other.loopback).map((other) => other.name);
    return fault(
      'DeviceMissing',
      `node ${around.nodeName} has no device ${name} (it has ${listSome(present, 8)}): the route is added when it appears`,
    );
  }
  if (link.loopback)
    return fault('DeviceUnsuitable', `device ${name} of node ${around.nodeName} is the loopback: name the device that reaches the subnets`);
  if (!link.up) return fault('DeviceDown', `device ${name} of node ${around.nodeName} is down: bring it up with "ip link set ${name} up"`);
  return use(link);
}

/** The longest foreign unicast route of the main table that covers `toward`; the default route only when it is asked for. */
function discover(target: Prefix | undefined, family: Family, around: Surroundings): Resolution {
  if (!target) {
    const example = family === 4 ? '10.0.0.0/8' : 'fd00::/8';
    return fault(
      'NoGatewayForFamily',
      `there are IPv${family} subnets, but via.discover.toward has no IPv${family} prefix: add one (for example ${example}), or use via.gateways`,
    );
  }
  const covering = around.fib.covering(TABLE_MAIN, target).filter((route) => route.spec.type === 'unicast');
  const best = covering.find((route) => route.prefix.length > 0 || target.length === 0);
  if (!best) return fault('NoCoveringRoute', uncovered(target, covering.length > 0, around));
  if (isConnectedNetwork(best, around.facts) && !best.spec.hops.some((hop) => hop.gateway)) {
    return fault(
      'NoCoveringRoute',
      `${target} lies in a network that node ${around.nodeName} is itself connected to (${formatRoute(best)}), which has no gateway: name one with via.gateway`,
    );
  }
  const hop = best.spec.hops.find(({ device }) => around.facts.links.some((link) => link.index === device?.index && link.up));
  if (hop?.device) return { hops: [hop] };
  return fault(
    'NoCoveringRoute',
    `the route that covers ${target} on node ${around.nodeName} has no usable next hop (${formatRoute(best)}): name a gateway with via.gateway`,
  );
}

function uncovered(target: Prefix, hasDefault: boolean, around: Surroundings): string {
  const anything = target.family === 4 ? '0.0.0.0/0' : '::/0';
  const only = hasDefault
    ? `only the default route of node ${around.nodeName} covers ${target}`
    : `no route of node ${around.nodeName} covers ${target}`;
  const useDefault = hasDefault
    ? `set via.discover.toward to ${anything} to use the default route`
    : 'set via.discover.toward to a prefix that the node routes';
  return `${only}: ${useDefault}, or name a gateway with via.gateway`;
}

function chooseGateway(choices: readonly GatewayChoice[], family: Family, around: Surroundings): Resolution {
  const sameFamily = choices.filter((choice) => choice.address.family === family);
  if (sameFamily.length === 0) {
    return fault(
      'NoGatewayForFamily',
      `there are IPv${family} subnets, but no IPv${family} gateway: add one to via.gateways, or move these subnets to another StaticRoute`,
    );
  }
  for (const choice of sameFamily) {
    const selected = selects(choice.nodeSelector, around.labels);
    if (selected === undefined) {
      return fault(
        'NodeLabelsUnknown',
        `gateway ${choice.address} has a nodeSelector, but the labels of node ${around.nodeName} are not known: provide its v1/Node`,
      );
    }
    if (selected) return reach(choice, around);
  }
  return fault(
    'NoGatewayForFamily',
    `no IPv${family} gateway selects node ${around.nodeName}: add one without nodeSelector, or exclude the node with spec.nodeSelector`,
  );
}

/** The next hops of all gateways of a family that are meant for this node and on a link of it, also those that are not its choice. */
export function reachableGateways(choices: readonly GatewayChoice[], family: Family, around: Surroundings): NextHop[] {
  return choices
    .filter((choice) => choice.address.family === family && selects(choice.nodeSelector, around.labels) === true)
    .flatMap((choice) => {
      const way = reach(choice, around);
      return 'hops' in way ? way.hops : [];
    });
}

/** The same test that the kernel makes (fib_check_nh): a gateway must be on a link, unless `onLink` vouches for it. */
function reach(choice: GatewayChoice, around: Surroundings): Resolution {
  const { address, device } = choice;
  if (around.facts.addresses.some((own) => own.address.equals(address))) {
    return fault('GatewayIsLocal', `gateway ${address} is an address of node ${around.nodeName} itself: name the router beyond it`);
  }
  if (device !== undefined) {
    return onDevice(device, around, (link) => {
      const vouched = choice.onLink || isLinkLocal(address);
      if (!vouched && !connected(address, around).some((route) => leavesBy(route, link))) return notOnLink(choice, around);
      return { hops: [{ gateway: address, device: deviceOf(link), onLink: choice.onLink }] };
    });
  }
  const link = connected(address, around)[0]?.spec.hops[0]?.device;
  return link ? { hops: [{ gateway: address, device: link, onLink: false }] } : notOnLink(choice, around);
}

/** Foreign routes without a gateway that cover an address, longest first, as long as none with a gateway is longer. */
function connected(address: Address, around: Surroundings): Route[] {
  const covering = around.fib.covering(TABLE_MAIN, Prefix.of(address));
  const end = covering.findIndex((route) => route.spec.type !== 'unicast' || route.spec.hops.some((hop) => hop.gateway));
  return end < 0 ? covering : covering.slice(0, end);
}

function leavesBy(route: Route, link: DeviceRef): boolean {
  return route.spec.hops.some((hop) => hop.device?.index === link.index);
}

function notOnLink(choice: GatewayChoice, around: Surroundings): Fault {
  const networks = around.facts.routes
    .filter((route) => isConnectedNetwork(route, around.facts) && route.prefix.family === choice.address.family)
    .filter((route) => !isLinkLocal(route.prefix.first) && route.prefix.length < WIDTH[route.prefix.family])
    .map((route) => `${route.prefix} on ${route.spec.hops[0]?.device?.name}`);
  const where = choice.device === undefined ? '' : ` on device ${choice.device}`;
  const has = networks.length > 0 ? `it is connected to ${listSome(networks, 4)}` : 'it is connected to no network of that family';
  return fault(
    'GatewayNotOnLink',
    `gateway ${choice.address} is not on a link of node ${around.nodeName}${where} (${has}): use a gateway in one of these, or via.gateways with device and onLink: true`,
  );
}

function isLinkLocal(address: Address): boolean {
  return address.family === 6 && address.bits >> 118n === 0x3fan;
}

function deviceOf(link: Link): DeviceRef {
  return { index: link.index, name: link.name };
}

function fault(code: ProblemCode, message: string): Fault {
  return { code, message };
}
