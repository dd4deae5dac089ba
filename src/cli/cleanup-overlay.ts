import { type ApiClient, type ApiObject, isConflict, isNotFound, type ResourceType } from '../cluster/api-client.ts';
import { FINALIZER, NODE_OVERLAY_IPS, OVERLAY_POOLS } from '../controller/overlay/names.ts';
import { CommandFailed } from '../runtime/config.ts';
import { listIfServed } from './cluster-objects.ts';
import { type OverlayIPView, type PoolView, viewOfOverlayIP, viewOfPool } from './ipam-world.ts';
import { count } from './text.ts';

/** How often a change of somebody else may come between. */
const ATTEMPTS = 10;

/** What there still is of overlay addresses. */
export interface OverlayRemains {
  readonly pools: readonly ApiObject[];
  readonly overlayIPs: readonly ApiObject[];
}

/** None of it where the kinds are not known. @throws ApiError */
export async function overlayRemains(client: ApiClient): Promise<OverlayRemains> {
  const pools = await listIfServed(client, OVERLAY_POOLS);
  return { pools, overlayIPs: await listIfServed(client, NODE_OVERLAY_IPS) };
}

/** NodeOverlayIPs that are in the ledger of no pool, so that nobody deletes them in the course of giving the address back. */
export function unheld({ pools, overlayIPs }: OverlayRemains): readonly ApiObject[] {
  const views = new Map(pools.map((object) => [object.metadata.name, viewOfPool(object)]));
  const holds = (view: OverlayIPView): boolean => {
    const pool = views.get(view.overlayIP.pool);
    // One that cannot be read may hold anything.
    return typeof pool === 'string' || (pool !== undefined && hasInLedger(pool, view));
  };
  return overlayIPs.filter((object) => {
    const view = viewOfOverlayIP(object);
    return object.metadata.deletionTimestamp === undefined && (typeof view === 'string' || !holds(view));
  });
}

function hasInLedger({ status }: PoolView, { overlayIP }: OverlayIPView): boolean {
  const own = new Set(overlayIP.addresses.map(({ address }) => address.text));
  return (status.ledger ?? []).some(({ address, node }) => node === overlayIP.node && own.has(address));
}

/** What is waited for, with the reason that its controller gives: `OverlayPool default (2 addresses: phpIPAM does not answer)`. */
export function remainsInWords({ pools, overlayIPs }: OverlayRemains): readonly string[] {
  return [...pools.map(poolInWords), ...overlayIPs.map((object) => `NodeOverlayIP ${object.metadata.name}${reasonOf(object)}`)];
}

function poolInWords(object: ApiObject): string {
  const view = viewOfPool(object);
  const held = typeof view === 'string' ? '' : ` with ${count((view.status.ledger ?? []).length, 'address', 'addresses')}`;
  return `OverlayPool ${object.metadata.name}${held}${reasonOf(object)}`;
}

function reasonOf(object: ApiObject): string {
  const view = object.kind === OVERLAY_POOLS.kind ? viewOfPool(object) : viewOfOverlayIP(object);
  const ready = typeof view === 'string' ? undefined : view.status.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? '' : ` (${ready.reason}: ${ready.message})`;
}

/** Takes our finalizer off everything, so that nothing waits for a controller any more. @throws ApiError */
export async function letGo(client: ApiClient, { pools, overlayIPs }: OverlayRemains): Promise<void> {
  for (const { metadata } of overlayIPs) await letOneGo(client, NODE_OVERLAY_IPS, metadata.name);
  for (const { metadata } of pools) await letOneGo(client, OVERLAY_POOLS, metadata.name);
}

async function letOneGo(client: ApiClient, type: ResourceType, name: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await client.delete(type, { name });
      const object = await client.get(type, { name });
      const finalizers = (object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
      await client.replace(type, { ...object, metadata: { ...object.metadata, finalizers } });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error)) throw error;
    }
  }
  throw new CommandFailed(`${type.kind} ${name} changes all the time: try again`);
}
