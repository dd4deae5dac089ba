import type { AddressChange, LinkChange } from '../core/change.ts';
import { type InterfaceAddress, isMarked, type Link, poolOf } from '../core/facts.ts';
import type { PlannedAddress } from '../core/plan.ts';
import { formatAddress } from '../core/render.ts';
import type { DeviceRef, Route } from '../core/route.ts';
import type { FakeNetwork, Refusal } from './fake-network.ts';
import type { Purged } from './kernel.ts';
import { recognised } from './link-address.ts';

/** What a change of ours came to, and the routes that the kernel dropped with it. */
interface Outcome {
  readonly refusal: Refusal | undefined;
  readonly dropped: readonly Route[];
}

const NO_DEVICE: Refusal = { code: 'ESRCH', message: 'there is no such device of ours' };
const NO_ADDRESS: Refusal = { code: 'ESRCH', message: 'there is no such address of ours' };

/** Carries out a change of devices or addresses of ours. `dad`: what comes of a new IPv6 address. */
export function changeDevice(network: FakeNetwork, change: LinkChange | AddressChange, dad: InterfaceAddress['state']): Outcome {
  switch (change.op) {
    case 'add-link':
      return refused(network.links.make(change.link));
    case 'set-link':
      return refused(isSettable(network, change) ? network.links.repair(change.device.index, change.link) : NO_DEVICE);
    case 'remove-link':
      return removeLink(network, change.device, change.pool);
    case 'add-address':
      return refused(change.marks ? markAddress(network, change.address) : addAddress(network, change.address, dad));
    case 'add-network':
      return refused(addNetwork(network, change));
    case 'remove-address':
      return removeAddress(network, change.address);
  }
}

/** Every address and device with our mark. A mark on a device that we could not have made is somebody's mistake: that one is left. */
export function purgeDevices(network: FakeNetwork): Purged {
  const marked = network.links.values().filter(isMarked);
  const addresses = network.links
    .values()
    .flatMap(({ index }) => network.addresses.filter((held) => held.ours && held.device.index === index));
  for (const { device, address } of addresses) network.removeAddress(device.name, address);
  const [gone, left] = [marked.filter(isOurs), marked.filter((link) => !isOurs(link))];
  for (const { name } of gone) network.removeLink(name);
  const text = ({ name, alias }: Link): string => `device ${name} alias ${alias}`;
  return { removed: [...addresses.map(formatAddress), ...gone.map(text)], left: left.map(text) };
}

function isOurs(link: Link): boolean {
  return poolOf(link) !== undefined;
}

function removeLink(network: FakeNetwork, device: DeviceRef, pool: string): Outcome {
  const link = oursAt(network, device);
  if (!link || poolOf(link) !== pool) return refused(NO_DEVICE);
  return { refusal: undefined, dropped: network.removeLink(link.name) };
}

function addAddress(network: FakeNetwork, planned: PlannedAddress, dad: InterfaceAddress['state']): Refusal | undefined {
  const { device, address, prefixLength } = planned;
  const link = network.links.get(device.index);
  if (!link) return { code: 'ENODEV', message: 'the device does not exist' };
  if (network.addressOf(link.index, address, prefixLength)) return { code: 'EEXIST', message: 'the device has this address already' };
  network.addAddress(link.name, address, prefixLength, { ours: true, state: address.family === 6 ? dad : 'valid' });
  return undefined;
}

function markAddress(network: FakeNetwork, { device, address, prefixLength }: PlannedAddress): Refusal | undefined {
  const held = network.addressOf(device.index, address, prefixLength);
  if (!held || held.ours || !oursAt(network, device)) return NO_ADDRESS;
  network.markAddress(device.index, address, true);
  return undefined;
}

function addNetwork(
  network: FakeNetwork,
  { address: planned, network: route }: Extract<AddressChange, { op: 'add-network' }>,
): Refusal | undefined {
  if (!network.addressOf(planned.device.index, planned.address, planned.prefixLength)?.ours) return NO_ADDRESS;
  const refusal = network.add(route);
  return refusal?.code === 'EEXIST' ? undefined : refusal;
}

function removeAddress(network: FakeNetwork, { device, address, prefixLength }: Omit<PlannedAddress, 'label'>): Outcome {
  const held = network.addressOf(device.index, address, prefixLength);
  if (!held?.ours || held.prefixLength !== prefixLength) return refused(NO_ADDRESS);
  return { refusal: undefined, dropped: network.removeAddress(held.device.name, address) };
}

function isSettable(network: FakeNetwork, { device, link }: Extract<LinkChange, { op: 'set-link' }>): boolean {
  const present = recognised(network.links.values()).find(({ index }) => index === device.index);
  const adopted = link.adopts && present?.likeOurs && present.name === link.name && present.parent === link.parent.index;
  return adopted === true || oursAt(network, device) !== undefined;
}

function oursAt(network: FakeNetwork, { index }: DeviceRef): Link | undefined {
  const link = network.links.get(index);
  return link && isOurs(link) ? link : undefined;
}

function refused(refusal: Refusal | undefined): Outcome {
  return { refusal, dropped: [] };
}
