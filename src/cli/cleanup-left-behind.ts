import { Address } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { OverlayRemains } from './cleanup-overlay.ts';
import { type OverlayIPView, type PoolView, viewOfOverlayIP, viewOfPool } from './ipam-world.ts';

/** What stays where it is when nobody gives addresses back: records in phpIPAM, devices of nodes. One line for each, with the fix. Pure. */
export function leftBehind({ pools, overlayIPs }: OverlayRemains): readonly string[] {
  const views = overlayIPs.map(viewOfOverlayIP);
  const readable = views.flatMap((view) => (typeof view === 'string' ? [] : [view]));
  const ofPools = pools
    .map(viewOfPool)
    .flatMap((view) => (typeof view === 'string' ? [`what its ledger has: ${view}`] : recordsOf(view, readable)));
  const unreadable = views.flatMap((view) => (typeof view === 'string' ? [`its address: ${view}`] : []));
  return [...ofPools, ...unreadable, ...devicesOf(pools.map(viewOfPool), readable)];
}

interface Held {
  readonly address: string;
  readonly node: string;
  readonly record?: string;
}

/** The ledger has every address that was ever recorded; a NodeOverlayIP that it does not have yet may come before. */
function recordsOf({ pool, status }: PoolView, views: readonly OverlayIPView[]): readonly string[] {
  if (pool.ipam.type === 'cluster') return [];
  const { url } = pool.ipam;
  const granted = views.filter(({ overlayIP }) => overlayIP.pool === pool.meta.ref.name).flatMap(heldBy);
  const held = new Map<string, Held>([...granted, ...(status.ledger ?? [])].map((each) => [each.address, each]));
  const recordOf = new Map(granted.map(({ address, record }) => [address, record]));
  return [...held.values()].map(({ address, node, record = recordOf.get(address) }) => {
    const subnet = (status.ranges ?? []).find((range) => Prefix.parse(range.subnet).has(Address.parse(address)))?.subnet;
    const place = [record === undefined ? [] : `record ${record}`, subnet === undefined ? [] : `subnet ${subnet}`].flat().join(', ');
    return `${address} of node ${node} may still be recorded at ${url}${place === '' ? '' : ` (${place})`}: delete the record there`;
  });
}

function heldBy({ overlayIP, status }: OverlayIPView): readonly Held[] {
  return overlayIP.addresses.map(({ address }) => {
    const record = status.addresses?.find((each) => each.address.split('/')[0] === address.text)?.ipamID;
    return { address: address.text, node: overlayIP.node, ...(record !== undefined && { record }) };
  });
}

/** Those whose agent has not said that the addresses are gone. Where it lives, it takes them away as soon as their object is. */
function devicesOf(pools: readonly (PoolView | string)[], views: readonly OverlayIPView[]): readonly string[] {
  const lines = views.filter(mayHaveDevice).map(({ overlayIP, status }) => {
    const name = status.device?.name ?? status.interface?.name;
    const addresses = overlayIP.addresses.map(({ address }) => address.text).join(' and ');
    return deviceLine(overlayIP.node, addresses, name);
  });
  const known = new Set(views.flatMap(({ overlayIP }) => overlayIP.addresses.map(({ address }) => `${overlayIP.node} ${address}`)));
  const silent = pools.flatMap((view) =>
    typeof view === 'string'
      ? []
      : (view.status.ledger ?? [])
          .filter(({ node, address }) => !known.has(`${node} ${address}`))
          .map(({ node, address }) => deviceLine(node, address, view.pool.interface.name)),
  );
  return [...lines, ...silent];
}

function mayHaveDevice({ status }: OverlayIPView): boolean {
  const device = status.conditions?.find(({ type }) => type === 'DeviceReady');
  return device?.reason !== 'Removed';
}

function deviceLine(node: string, addresses: string, device: string | undefined): string {
  return `node ${node} may still have ${addresses}${device === undefined ? '' : ` on its device ${device}`}: where no agent runs, run "fairlead cleanup" there`;
}
