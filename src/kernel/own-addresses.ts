import type { InterfaceAddress } from '../core/facts.ts';
import { PROTOCOL_KERNEL, type Route, TABLE_MAIN } from '../core/route.ts';

/** The address of ours for whose network the kernel has made a route; undefined for all other routes. */
export function addressBehind({ prefix, spec }: Route, addresses: readonly InterfaceAddress[]): InterfaceAddress | undefined {
  const [hop] = spec.hops;
  if (spec.protocol !== PROTOCOL_KERNEL || spec.table !== TABLE_MAIN || spec.type !== 'unicast' || !hop?.device || hop.gateway)
    return undefined;
  const { index } = hop.device;
  return addresses.find(
    ({ ours, device, address, prefixLength }) =>
      ours && device.index === index && prefixLength === prefix.length && prefix.has(address) && (spec.source?.equals(address) ?? true),
  );
}
