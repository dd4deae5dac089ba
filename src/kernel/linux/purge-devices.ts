import { isMarked, type Link, poolOf } from '../../core/facts.ts';
import type { PlannedAddress } from '../../core/plan.ts';
import { formatAddress } from '../../core/render.ts';
import type { DeviceRef } from '../../core/route.ts';
import type { Purged } from '../kernel.ts';
import { listAddresses, listLinks } from './listing.ts';
import type { AddressMark } from './netlink/addresses.ts';
import type { Dumper } from './netlink/dump.ts';
import type { Exchange } from './netlink/exchange.ts';
import { encodeRemoveLink } from './netlink/link-changes.ts';
import { removalOf } from './remove-address.ts';

/** Addresses and devices with our mark, read from the kernel at this moment. */
interface Marked {
  readonly addresses: readonly Omit<PlannedAddress, 'label'>[];
  readonly links: readonly Link[];
}

/**
 * Takes away every address and every device that carries our mark. A mark on a device that we could not have made is somebody's mistake:
 * that one is left. Whatever the kernel answers: the next list tells.
 * @throws KernelUnavailable
 */
export function purgeDevices(exchange: Exchange, dumper: Dumper, mark: AddressMark): Purged {
  const before = listMarked(dumper, mark);
  for (const address of before.addresses) {
    const remove = removalOf(exchange, address);
    exchange.request((writer) => remove(writer, 1));
  }
  for (const { index } of before.links.filter((link) => poolOf(link) !== undefined))
    exchange.request((writer) => encodeRemoveLink(writer, 1, index));
  const left = textsOf(listMarked(dumper, mark));
  return { removed: textsOf(before).filter((text) => !left.includes(text)), left };
}

function listMarked(dumper: Dumper, mark: AddressMark): Marked {
  const links = listLinks(dumper);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const device = (index: number): DeviceRef => ({ index, name: names.get(index) ?? `if${index}` });
  const addresses = listAddresses(dumper, mark).flatMap(({ index, address, prefixLength, ours }) =>
    ours ? [{ device: device(index), address, prefixLength }] : [],
  );
  return { addresses, links: links.filter(isMarked) };
}

function textsOf({ addresses, links }: Marked): readonly string[] {
  return [...addresses.map(formatAddress), ...links.map(({ name, alias }) => `device ${name} alias ${alias}`)];
}
