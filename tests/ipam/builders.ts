import { Address } from '../../src/core/ip/address.ts';
import { Prefix } from '../../src/core/ip/prefix.ts';
import type { IpamRecord, Range } from '../../src/ipam/provider.ts';

/** Short ways to write the ranges that allocation tests are about. */

export const address = (text: string): Address => Address.parse(text);
export const prefix = (text: string): Prefix => Prefix.parse(text);

/** The gateway defaults to the first address after the network's own. */
export function range(subnet: string, change: Partial<Range> & { readonly gatewayText?: string } = {}): Range {
  const parsed = prefix(subnet);
  const { gatewayText, ...rest } = change;
  const gateway = gatewayText === undefined ? new Address(parsed.family, parsed.bits + 1n) : address(gatewayText);
  return { zone: undefined, subnet: parsed, gateway, excluded: [], records: new Map(), ...rest };
}

/** `{ '192.168.100.4': 'node-1', '192.168.100.9': undefined }`: whose the records are. */
export function records(nodes: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, IpamRecord> {
  return new Map(Object.entries(nodes).map(([text, node], i) => [text, { record: String(i + 1), node, holder: node ?? 'printer-7' }]));
}
