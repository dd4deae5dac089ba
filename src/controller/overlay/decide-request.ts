import type { OverlayAddress } from '../../core/resources.ts';
import type { Range } from '../../ipam/provider.ts';
import { whyReserved } from '../../ipam/reserved.ts';
import { rangesFor, UNUSABLE } from '../../ipam/zone-ranges.ts';
import { type AgentWait, mendSilence } from './agent-waits.ts';
import { missingFor, type Supply } from './decide-supply.ts';
import { addressText, type OverlayIPView } from './ip-view.ts';
import type { Entry, Ledger } from './ledger.ts';
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
  /** Whether the agent of a node has been waited for in vain. */
  readonly waitFor: (node: string) => AgentWait | undefined;
  /** The NodeOverlayIP by which a node asks for another address than this one: by its name. */
  readonly asking: (node: string, address: string) => string | undefined;
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
  if (!range && serving === UNUSABLE) return { reason: 'RangeUnusable', message: missingFor(zone, supply, address.family) };
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

function holderOf(object: OverlayIPView, { address }: OverlayAddress, supply: Supply, holders: Holders): Refusal | undefined {
  const { ledger, rival, refused, elsewhere } = holders;
  const entry = ledger.get(address.text);
  if (entry && entry.node !== object.node) return entry.releasing ? leaving(entry, holders) : kept(entry, holders);
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

/** It is free by itself, if the agent of its node says so. */
function leaving({ address, node }: Entry, { waitFor }: Holders): Refusal {
  const wait = waitFor(node);
  const until = wait
    ? `when its agent says that it is out of use: ${wait.words ?? mendSilence(wait)}`
    : 'once that is done; or delete this object and ask for another';
  return { reason: 'AddressTaken', message: `${address} is being given back by node ${node}, and free ${until}` };
}

/** A node keeps what it has until it has what it asks for; two that ask for each other's would both wait for ever. */
function kept({ address, node }: Entry, { asking }: Holders): Refusal {
  const other = asking(node, address.text);
  if (other === undefined) return taken(address.text, `is that of node ${node}`);
  const fact = `is kept for node ${node}, which asks for another one by NodeOverlayIP ${other}, and has not got it`;
  const fix = `let it ask for a free one (kubectl delete nodeoverlayip ${other}, and create it with that), or delete this object`;
  return { reason: 'AddressTaken', message: `${address} ${fact}: ${fix}` };
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
