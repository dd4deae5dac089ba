import { type InterfaceAddress, type Link, type NodeFacts, poolOf } from '../facts.ts';
import type { Address, Family } from '../ip/address.ts';
import { Prefix } from '../ip/prefix.ts';
import { NOTHING_PLANNED, type PlannedAddress, type Probe, probeKey, type ResourcePlan } from '../plan.ts';
import type { Problem } from '../problem.ts';
import type { NodeOverlayIP, OverlayAddress, OverlayInterface, OverlayPool, ResourceSnapshot } from '../resources.ts';
import { olderFirst } from './claims.ts';
import type { Fault, OverlayEnd, OverlayWays } from './next-hop.ts';
import { intrusion, type OverlayNetwork, type OverlayWorld, obstacle } from './overlay-address.ts';
import { deviceFor, type Place, refOf } from './overlay-device.ts';
import { connectedRoute, networkLoss } from './overlay-network.ts';
import { quietParent } from './overlay-sysctls.ts';

/** What the NodeOverlayIPs of this node ask for, and the ways that they open to routes. */
export interface OverlayPlan {
  readonly plans: readonly ResourcePlan[];
  readonly problems: readonly Problem[];
  readonly ways: OverlayWays;
  /** Of addresses that are there, or coming. */
  readonly networks: readonly OverlayNetwork[];
  /** As in `NodePlan`. */
  readonly revoked: readonly Address[];
}

/** What becomes of one NodeOverlayIP. */
interface Outcome {
  readonly plan: ResourcePlan;
  readonly problems: readonly Problem[];
  readonly ends: ReadonlyMap<Family, OverlayEnd>;
  /** Which it has, or is about to get. */
  readonly networks: readonly OverlayNetwork[];
}

/** Of two that want the same device or overlapping networks, the older has it. */
export function planOverlays(
  resources: Pick<ResourceSnapshot, 'overlayPools' | 'nodeOverlayIPs'>,
  world: Omit<OverlayWorld, 'networks'>,
): OverlayPlan {
  const [own, revoked] = ofNode(resources.nodeOverlayIPs, world.node.name);
  const owners = new Map<string, NodeOverlayIP>();
  const networks: OverlayNetwork[] = [];
  const outcomes = own.sort(olderFirst).map((ip) => {
    const pool = resources.overlayPools.find(({ meta }) => meta.ref.name === ip.pool);
    const outcome = planOne(withGateways(ip, pool), ip.interface ?? pool?.interface, owners, { ...world, networks });
    networks.push(...outcome.networks);
    return [ip.pool, outcome] as const;
  });
  return {
    plans: outcomes.map(([, { plan }]) => plan),
    networks,
    revoked: revoked.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    problems: outcomes.flatMap(([, { problems }]) => problems),
    ways: new Map(outcomes.map(([pool, { ends }]) => [pool, ends])),
  };
}

/** Those that count, and those that are being deleted. */
function ofNode(all: readonly NodeOverlayIP[], name: string): readonly [NodeOverlayIP[], readonly NodeOverlayIP[]] {
  const own = all.filter(({ node }) => node === name);
  return [own.filter(({ deleting }) => !deleting), own.filter(({ deleting }) => deleting)];
}

/** Where no controller has told the gateway, the range that holds the address does. */
function withGateways(ip: NodeOverlayIP, pool: OverlayPool | undefined): NodeOverlayIP {
  const ranges = pool?.ipam.type === 'cluster' ? pool.ipam.ranges : [];
  const addresses = ip.addresses.map((own): OverlayAddress => {
    const gateway = own.gateway ?? ranges.find(({ subnet }) => subnet.has(own.address))?.gateway;
    return { ...own, ...(gateway && { gateway }) };
  });
  return { ...ip, addresses };
}

function planOne(
  ip: NodeOverlayIP,
  settings: OverlayInterface | undefined,
  owners: Map<string, NodeOverlayIP>,
  world: OverlayWorld,
): Outcome {
  const { nodeName } = world.around;
  const { name } = ip.meta.ref;
  if (!ip.granted) {
    const message = `the addresses of ${name} are not granted to node ${nodeName}: see "kubectl describe nodeoverlayip ${name}"`;
    return held(ip, { code: 'AddressNotGranted', message }, settings, world);
  }
  if (!settings) {
    return held(
      ip,
      { code: 'NoSuchPool', message: `there is no OverlayPool "${ip.pool}" to say on which device ${name} goes: create it` },
      settings,
      world,
    );
  }
  const place = deviceFor(ip, settings, world.around);
  if ('code' in place) return held(ip, place, settings, world);
  const owner = place.link && owners.get(place.name);
  if (owner) {
    const message = `device ${place.name} of node ${nodeName} is for NodeOverlayIP ${owner.meta.ref.name}: give one of the two pools another interface.name`;
    return held(ip, { code: 'Conflict', message }, settings, world);
  }
  owners.set(place.name, ip);
  return onDevice(ip, place, world);
}

/** What of ours there is for it stays as it is, with its routes, and so does what keeps the parent from answering for it, whatever has become of our mark. */
function held(ip: NodeOverlayIP, fault: Fault, settings: OverlayInterface | undefined, { around: { facts }, node }: OverlayWorld): Outcome {
  const { plan, ...rest } = refused(ip, fault);
  const isMade = ({ name, likeOurs }: Link): boolean => likeOurs === true || (settings?.type === 'Macvlan' && settings.name === name);
  const carries = ({ index }: Link): boolean =>
    facts.addresses.some(
      ({ device, ours, address }) => ours && device.index === index && ip.addresses.some((own) => own.address.equals(address)),
    );
  const links = facts.links.filter((link) => poolOf(link) === ip.pool || (isMade(link) && carries(link)));
  const parents = facts.links.filter(({ index }) => links.some(({ parent }) => parent === index));
  const ends = new Map(ip.addresses.map((wanted) => [wanted.address.family, heldEnd(wanted, ip.pool, facts) ?? fault] as const));
  const heldPlan = {
    ...plan,
    sysctls: parents.flatMap((parent) => quietParent(parent, node.remembered)),
    heldLinks: links.map(({ name }) => name),
    heldAddresses: ip.addresses.map(({ address }) => address),
    nextHops: hopsOf(ends),
  };
  return { ...rest, ends, plan: heldPlan };
}

/** Where routes leave by an address that is in place, on a device that works. */
function heldEnd({ address, gateway }: OverlayAddress, pool: string, facts: NodeFacts): OverlayEnd | undefined {
  const own = facts.addresses.find((each) => each.address.equals(address) && each.state === 'valid' && isCarried(each, pool, facts));
  return gateway && own && { hop: { gateway, device: own.device, onLink: false }, source: address };
}

function isCarried({ device, ours }: InterfaceAddress, pool: string, { links }: NodeFacts): boolean {
  const link = links.find(({ index }) => index === device.index);
  if (!link?.up) return false;
  return poolOf(link) === pool ? links.some(({ index, up }) => index === link.parent && up) : ours && poolOf(link) === undefined;
}

function refused(ip: NodeOverlayIP, fault: Fault): Outcome {
  return {
    plan: { ...NOTHING_PLANNED, meta: ip.meta },
    problems: [{ ...fault, subject: ip.meta.ref }],
    ends: new Map(ip.addresses.map(({ address }) => [address.family, fault])),
    networks: [],
  };
}

function onDevice(ip: NodeOverlayIP, place: Place, world: OverlayWorld): Outcome {
  const verdicts = ip.addresses.map((wanted) => ({ wanted, ...judge(wanted, place, world) }));
  const ends = new Map(verdicts.map(({ wanted, fault }) => [wanted.address.family, fault ?? endOf(ip, wanted, place)]));
  const plan: ResourcePlan = {
    ...NOTHING_PLANNED,
    meta: ip.meta,
    links: place.link ? [place.link] : [],
    addresses: verdicts.flatMap(({ planned }) => planned ?? []),
    probes: verdicts.flatMap(({ probe }) => probe ?? []),
    sysctls: place.link ? quietParent(place.parent, world.node.remembered) : [],
    nextHops: hopsOf(ends),
  };
  const intrusions = verdicts.flatMap(
    ({ wanted, planned }) => (planned && intrusion(wanted, connectedRoute(wanted, deviceOf(place)), place, world)) ?? [],
  );
  const faults = [...[...ends.values()].filter((end) => 'code' in end), ...intrusions];
  const distinct = [...new Map(faults.map((fault) => [fault.message, fault])).values()];
  const networks = verdicts.filter(isComing).map(({ wanted: { address, prefixLength } }) => {
    return { owner: ip.meta.ref, prefix: Prefix.of(address, prefixLength), device: place.name };
  });
  return { plan, ends, networks, problems: distinct.map((fault) => ({ ...fault, subject: ip.meta.ref })) };
}

function hopsOf(ends: Outcome['ends']): ResourcePlan['nextHops'] {
  return new Map([...ends].flatMap(([family, end]) => ('hop' in end ? [[family, end.hop] as const] : [])));
}

/** Whether nothing stands against an address, though it may not be there yet. */
function isComing({ planned, fault }: Verdict): boolean {
  return planned !== undefined || fault?.code === 'OverlayPending' || fault?.code === 'DeviceDown' || fault?.code === 'KernelRefused';
}

interface Verdict {
  readonly planned?: PlannedAddress;
  readonly probe?: Probe;
  /** Why routes cannot use it yet, or cannot at all. */
  readonly fault?: Fault;
}

/**
 * One address, from refusal by way of the probe to its place on the device. The parent asks, which is on the same link: a macvlan of ours
 * has no address yet, so from there the kernel would ask with its link-layer address and an address of another device, and everybody who
 * hears that sends what is for the node to the wrong device, where a reverse-path filter drops it.
 */
function judge(wanted: OverlayAddress, place: Place, world: OverlayWorld): Verdict {
  const refusal = obstacle(wanted, connectedRoute(wanted, deviceOf(place)), place, world);
  const { address, prefixLength } = wanted;
  const { device, label } = place;
  const probe = { device: refOf(place.parent), address };
  if (refusal) return { fault: refusal, ...(refusal.code === 'AddressInUse' && device && { probe }) };
  const what = `${address}/${prefixLength}`;
  const on = `${place.name} of node ${world.node.name}`;
  if (!device) return { fault: pending(`${on} is made for ${what}`) };
  const planned: PlannedAddress = { device, address, prefixLength, ...(address.family === 4 && ofIPv4(wanted, label)) };
  const present = world.around.facts.addresses.find((own) => own.device.index === device.index && own.address.equals(address));
  if (!place.isUp) return { ...(present && { planned }), fault: isDown(place, on) };
  if (present?.state === 'tentative') {
    const waits = pending(`the kernel asks whether somebody else has ${what} before it uses it on ${on}`);
    return { planned, fault: deaf(place, on, what) ?? waits };
  }
  if (present?.prefixLength === prefixLength) {
    const { network, fault } = networkLoss(present, place, world);
    return { planned: network ? { ...planned, network } : planned, ...(fault && { fault }) };
  }
  if (present) return { planned, fault: pending(`${what} is added to ${on}`) };
  const asks = address.family === 4 && !world.node.probed.has(probeKey(probe));
  if (!asks) return { planned, fault: pending(`${what} is added to ${on}`) };
  const fault = deaf(place, on, what);
  if (fault) return { fault };
  return { probe, fault: asking(probe, what, world) };
}

function asking(probe: Probe, what: string, { node }: OverlayWorld): Fault {
  const why = node.unasked?.get(probeKey(probe));
  if (why !== undefined) return { code: 'KernelRefused', message: `node ${node.name}: ${why}; it is asked again every second` };
  return pending(`it is asked on ${probe.device.name} of node ${node.name} whether somebody else has ${what}`);
}

/** The kernel asks for an IPv6 gateway in the name of a link-local address, which announces nothing. */
function ofIPv4({ gateway }: OverlayAddress, label: string | undefined): Pick<PlannedAddress, 'label' | 'announceTo'> {
  return { ...(label !== undefined && { label }), ...(gateway && { announceTo: gateway }) };
}

/** A device of ours comes up by itself; the parent is somebody else's. */
function isDown({ link, parent }: Place, on: string): Fault {
  return link && parent.up ? pending(`${on} is brought up`) : parentDown(parent, on);
}

function parentDown({ name }: Link, on: string): Fault {
  return { code: 'DeviceDown', message: `device ${name}, which carries ${on}, is down: bring it up with "ip link set ${name} up"` };
}

/** Why nobody could be heard; undefined when it can be asked. */
function deaf({ parent }: Place, on: string, what: string): Fault | undefined {
  if (!parent.up) return parentDown(parent, on);
  if (parent.carrier) return undefined;
  const why = `has no carrier, so nobody can be asked whether ${what} is free`;
  return { code: 'DeviceDown', message: `device ${parent.name}, which carries ${on}, ${why}: mend its link, and it is asked at once` };
}

function pending(message: string): Fault {
  return { code: 'OverlayPending', message };
}

function endOf(ip: NodeOverlayIP, { address, gateway }: OverlayAddress, place: Place): OverlayEnd {
  if (gateway) return { hop: { gateway, device: deviceOf(place), onLink: false }, source: address };
  const message = `no gateway is known for ${address}: OverlayPool ${ip.pool} has no range that holds it, and the status of ${ip.meta.ref.name} names none`;
  return { code: 'NoGatewayForFamily', message };
}

/** The kernel has no device with such an index: a route by it is in nobody's way. */
function deviceOf({ device, name }: Place): NonNullable<Place['device']> {
  return device ?? { index: -1, name };
}
