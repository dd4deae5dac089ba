import { toInterfaceStatus } from '../../api/kinds/overlay-interface.ts';
import type { Address } from '../../core/ip/address.ts';
import type { OverlayAddress } from '../../core/resources.ts';
import type { NodeView } from '../views.ts';
import { condition, type OverlayCondition } from './conditions.ts';
import { rangeOf, type Supply } from './decide-supply.ts';
import { type AddressStatus, addressText, knownIPStatus, type OverlayIPView } from './ip-view.ts';
import type { Entry } from './ledger.ts';
import type { PoolView } from './pool-view.ts';
import type { OverlayReason } from './reasons.ts';
import { zoneOf } from './zone.ts';

/** `status` of a NodeOverlayIP, as far as it is ours. */
export interface OverlayIPStatus {
  readonly observedGeneration: number;
  readonly zone?: string;
  readonly addresses?: readonly AddressStatus[];
  readonly interface?: unknown;
  readonly conditions: readonly [OverlayCondition];
}

/** What decides about the status of one NodeOverlayIP. */
export interface StatusWorld {
  /** Undefined when there is none of that name. */
  readonly pool: PoolView | undefined;
  readonly node: NodeView | undefined;
  readonly selected: boolean;
  /** Undefined while the ranges are not known: then what is written stays. */
  readonly supply: Pick<Supply, 'all'> | undefined;
  /** Of its node. */
  readonly entries: readonly Entry[];
  readonly recordOf: (entry: Entry) => string | null | undefined;
  /** What it was before, of an address that is in no range any more. */
  readonly gatewayOf: (address: Address) => string | undefined;
  readonly date: Date;
}

interface Words {
  readonly status: 'True' | 'False';
  readonly reason: OverlayReason;
  readonly message: string;
}

/** What it says when its node may use the addresses. Undefined while it is not known what to say. Pure. */
export function grantedStatus(object: OverlayIPView, world: StatusWorld): OverlayIPStatus | undefined {
  const addresses = object.addresses.map((own) => addressStatus(own, object, world));
  const known = addresses.every((each) => each !== undefined);
  const device = world.pool?.spec ? toInterfaceStatus(world.pool.spec.interface) : object.told.interface;
  if (!known || device === undefined) return undefined;
  const words: Words = { status: 'True', ...grantWords(object, world) };
  return { ...statusOf(object, words, world), addresses: addresses.flatMap((each) => each ?? []), interface: device };
}

/** What it says when its node may not use the addresses, or no longer. What was granted once is still told. Pure. */
export function withheldStatus(object: OverlayIPView, words: Pick<Words, 'reason' | 'message'>, world: StatusWorld): OverlayIPStatus {
  const { addresses, interface: device } = object.told;
  return {
    ...statusOf(object, { status: 'False', ...words }, world),
    ...(addresses.size > 0 && { addresses: [...addresses.values()] }),
    ...(addresses.size > 0 && device !== undefined && { interface: device }),
  };
}

export function releasingWords(object: OverlayIPView): Pick<Words, 'reason' | 'message'> {
  const texts = object.addresses.map(({ address }) => address).join(' and ');
  return { reason: 'Releasing', message: `${texts} of node ${object.node} is being given back: its agent takes it away first` };
}

/** Whether a status says something else than what is written. */
export function differs(status: OverlayIPStatus, { told }: OverlayIPView): boolean {
  return knownIPStatus(status).fingerprint !== told.fingerprint;
}

function statusOf(object: OverlayIPView, words: Words, { node, date }: StatusWorld): OverlayIPStatus {
  const zone = node ? zoneOf(node.labels) : object.told.zone;
  const said = { type: 'Ready', ...words, observedGeneration: object.generation };
  return {
    observedGeneration: object.generation,
    ...(zone !== undefined && { zone }),
    conditions: [condition(said, object.told.ready, date)],
  };
}

function addressStatus(
  own: OverlayAddress,
  { told }: OverlayIPView,
  { pool, supply, entries, recordOf, gatewayOf }: StatusWorld,
): AddressStatus | undefined {
  const address = addressText(own);
  const known = told.addresses.get(address);
  const range = supply && rangeOf(supply, own.address);
  const proper = range && !pool?.ledger.has(range.gateway.text) ? range.gateway.text : undefined;
  // What is a node's is no way out: as long as it is, what was told before is better.
  const gateway = proper ?? known?.gateway ?? gatewayOf(own.address) ?? range?.gateway.text;
  if (gateway === undefined) return undefined;
  const entry = entries.find((each) => each.address.equals(own.address));
  const record = (entry && recordOf(entry)) ?? known?.ipamID;
  return { address, gateway, ...(record !== undefined && record !== null && { ipamID: record }) };
}

function grantWords(object: OverlayIPView, { pool, node, selected, entries }: StatusWorld): Pick<Words, 'reason' | 'message'> {
  const texts = object.addresses.map(addressText).join(' and ');
  if (!pool) {
    const message = `node ${object.node} keeps ${texts}, but there is no OverlayPool ${object.pool} any more: create it, or delete this object`;
    return { reason: 'NoSuchPool', message };
  }
  if (selected) return { reason: 'Granted', message: `node ${object.node} has ${texts}` };
  const time = entries.find(({ releaseAfter }) => releaseAfter !== undefined)?.releaseAfter;
  const until = time === undefined ? 'soon' : `after ${time}`;
  if (!node)
    return {
      reason: 'NodeGone',
      message: `there is no Node ${object.node} any more: ${texts} is given back ${until}, unless it is there again`,
    };
  const message = `OverlayPool ${pool.name} does not select node ${node.name} any more: ${texts} is given back ${until}, unless it does`;
  return { reason: 'NotSelected', message };
}
