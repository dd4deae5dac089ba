import { DEVICE_READY, GRANTED } from '../api/kinds/node-overlay-ip-status.ts';
import type { LedgerEntry } from '../api/kinds/overlay-pool-status.ts';
import { compareAddresses } from './ipam-differences.ts';
import { waitingFor } from './ipam-waiting.ts';
import type { IpamWorld, OverlayIPView } from './ipam-world.ts';

/** One overlay address, as `fairlead ipam list` shows it. */
export interface AddressLine {
  readonly address: string;
  readonly node: string;
  readonly pool: string;
  readonly zone?: string;
  /**
   * granted: the node may use it. waiting: it is to be the node's and is not yet. releasing: it is being given back. quarantined: nobody
   * uses it or may be given it, since its node is gone or silent.
   */
  readonly state: 'granted' | 'waiting' | 'releasing' | 'quarantined';
  /** Name of its record in an external system. */
  readonly record?: string;
  /** When it was entered into the ledger, RFC 3339; absent while it is not in there. */
  readonly since?: string;
  /** When it is given back, unless its node is there again. */
  readonly releaseAfter?: string;
  /** What a person may want to know besides. */
  readonly note?: string;
}

/** Every address of the ledgers and of the NodeOverlayIPs, by pool and address. Pure. */
export function addressLines(world: IpamWorld): readonly AddressLine[] {
  const lines = world.pools.flatMap(({ pool, status }) => {
    const { name } = pool.meta.ref;
    const holders = world.overlayIPs.filter(({ overlayIP }) => overlayIP.pool === name);
    const byKey = new Map(
      holders.flatMap((view) => view.overlayIP.addresses.map(({ address }) => [keyOf(address.text, view.overlayIP.node), view])),
    );
    const ofNode = new Map(holders.map((view) => [view.overlayIP.node, view]));
    const entered = (status.ledger ?? []).map((entry) => {
      const [holder, other] = [byKey.get(keyOf(entry.address, entry.node)), ofNode.get(entry.node)];
      return lineOfEntry(name, entry, { holder, other: holder ? undefined : other }, world);
    });
    const known = new Set((status.ledger ?? []).map(({ address, node }) => keyOf(address, node)));
    return [...entered, ...holders.flatMap((view) => linesOfHolder(view).filter(({ address, node }) => !known.has(keyOf(address, node))))];
  });
  const pools = new Set(world.pools.map(({ pool }) => pool.meta.ref.name));
  const poolless = world.overlayIPs.filter(({ overlayIP }) => !pools.has(overlayIP.pool)).flatMap(linesOfHolder);
  return [...lines, ...poolless].toSorted((a, b) =>
    a.pool === b.pool ? compareAddresses(a.address, b.address) : a.pool < b.pool ? -1 : 1,
  );
}

function keyOf(address: string, node: string): string {
  return `${address} ${node}`;
}

/** The NodeOverlayIPs of the node of an entry. */
interface Holders {
  /** That with its address. */
  readonly holder: OverlayIPView | undefined;
  /** Where there is none, that with another address. */
  readonly other: OverlayIPView | undefined;
}

function lineOfEntry(pool: string, entry: LedgerEntry, holders: Holders, { nodes }: IpamWorld): AddressLine {
  const { holder } = holders;
  const { address, node, since, releaseAfter } = entry;
  const record = entry.record ?? holder?.status.addresses?.find(({ address: text }) => text.split('/')[0] === address)?.ipamID;
  return {
    address,
    node,
    pool,
    ...(holder?.status.zone !== undefined && { zone: holder.status.zone }),
    ...stateOf(entry, holders, nodes.has(node)),
    ...(record !== undefined && { record }),
    since,
    ...(releaseAfter !== undefined && { releaseAfter }),
  };
}

type State = Pick<AddressLine, 'state' | 'note'>;

function stateOf({ address, releasing, releaseAfter }: LedgerEntry, { holder, other }: Holders, nodeIsThere: boolean): State {
  if (releasing === true) {
    const silent = holder === undefined && nodeIsThere;
    return silent ? { state: 'quarantined', note: 'its node has not said that the address is gone there' } : { state: 'releasing' };
  }
  const until = releaseAfter === undefined ? {} : { note: `given back after ${releaseAfter}` };
  if (!nodeIsThere) return { state: 'quarantined', note: 'its Node is gone', ...until };
  if (holder === undefined) return { state: 'waiting', note: (other && waitingFor(other)?.why) ?? 'its NodeOverlayIP is not there yet' };
  return { ...stateOfHolder(holder, address), ...until };
}

function linesOfHolder(view: OverlayIPView): readonly AddressLine[] {
  const { overlayIP, status } = view;
  return overlayIP.addresses.map(({ address }) => {
    const record = status.addresses?.find(({ address: text }) => text.split('/')[0] === address.text)?.ipamID;
    return {
      address: address.text,
      node: overlayIP.node,
      pool: overlayIP.pool,
      ...(status.zone !== undefined && { zone: status.zone }),
      ...stateOfHolder(view, address.text),
      ...(record !== undefined && { record }),
    };
  });
}

function stateOfHolder({ overlayIP, status }: OverlayIPView, address: string): State {
  const [ready, device] = [GRANTED, DEVICE_READY].map((wanted) => status.conditions?.find(({ type }) => type === wanted));
  const others = overlayIP.addresses.map((own) => own.address.text).filter((text) => text !== address);
  const words = ({ reason, message }: Words): string => {
    const culprit = names(message, address) ? undefined : others.find((other) => names(message, other));
    return culprit === undefined ? `${reason}: ${message}` : `${reason}: see ${culprit}`;
  };
  if (overlayIP.deleting) return { state: 'releasing', note: ready?.message ?? 'it is being deleted' };
  if (!overlayIP.granted) return { state: 'waiting', note: ready === undefined ? 'the controller has not seen it yet' : words(ready) };
  if (device === undefined) return { state: 'granted', note: 'its node has not answered yet' };
  return device.status === 'True' ? { state: 'granted' } : { state: 'granted', note: words(device) };
}

interface Words {
  readonly reason: string;
  readonly message: string;
}

/** Whether a sentence is about an address. */
function names(message: string, address: string): boolean {
  return message.split(/[^0-9A-Fa-f.:]+/).some((word) => word.replace(/[.:]+$/, '') === address.replace(/:+$/, ''));
}
