import assert from 'node:assert/strict';
import type { Change, Drift } from '../../core/change.ts';
import { type Link, linkNamed } from '../../core/facts.ts';
import { Address } from '../../core/ip/address.ts';
import type { PlannedAddress, PlannedLink } from '../../core/plan.ts';
import type { DeviceRef } from '../../core/route.ts';
import type { KernelHarness, Maybe } from './harness.ts';
import { addressesOf, lan, listen, succeed } from './support.ts';

/** The addresses of `overlay`, as `addressesOf` writes them. */
export const OVERLAY_ADDRESSES = ['192.168.100.4/24', '2001:db8:100::4/64'] as const;

export function planned(parent: DeviceRef, change: Partial<PlannedLink> = {}): PlannedLink {
  return { name: 'tmp0', parent, mtu: 1500, pool: 'default', ...change };
}

export function plannedAddress({ index, name }: DeviceRef, text: string): PlannedAddress {
  const [address = '', length = ''] = text.split('/');
  return { device: { index, name }, address: Address.parse(address), prefixLength: Number(length) };
}

export function addAddress(device: DeviceRef, text: string): Change {
  return { op: 'add-address', address: plannedAddress(device, text) };
}

export function removeAddress(device: DeviceRef, text: string): Change {
  return { op: 'remove-address', address: plannedAddress(device, text) };
}

export function removeLink({ index, name }: DeviceRef, pool = 'default'): Change {
  return { op: 'remove-link', device: { index, name }, pool };
}

/** A device of ours on a link of its own, as the kernel shows it. */
export async function made(harness: KernelHarness, change: Partial<PlannedLink> = {}): Promise<Link> {
  const parent = await lan(harness);
  await succeed(harness.kernel, [{ op: 'add-link', link: planned(parent, change) }]);
  return link(harness, change.name ?? 'tmp0');
}

/** With an address of ours of each family. */
export async function overlay(harness: KernelHarness): Promise<Link> {
  const device = await made(harness);
  await succeed(
    harness.kernel,
    OVERLAY_ADDRESSES.map((text) => addAddress(device, text)),
  );
  await harness.kernel.observe();
  assert.deepEqual(harness.kernel.takeDrift(), []);
  return link(harness, 'tmp0');
}

export async function link(harness: KernelHarness, name: string): Promise<Link> {
  return linkNamed((await harness.kernel.observe()).facts, name) ?? assert.fail(`there is no device ${name}`);
}

/** Addresses of ours on a device. */
export async function ourAddresses(harness: KernelHarness, device: string): Promise<readonly string[]> {
  const { facts } = await harness.kernel.observe();
  return addressesOf({ ...facts, addresses: facts.addresses.filter(({ ours }) => ours) }, device);
}

/** What somebody else's doing is reported as, one line for each drift, sorted. */
export async function driftAfter(harness: KernelHarness, disturb: () => Maybe<void>): Promise<readonly string[]> {
  const woken = listen(harness.kernel).next();
  await disturb();
  await woken;
  await harness.kernel.observe();
  return harness.kernel.takeDrift().map(describeDrift).sort();
}

export function describeDrift({ event, route, link: name, address, sysctl }: Drift): string {
  if (name !== undefined) return `${event} device ${name}`;
  if (address) return `${event} address ${address.address}/${address.prefixLength} dev ${address.device.name}`;
  return sysctl ? `${event} ${sysctl.device.name} ${sysctl.name}` : `${event} route ${route?.prefix}`;
}
