import { type InterfaceAddress, isConnectedNetwork, marksAddresses, type NodeFacts, poolOf } from '../facts.ts';
import type { Prefix } from '../ip/prefix.ts';
import { probeKey } from '../plan.ts';
import { formatRoute } from '../render.ts';
import { formatRef, type OverlayAddress, type ResourceRef } from '../resources.ts';
import type { Route } from '../route.ts';
import type { Fault, Surroundings } from './next-hop.ts';
import type { NodeIdentity } from './node.ts';
import type { Place } from './overlay-device.ts';
import { forbids, type Protection } from './protection.ts';

/** All that decides about the addresses of one NodeOverlayIP. */
export interface OverlayWorld {
  readonly around: Surroundings;
  readonly protection: Protection;
  readonly node: NodeIdentity;
  /** What older NodeOverlayIPs have, or get in this very plan. */
  readonly networks: readonly OverlayNetwork[];
}

/** The network of an address, and the device that connects the node to it. */
export interface OverlayNetwork {
  readonly owner: ResourceRef;
  readonly prefix: Prefix;
  readonly device: string;
}

/** Why an address must not be on this node; undefined when it may. `connected` is the route that the kernel makes for its network. */
export function obstacle(wanted: OverlayAddress, connected: Route, place: Place, world: OverlayWorld): Fault | undefined {
  if (isInPlace(wanted, place, world.around.facts)) return unmarkable(wanted, world) ?? inUse(wanted, place, world);
  return (
    unmarkable(wanted, world) ??
    elsewhere(wanted, place, world) ??
    overlap(connected, place, world) ??
    inUse(wanted, place, world) ??
    harm(connected, world)
  );
}

/** What of others came beside an address that is in place. That would keep it away, but takes nothing away that works: it is only said. */
export function intrusion(wanted: OverlayAddress, connected: Route, place: Place, world: OverlayWorld): Fault | undefined {
  if (!isInPlace(wanted, place, world.around.facts)) return undefined;
  const fault = elsewhere(wanted, place, world) ?? overlapInPlace(connected, place, world);
  return fault && { ...fault, message: `${fault.message}; ${wanted.address} stays on ${place.name} meanwhile` };
}

function isInPlace(wanted: OverlayAddress, place: Place, facts: NodeFacts): boolean {
  return facts.addresses.some(
    (held) => held.device.index === place.device?.index && isSame(held, wanted) && (held.ours || isOnOurs(held, place, facts)),
  );
}

function isSame(held: OverlayAddress, { address, prefixLength }: OverlayAddress): boolean {
  return held.prefixLength === prefixLength && held.address.equals(address);
}

/** Whoever changes an address takes our mark off it; on a device of ours it is ours nevertheless. */
function isOnOurs({ device }: InterfaceAddress, { link }: Place, { links }: NodeFacts): boolean {
  return link !== undefined && links.some((other) => other.index === device.index && poolOf(other) === link.pool);
}

/** An older kernel has a label for IPv4, and nothing for IPv6: nobody could tell later whose the address is. */
function unmarkable({ address }: OverlayAddress, { around, node }: OverlayWorld): Fault | undefined {
  if (address.family === 4 || marksAddresses(around.facts.kernelRelease)) return undefined;
  const message = `Linux ${around.facts.kernelRelease} of node ${node.name} cannot mark ${address} as Fairlead's: IPv6 overlay addresses need Linux 5.18 or later`;
  return { code: 'KernelTooOld', message };
}

/** The kernel answers for an address on whatever device it is: twice on one node is once too often. */
function elsewhere(wanted: OverlayAddress, place: Place, { around: { facts }, node }: OverlayWorld): Fault | undefined {
  const { address } = wanted;
  const other = facts.addresses.find(
    (held) => held.address.equals(address) && !held.ours && !(isSame(held, wanted) && isOnOurs(held, place, facts)),
  );
  if (!other) return undefined;
  const what = `${address}/${other.prefixLength} dev ${other.device.name}`;
  const fix = `delete it ("ip address delete ${what}"), so that only ${place.name} has it`;
  return { code: 'Conflict', message: `node ${node.name} has ${what} from somebody else: ${fix}` };
}

/**
 * A network that the node is connected to already would have two devices: with strict reverse-path filtering not even an ARP request gets
 * through then, and no counter tells. On the parent itself it is just one more address.
 */
function overlap(connected: Route, place: Place, world: OverlayWorld): Fault | undefined {
  return overlapWithOlder(connected, place, world) ?? overlapWith(networksBeside(connected, place, world), connected, place, world);
}

/** What connects the node to the networks of other NodeOverlayIPs: of two that are in place, the younger is at fault. */
function overlapInPlace(connected: Route, place: Place, world: OverlayWorld): Fault | undefined {
  const { facts } = world.around;
  const foreign = networksBeside(connected, place, world).filter((network) => !isOverlay(network, facts));
  return overlapWithOlder(connected, place, world) ?? overlapWith(foreign, connected, place, world);
}

function overlapWithOlder({ prefix }: Route, { name }: Place, { networks, node }: OverlayWorld): Fault | undefined {
  const older = networks.find((other) => other.device !== name && other.prefix.overlaps(prefix));
  if (!older) return undefined;
  const whose = `${older.prefix} of ${formatRef(older.owner)}, on ${older.device} of node ${node.name}`;
  return { code: 'OverlapsNetwork', message: `${prefix} overlaps ${whose}: give one of the two pools another range` };
}

function overlapWith([network]: readonly Route[], { prefix }: Route, { parent }: Place, { node }: OverlayWorld): Fault | undefined {
  if (!network) return undefined;
  const onParent = network.spec.hops[0]?.device?.index === parent.index;
  const fix = onParent ? 'set interface.type of the pool to Address' : 'use another range';
  return {
    code: 'OverlapsNetwork',
    message: `${prefix} overlaps a network that node ${node.name} is connected to ("${formatRoute(network)}"): ${fix}`,
  };
}

function networksBeside({ prefix }: Route, { type, device, parent }: Place, { around: { facts } }: OverlayWorld): Route[] {
  const own = type === 'Address' ? parent.index : device?.index;
  return facts.routes.filter((route) => route.prefix.overlaps(prefix) && isNetworkBeside(route, own, facts));
}

/** Whether it is an overlay address that makes the node be in a network. */
function isOverlay({ prefix, spec }: Route, { links, addresses }: NodeFacts): boolean {
  const index = spec.hops[0]?.device?.index;
  const isOf = ({ device, address, prefixLength }: InterfaceAddress): boolean =>
    device.index === index && prefixLength === prefix.length && prefix.has(address);
  return links.some((link) => link.index === index && poolOf(link) !== undefined) || addresses.some((held) => held.ours && isOf(held));
}

function isNetworkBeside(route: Route, own: number | undefined, facts: NodeFacts): boolean {
  return isConnectedNetwork(route, facts) && route.spec.hops[0]?.device?.index !== own;
}

/** The kernel finds an IPv6 duplicate on the device itself; about IPv4 the parent has asked. */
function inUse({ address }: OverlayAddress, { device, name, parent }: Place, { around, node }: OverlayWorld): Fault | undefined {
  const found = device && around.facts.addresses.find((held) => held.device.index === device.index && held.address.equals(address));
  const holder = device && node.probed.get(probeKey({ device: parent, address }));
  if (found?.state !== 'duplicate' && (holder === undefined || found)) return undefined;
  const who = holder === undefined ? 'another host' : holder;
  const where = found?.state === 'duplicate' ? name : parent.name;
  const fix = 'find that host, or delete the NodeOverlayIP and ask for another address; it is asked again every 30 seconds';
  return {
    code: 'AddressInUse',
    message: `${who} answers for ${address} on ${where} of node ${node.name}, so the address is not used: ${fix}`,
  };
}

function harm(connected: Route, { around, protection }: OverlayWorld): Fault | undefined {
  const message = forbids(protection, around.fib, connected);
  return message === undefined ? undefined : { code: 'ProtectedPath', message: `${message}: use another range` };
}
