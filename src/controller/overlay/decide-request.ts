import type { OverlayAddress } from '../../core/resources.ts';
import type { Range } from '../../ipam/provider.ts';
import { whyReserved } from '../../ipam/reserved.ts';
import { rangesFor, UNUSABLE } from '../../ipam/zone-ranges.ts';
import type { Supply } from './decide-supply.ts';
import { addressText, type OverlayIPView } from './ip-view.ts';
import type { Ledger } from './ledger.ts';
import type { OverlayReason } from './reasons.ts';

export interface Refusal {
  readonly reason: OverlayReason;
  readonly message: string;
}

/** What else there is that may hold an address. */
export interface Holders {
  readonly ledger: Ledger;
  /** The older NodeOverlayIP of another node that asks for it, or has it: by its name. */
  readonly rival: (address: string) => string | undefined;
  /** Whose it is, as the provider has said when it was asked for this very NodeOverlayIP. */
  readonly refused: (address: string) => string | undefined;
  /** Addresses of other pools, with the name of the pool. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** Why a NodeOverlayIP that nobody has been asked about does not get what it names; undefined when it does. Pure. */
export function refusalOf(object: OverlayIPView, zone: string | undefined, supply: Supply, holders: Holders): Refusal | undefined {
  if (object.addresses.length === 0) return outside(`it names no address that can be read: see its spec.addresses`);
  for (const wanted of object.addresses) {
    const refusal = refusalOfAddress(object, wanted, zone, supply) ?? holderOf(object, wanted, supply, holders);
    if (refusal) return refusal;
  }
  return undefined;
}

function refusalOfAddress(object: OverlayIPView, wanted: OverlayAddress, zone: string | undefined, supply: Supply): Refusal | undefined {
  const { address, prefixLength } = wanted;
  const serving = rangesFor(zone, address.family, supply.open, supply.unusable);
  const own = serving === UNUSABLE ? [] : serving;
  const range = own.find(({ subnet }) => subnet.has(address));
  if (!range && serving === UNUSABLE)
    return { reason: 'RangeUnusable', message: `a range for ${where(zone)} cannot be used: see OverlayPool ${object.pool}` };
  if (!range) {
    const ranges =
      own.length === 0
        ? `has no IPv${address.family} range for ${where(zone)}`
        : `gives ${where(zone)} addresses of ${own.map(({ subnet }) => subnet).join(', ')}`;
    return outside(`OverlayPool ${object.pool} ${ranges}, and ${address} is not among them: delete this object, and ask for another`);
  }
  if (prefixLength !== range.subnet.length) {
    return outside(
      `${addressText(wanted)} is of subnet ${range.subnet}: delete this object, and ask for ${address}/${range.subnet.length}`,
    );
  }
  const why = whyReserved(range, address);
  return why === undefined ? undefined : outside(`${address} is never given: ${why}; delete this object, and ask for another`);
}

function holderOf(
  object: OverlayIPView,
  { address }: OverlayAddress,
  supply: Supply,
  { ledger, rival, refused, elsewhere }: Holders,
): Refusal | undefined {
  const entry = ledger.get(address.text);
  if (entry && entry.node !== object.node)
    return taken(address.text, `is that of node ${entry.node}${entry.releasing ? ', and is being given back' : ''}`);
  if (entry?.releasing) return { reason: 'Releasing', message: `${address} is being given back by this very node: it gets it after that` };
  const other = elsewhere.get(address.text);
  if (other !== undefined) return taken(address.text, `is one of OverlayPool ${other}`);
  const older = rival(address.text);
  if (older !== undefined) return taken(address.text, `is asked for by NodeOverlayIP ${older}, which is older`);
  const holder = refused(address.text);
  if (holder !== undefined) return taken(address.text, `is that of ${holder}`);
  const record = recordAt(supply.all, address.text);
  if (!record || record.node === object.node || object.adopt) return undefined;
  return taken(address.text, `is recorded for ${record.node === undefined ? record.holder : `node ${record.node}`}`);
}

function recordAt(ranges: readonly Range[], address: string) {
  for (const { records } of ranges) {
    const record = records.get(address);
    if (record) return record;
  }
  return undefined;
}

function taken(address: string, fact: string): Refusal {
  return { reason: 'AddressTaken', message: `${address} ${fact}: free it there, or delete this object and ask for another` };
}

function outside(message: string): Refusal {
  return { reason: 'AddressOutsidePool', message };
}

function where(zone: string | undefined): string {
  return zone === undefined ? 'nodes without a zone' : `zone ${zone}`;
}
