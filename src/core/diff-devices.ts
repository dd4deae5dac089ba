import type { Change } from './change.ts';
import { type InterfaceAddress, type Link, marksAddresses, type NodeFacts, poolOf } from './facts.ts';
import { LINK_ARP, type NodePlan, type PlannedAddress, type PlannedLink } from './plan.ts';

/** What is to be done about devices and addresses of ours, before the routes and after them. */
export interface DeviceChanges {
  readonly made: readonly Change[];
  readonly gone: readonly Change[];
}

/** Devices are told apart by the pool in their mark; whatever lacks our mark is not looked at. */
export function diffDevices({ resources, revoked = [] }: NodePlan, { links, addresses, kernelRelease }: NodeFacts): DeviceChanges {
  const marked = addresses.filter((address) => address.ours);
  const wanted = resources.flatMap((plan) => plan.links);
  const ours = links.filter((link) => poolOf(link) !== undefined || wanted.some((other) => isOf(link, other)));
  const planned = resources.flatMap((plan) => plan.addresses);
  if (ours.length + marked.length + wanted.length + planned.length === 0) return { made: [], gone: [] };

  const heldLinks = new Set(resources.flatMap((plan) => plan.heldLinks));
  const unwanted = ours.filter((link) => !heldLinks.has(link.name) && !wanted.some((other) => isOf(link, other)));
  const [replaced, surplus] = split(unwanted, (link) => wanted.some((other) => poolOf(link) === other.pool));
  const held = resources.flatMap((plan) => plan.heldAddresses);
  const leaving = marked.filter(
    (own) =>
      !planned.some((other) => isSame(own, other)) &&
      !held.some((address) => address.equals(own.address)) &&
      // It goes with its device.
      !unwanted.some(({ index }) => index === own.device.index),
  );
  const isRevoked = (own: InterfaceAddress): boolean => revoked.some((address) => address.equals(own.address));
  const gone = leaving.map((own): Change => {
    const { device, address, prefixLength } = own;
    return { op: 'remove-address', address: { device, address, prefixLength }, ...(isRevoked(own) && { revoked: true }) };
  });
  const isEmptied = ({ index }: Link): boolean => {
    const onIt = marked.filter(({ device }) => device.index === index);
    return onIt.length > 0 && onIt.every(isRevoked);
  };
  return {
    made: [
      ...replaced.map((link): Change => ({ ...removal(link), replaced: true })),
      ...wanted.flatMap((link) => diffLink(link, ours, planned)),
      ...planned.flatMap((address) => diffAddress(address, addresses, marksAddresses(kernelRelease) ? ours : [])),
    ],
    gone: [...gone, ...surplus.map((link): Change => ({ ...removal(link), ...(isEmptied(link) && { revoked: true }) }))],
  };
}

function diffLink(link: PlannedLink, ours: readonly Link[], planned: readonly PlannedAddress[]): Change[] {
  const present = ours.find((other) => isOf(other, link));
  if (!present) return [{ op: 'add-link', link }];
  const { index, name, up, mtu, mode, arpIgnore, arpAnnounce, formerMac } = present;
  const announceTo = planned.flatMap((address) => (address.device.index === index && address.announceTo) || []);
  const isRight =
    !link.adopts &&
    formerMac === undefined &&
    up &&
    mode !== 'other' &&
    mtu === link.mtu &&
    arpIgnore >= LINK_ARP.arpIgnore &&
    arpAnnounce >= LINK_ARP.arpAnnounce;
  return isRight ? [] : [{ op: 'set-link', link, device: { index, name }, ...(formerMac !== undefined && { announceTo }) }];
}

/** One that is there without our mark is marked: on a device of ours, where it is ours nevertheless. */
function diffAddress(address: PlannedAddress, present: readonly InterfaceAddress[], ours: readonly Link[]): Change[] {
  const held = present.find((other) => isSame(other, address));
  if (!held) return [{ op: 'add-address', address }];
  const marks = !held.ours && ours.some(({ index }) => index === held.device.index);
  const { network } = address;
  return [
    ...(marks ? [{ op: 'add-address' as const, address, marks }] : []),
    ...(network && (held.ours || marks) ? [{ op: 'add-network' as const, address, network }] : []),
  ];
}

/** Name and parent of a device are what it is; all else of it can be set. */
function isOf(present: Link, { name, parent, pool, adopts }: PlannedLink): boolean {
  const isOurs = poolOf(present) === pool || (adopts === true && present.likeOurs === true);
  return isOurs && present.name === name && present.parent === parent.index;
}

function isSame({ device, address, prefixLength }: InterfaceAddress, planned: PlannedAddress): boolean {
  return device.index === planned.device.index && prefixLength === planned.prefixLength && address.equals(planned.address);
}

function removal(link: Link): Extract<Change, { op: 'remove-link' }> {
  return { op: 'remove-link', device: { index: link.index, name: link.name }, pool: poolOf(link) ?? '' };
}

function split<T>(items: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
