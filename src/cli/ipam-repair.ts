import { nodeOverlayIPName } from '../api/kinds/node-overlay-ip.ts';
import { type LedgerEntry, POOL_LIMITS } from '../api/kinds/overlay-pool-status.ts';
import { type ApiClient, type ApiObject, isConflict, isNotFound, type ObjectName, type ResourceType } from '../cluster/api-client.ts';
import { NODES } from '../cluster/resource-types.ts';
import { NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../controller/overlay/names.ts';
import { fieldsOf } from '../controller/wire.ts';
import { Address } from '../core/ip/address.ts';
import type { IpamProvider } from '../ipam/provider.ts';
import type { ClaimRepair, ReleaseRepair, Repair } from './ipam-differences.ts';
import { viewOfOverlayIP, viewOfPool } from './ipam-world.ts';

/** How often whoever writes at the same time may come first. */
const ATTEMPTS = 10;

/** What became of a repair. */
export interface Repaired {
  readonly done: boolean;
  /** In words, after the address. */
  readonly message: string;
}

/**
 * Mends one difference by the rules by which controllers work: the ledger is written over the very version that was read, and what has
 * changed since it was found is left alone. @throws ApiError @throws IpamUnavailable @throws IpamRefused
 */
export async function repair(client: ApiClient, wanted: Repair, provider: IpamProvider | undefined, now: string): Promise<Repaired> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      return wanted.type === 'release' ? await release(client, wanted, now) : await claim(client, wanted, provider);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
  return { done: false, message: `left alone: OverlayPool ${wanted.pool} changes all the time` };
}

async function release(client: ApiClient, wanted: ReleaseRepair, now: string): Promise<Repaired> {
  const { pool, node } = wanted;
  const object = await client.get(OVERLAY_POOLS, { name: pool });
  const view = viewOfPool(object);
  if (typeof view === 'string') return { done: false, message: view };
  const overlayIP = await find(client, NODE_OVERLAY_IPS, { name: nodeOverlayIPName(node, pool) });
  if (overlayIP && mayHave(overlayIP, wanted.address))
    return { done: false, message: `left alone: node ${node} has a NodeOverlayIP with it by now` };
  if (!wanted.orphan && (await find(client, NODES, { name: node })))
    return { done: false, message: `left alone: Node ${node} is there by now` };
  const change = releaseInLedger(view.status.ledger ?? [], wanted, now);
  if (change.ledger === undefined) return { done: false, message: change.message };
  const status = { ...fieldsOf(object['status']), ledger: change.ledger };
  await client.replace(OVERLAY_POOLS, { ...object, status }, { subresource: 'status' });
  return { done: true, message: change.message };
}

interface LedgerChange {
  /** Absent when nothing is to be changed. */
  readonly ledger?: readonly LedgerEntry[];
  readonly message: string;
}

/** Marks the entry as one that is given back, or enters it so. An entry that is not as it was found stays. Pure. */
export function releaseInLedger(ledger: readonly LedgerEntry[], { address, node, record }: ReleaseRepair, now: string): LedgerChange {
  const index = ledger.findIndex((entry) => entry.address === address);
  const entry = ledger[index];
  const mark = { releasing: true, ...(record !== undefined && { record }) };
  if (entry === undefined) {
    if (ledger.length >= POOL_LIMITS.ledger) return { message: 'left alone: the ledger is full' };
    return {
      ledger: [...ledger, { address, node, since: now, ...mark }],
      message: 'entered into the ledger as one that the controller gives back',
    };
  }
  if (entry.releasing === true) return { message: 'left alone: the controller gives it back already' };
  if (entry.node !== node) return { message: `left alone: the ledger has it for node ${entry.node} by now` };
  return { ledger: ledger.with(index, { ...entry, ...mark }), message: 'marked in the ledger as one that the controller gives back' };
}

/** The record is made only while the ledger says that the address is the node's: what is given back must not come to life again. */
async function claim(client: ApiClient, { pool, address, node }: ClaimRepair, provider: IpamProvider | undefined): Promise<Repaired> {
  const view = viewOfPool(await client.get(OVERLAY_POOLS, { name: pool }));
  if (typeof view === 'string') return { done: false, message: view };
  const entry = (view.status.ledger ?? []).find((each) => each.address === address);
  if (entry?.node !== node || entry.releasing === true)
    return { done: false, message: `left alone: it is not that of node ${node} any more` };
  const [outcome] = (await provider?.claim([{ node, address: Address.parse(address) }])) ?? [];
  if (outcome === undefined) return { done: false, message: 'left alone: phpIPAM was not asked' };
  if (outcome.outcome === 'taken') return { done: false, message: `left alone: phpIPAM has it for ${outcome.by}` };
  return { done: true, message: `recorded in phpIPAM${outcome.record === undefined ? '' : ` (record ${outcome.record})`}` };
}

/** Also one that cannot be read. */
function mayHave(object: ApiObject, wanted: string): boolean {
  const view = viewOfOverlayIP(object);
  return typeof view === 'string' || view.overlayIP.addresses.some(({ address }) => address.text === wanted);
}

async function find(client: ApiClient, type: ResourceType, name: ObjectName): Promise<ApiObject | undefined> {
  return client.get(type, name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}
