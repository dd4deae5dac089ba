import { type InterfaceAddress, LABEL_MARK, type Link, linkNamed, marksAddresses, type NodeFacts, poolOf } from '../facts.ts';
import { Prefix } from '../ip/prefix.ts';
import type { PlannedLink } from '../plan.ts';
import { listSome } from '../render.ts';
import type { NodeOverlayIP, OverlayInterface, OverlayParent } from '../resources.ts';
import { type DeviceRef, PROTOCOL_KERNEL, TABLE_MAIN } from '../route.ts';
import type { Fault, Surroundings } from './next-hop.ts';

/** Where the overlay addresses of one pool go on this node. */
export interface Place {
  readonly type: OverlayInterface['type'];
  readonly parent: Link;
  /** The macvlan device that there is to be; undefined when the addresses go on the parent. */
  readonly link?: PlannedLink;
  /** The device that carries the addresses, once it is there. */
  readonly device?: DeviceRef;
  /** Whether that device is up, and its parent with it. */
  readonly isUp: boolean;
  /** Its name, there or not. */
  readonly name: string;
  /** IPv4 label, where the kernel has no other place for our mark. */
  readonly label?: string;
}

/** Every device that is up has such an address. */
const LINK_LOCAL = Prefix.parse('fe80::/10');
/** IFNAMSIZ less the final zero. */
const LABEL_LENGTH = 15;

export function deviceFor(ip: NodeOverlayIP, settings: OverlayInterface, around: Surroundings): Place | Fault {
  const parent = parentOf(settings.parent, around);
  if ('code' in parent) return parent;
  return settings.type === 'Macvlan' ? onMacvlan(ip, settings.name, parent, around) : onParent(parent, around);
}

function onMacvlan(ip: NodeOverlayIP, name: string, parent: Link, { facts, nodeName }: Surroundings): Place | Fault {
  const { pool } = ip;
  const present = linkNamed(facts, name);
  const adopts = present !== undefined && hasLostMark(present, parent, ip, facts);
  if (present && poolOf(present) !== pool && !adopts) return somebodyElses(present, parent, facts, nodeName);
  const stays = present && staysBelow(present, parent, facts, nodeName);
  if (stays) return stays;
  const link: PlannedLink = { name, parent: refOf(parent), mtu: parent.mtu, pool, ...(adopts && { adopts }) };
  const isRight = present?.parent === parent.index;
  return {
    type: 'Macvlan',
    parent,
    link,
    name,
    isUp: isRight && present.up && parent.up,
    ...(isRight && { device: refOf(present) }),
    ...labelOn(name, facts),
  };
}

/** A device on a parent that works does not move to one where nothing would get through. */
function staysBelow({ name, parent: below }: Link, parent: Link, { links }: NodeFacts, nodeName: string): Fault | undefined {
  const present = links.find(({ index }) => index === below);
  if (!present || present.index === parent.index || !isConnected(present) || isConnected(parent)) return undefined;
  const [why, fix] = parent.up ? ['has no carrier', 'mend its link'] : ['is down', `bring it up with "ip link set ${parent.name} up"`];
  const message = `device ${parent.name}, to which ${name} of node ${nodeName} is to move, ${why}: ${fix}; ${name} stays on ${present.name} meanwhile`;
  return { code: 'DeviceDown', message };
}

function isConnected({ up, carrier }: Link): boolean {
  return up && carrier;
}

/** Somebody has taken our mark off a device that can only be ours; no address on it says that it is another pool's, or in use by others. */
function hasLostMark(present: Link, parent: Link, ip: NodeOverlayIP, facts: NodeFacts): boolean {
  if (!present.likeOurs || present.parent !== parent.index || foreignOn(present, facts)) return false;
  const marked = facts.addresses.filter(({ device, ours }) => ours && device.index === present.index);
  return marked.length === 0 || marked.some((held) => ip.addresses.some(({ address }) => address.equals(held.address)));
}

/** IPv6 addresses come by themselves, from router advertisements. */
function foreignOn({ index }: Link, { addresses }: NodeFacts): InterfaceAddress | undefined {
  return addresses.find(({ device, address, ours }) => device.index === index && address.family === 4 && !ours);
}

function somebodyElses(present: Link, parent: Link, facts: NodeFacts, nodeName: string): Fault {
  const { name, likeOurs } = present;
  const pool = poolOf(present);
  const foreign = likeOurs && foreignOn(present, facts);
  if (foreign) {
    const what = `${foreign.address}/${foreign.prefixLength} dev ${name}`;
    const fix = `take that off ("ip address delete ${what}"), or delete the device ("ip link delete ${name}"), which is then made anew`;
    return {
      code: 'Conflict',
      message: `node ${nodeName} has a device ${name} that lost Fairlead’s alias and has ${what} from somebody else: ${fix}`,
    };
  }
  const whose = pool === undefined ? 'is not Fairlead’s' : `is that of OverlayPool ${pool}`;
  const rename = 'give the pool another interface.name';
  const isIdle = pool === undefined && present.index !== parent.index && carriesNothing(present, facts);
  const fix = isIdle ? `delete it there ("ip link delete ${name}") when nobody needs it, or ${rename}` : rename;
  return { code: 'Conflict', message: `node ${nodeName} has a device ${name} that ${whose}: ${fix}` };
}

/** Kinds that are there for nothing but what is on them: of others, a bridge say, it cannot be seen who uses them. */
const PLAIN_KINDS: readonly (string | undefined)[] = ['macvlan', 'dummy'];

/** Whether nobody’s traffic ends with a device, as far as can be seen. Deleting one that carries something can cut the node off. */
function carriesNothing({ index, kind }: Link, { links, addresses, routes }: NodeFacts): boolean {
  const isOn = (device: DeviceRef | undefined): boolean => device?.index === index;
  return (
    PLAIN_KINDS.includes(kind) &&
    !links.some(({ parent }) => parent === index) &&
    !addresses.some(({ device, address, ours }) => isOn(device) && !ours && !LINK_LOCAL.has(address)) &&
    // The kernel’s own routes come and go with the addresses.
    !routes.some(({ spec }) => spec.protocol !== PROTOCOL_KERNEL && spec.hops.some(({ device }) => isOn(device)))
  );
}

function onParent(parent: Link, { facts }: Surroundings): Place {
  return { type: 'Address', parent, device: refOf(parent), isUp: parent.up, name: parent.name, ...labelOn(parent.name, facts) };
}

function labelOn(device: string, { kernelRelease }: NodeFacts): Pick<Place, 'label'> {
  return marksAddresses(kernelRelease) ? {} : { label: `${device.slice(0, LABEL_LENGTH - LABEL_MARK.length)}${LABEL_MARK}` };
}

function parentOf(parent: OverlayParent, around: Surroundings): Link | Fault {
  const found = 'name' in parent ? named(parent.name, around) : toward(parent, around);
  if ('code' in found) return found;
  const reason = unsuitable(found);
  if (reason === undefined) return found;
  const fix = 'name another one with interface.parent.name';
  return {
    code: 'DeviceUnsuitable',
    message: `device ${found.name} of node ${around.nodeName} cannot carry overlay addresses, ${reason}: ${fix}`,
  };
}

/** The kernel makes a macvlan device on Ethernet only, and only there it can be asked who has an address. */
function unsuitable(parent: Link): string | undefined {
  if (parent.loopback) return 'it is the loopback';
  if (poolOf(parent) !== undefined) return 'it is itself an overlay device';
  return parent.mac === undefined ? 'it has no Ethernet address (as tunnels and VPN devices have none)' : undefined;
}

function named(name: string, { facts, nodeName }: Surroundings): Link | Fault {
  const link = linkNamed(facts, name);
  if (link) return link;
  const others = facts.links.filter((other) => !other.loopback && poolOf(other) === undefined).map((other) => other.name);
  const message = `node ${nodeName} has no device ${name} for overlay addresses (it has ${listSome(others, 8)}): they are added when it appears`;
  return { code: 'DeviceMissing', message };
}

/** The device of the longest route of others that covers a prefix; the default route only when it is asked for. */
function toward({ toward: target }: Extract<OverlayParent, { toward: unknown }>, { facts, fib, nodeName }: Surroundings): Link | Fault {
  const routes = fib
    .covering(TABLE_MAIN, target)
    .filter(({ spec, prefix }) => spec.type === 'unicast' && (prefix.length > 0 || target.length === 0));
  const links = routes.flatMap(({ spec }) => spec.hops.flatMap(({ device }) => linkOf(facts, device)));
  const link = links.find((candidate) => poolOf(candidate) === undefined);
  if (link) return link;
  const message = `no route of node ${nodeName} covers ${target}, so the device for overlay addresses is not known: name it with interface.parent.name`;
  return { code: 'NoCoveringRoute', message };
}

function linkOf(facts: NodeFacts, device: DeviceRef | undefined): Link[] {
  const link = facts.links.find(({ index }) => index === device?.index);
  return link ? [link] : [];
}

export function refOf({ index, name }: Link): DeviceRef {
  return { index, name };
}
