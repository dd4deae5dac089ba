import { type FieldError, formatErrors } from '../api/errors.ts';
import { parseNodeOverlayIP } from '../api/kinds/node-overlay-ip.ts';
import { type NodeOverlayIPStatus, parseNodeOverlayIPStatus } from '../api/kinds/node-overlay-ip-status.ts';
import { parseOverlayPool } from '../api/kinds/overlay-pool.ts';
import { type OverlayPoolStatus, parseOverlayPoolStatus } from '../api/kinds/overlay-pool-status.ts';
import type { ApiClient, ApiObject } from '../cluster/api-client.ts';
import { NODES } from '../cluster/resource-types.ts';
import { FINALIZER, NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../controller/overlay/names.ts';
import { Address, InvalidAddress } from '../core/ip/address.ts';
import { Prefix } from '../core/ip/prefix.ts';
import type { NodeOverlayIP, OverlayPool } from '../core/resources.ts';
import type { Inventory } from '../ipam/provider.ts';
import { listAll, withRights } from './cluster-objects.ts';

/** Everything that is recorded about overlay addresses, as several lists that should say the same. */
export interface IpamWorld {
  readonly pools: readonly PoolView[];
  readonly overlayIPs: readonly OverlayIPView[];
  /** Names of the Nodes. */
  readonly nodes: ReadonlySet<string>;
  /** What external systems have, by the name of the pool; absent where one was not asked. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** What tells this cluster apart in external systems; absent where that was not asked. */
  readonly cluster?: string | undefined;
  /** What stands in the way of comparing: objects that cannot be read. */
  readonly unreadable: readonly string[];
}

export interface PoolView {
  readonly pool: OverlayPool;
  readonly status: OverlayPoolStatus;
}

export interface OverlayIPView {
  readonly overlayIP: NodeOverlayIP;
  readonly status: NodeOverlayIPStatus;
  /** Whether our finalizer is on it: then its deletion waits until the address has been given back. */
  readonly held: boolean;
}

const RIGHTS = 'the right to list overlaypools, nodeoverlayips and nodes';

/** What the cluster says, without external systems. @throws ApiError @throws CommandFailed when rights are missing */
export async function gatherWorld(client: ApiClient): Promise<IpamWorld> {
  return withRights(RIGHTS, async () => {
    // Pools come last: an address is entered there before anything else is done about it.
    const nodes = await listAll(client, NODES);
    const overlayIPs = (await listAll(client, NODE_OVERLAY_IPS)).map(viewOfOverlayIP);
    const pools = (await listAll(client, OVERLAY_POOLS)).map(viewOfPool);
    return {
      nodes: new Set(nodes.map(({ metadata }) => metadata.name)),
      overlayIPs: overlayIPs.flatMap((view) => (typeof view === 'string' ? [] : [view])),
      pools: pools.flatMap((view) => (typeof view === 'string' ? [] : [view])),
      inventories: new Map(),
      unreadable: [...pools, ...overlayIPs].filter((view) => typeof view === 'string'),
    };
  });
}

/** What cannot be read is answered as words about it. */
export function viewOfPool(object: ApiObject): PoolView | string {
  const [pool, status] = [parseOverlayPool(object), parseOverlayPoolStatus(object['status'])];
  const errors = [...(pool.ok ? [] : pool.errors), ...(status.ok ? malformedIn(status.value) : status.errors)];
  if (pool.ok && status.ok && errors.length === 0) return { pool: pool.value, status: status.value };
  return unreadable(object, errors);
}

/** The schema of a status says only that they are texts. */
function malformedIn({ ledger = [], ranges = [] }: OverlayPoolStatus): readonly FieldError[] {
  const fault = (path: string, parse: () => unknown): readonly FieldError[] => {
    try {
      parse();
      return [];
    } catch (error) {
      if (error instanceof InvalidAddress) return [{ path, message: error.message }];
      throw error;
    }
  };
  return [
    ...ledger.flatMap(({ address }) => fault('status.ledger', () => Address.parse(address))),
    ...ranges.flatMap(({ subnet }) => fault('status.ranges', () => Prefix.parse(subnet))),
  ];
}

export function viewOfOverlayIP(object: ApiObject): OverlayIPView | string {
  const [overlayIP, status] = [parseNodeOverlayIP(object), parseNodeOverlayIPStatus(object['status'])];
  const held = object.metadata.finalizers?.includes(FINALIZER) ?? false;
  if (overlayIP.ok && status.ok) return { overlayIP: overlayIP.value, status: status.value, held };
  return unreadable(object, [...(overlayIP.ok ? [] : overlayIP.errors), ...(status.ok ? [] : status.errors)]);
}

function unreadable({ kind, metadata }: ApiObject, errors: readonly FieldError[]): string {
  return `${kind} ${metadata.name} cannot be read: ${formatErrors(errors).replaceAll('\n', '; ')}: is this command older than the controller?`;
}
