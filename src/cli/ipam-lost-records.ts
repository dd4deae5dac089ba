import type { IpamRecord } from '../ipam/provider.ts';
import type { Difference } from './ipam-differences.ts';
import type { IpamWorld } from './ipam-world.ts';

/**
 * Records that this cluster has made for a pool which it no longer has, as far as they are in subnets of the pools that it has. Nobody gives
 * those back. Pure.
 */
export function lostRecordsIn({ cluster, pools, overlayIPs, inventories, unreadable }: IpamWorld): readonly Difference[] {
  // What cannot be read may have any of them.
  if (cluster === undefined || unreadable.length > 0) return [];
  const shown = [...inventories].flatMap(([pool, { ranges }]) =>
    ranges.flatMap(({ subnet, records }) => [...records].map(([address, record]) => ({ pool, subnet, address, ...record }))),
  );
  const stranded = [...inventories.values()].flatMap(({ stranded: hidden = new Map<string, IpamRecord>() }) => [...hidden.keys()]);
  const known = new Set([
    ...pools.flatMap(({ status }) => (status.ledger ?? []).map(({ address }) => address)),
    ...overlayIPs.flatMap(({ overlayIP }) => overlayIP.addresses.map(({ address }) => address.text)),
    // Of a pool that there is.
    ...stranded,
    ...shown.filter(({ node }) => node !== undefined).map(({ address }) => address),
  ]);
  const owner = ` (owner fairlead:${cluster})`;
  const lost = shown.filter(({ address, holder }) => holder.endsWith(owner) && !known.has(address));
  // Several pools, and zones, may have the same subnet.
  const once = new Map(lost.map((each) => [`${each.address} ${each.record}`, each] as const));
  return [...once.values()].map(({ pool, subnet, address, record, holder }) => ({
    pool,
    address,
    message: `phpIPAM has recorded it for ${holder.slice(0, -owner.length)} of this cluster (record ${record}), and neither a ledger nor a NodeOverlayIP has it`,
    fix: `delete record ${record} of subnet ${subnet} in phpIPAM, once no node uses the address`,
  }));
}
