import { parseOverlayAddress } from '../../api/overlay-address-field.ts';
import type { ApiObject } from '../../cluster/api-client.ts';
import type { OverlayAddress } from '../../core/resources.ts';
import { parsed, type View, view } from '../views.ts';
import { fieldsOf, listOf, textOf, textsOf } from '../wire.ts';
import { conditionIn, type OverlayCondition } from './conditions.ts';
import { ADOPT, FINALIZER, MADE_BY } from './names.ts';

/** A NodeOverlayIP, as one version of it was. */
export interface OverlayIPView extends View {
  readonly generation: number;
  /** RFC 3339. */
  readonly created: string;
  readonly node: string;
  readonly pool: string;
  readonly addresses: readonly OverlayAddress[];
  readonly deleting: boolean;
  /** Whether it waits for us before it goes. */
  readonly held: boolean;
  /** The controller has made it: any other address would do. */
  readonly made: boolean;
  readonly adopt: boolean;
  /** The node may use the addresses. */
  readonly granted: boolean;
  readonly told: KnownIPStatus;
  /** What its agent has made of this very object, `InPlace` only when nothing of an older one is left; undefined when it has said nothing yet. */
  readonly device: 'InPlace' | 'Removed' | 'Failing' | undefined;
  /** In whose words. */
  readonly deviceSaid: Pick<OverlayCondition, 'reason' | 'message'> | undefined;
}

/** What its status says, as far as it is ours to say. */
export interface KnownIPStatus {
  /** All but the times. */
  readonly fingerprint: string;
  readonly zone: string | undefined;
  /** By the address with its length. There is none unless it was granted once. */
  readonly addresses: ReadonlyMap<string, AddressStatus>;
  readonly interface: unknown;
  readonly ready: OverlayCondition | undefined;
}

export interface AddressStatus {
  readonly address: string;
  readonly gateway: string;
  readonly ipamID?: string;
}

export function ipView(object: ApiObject): OverlayIPView {
  const { metadata } = object;
  const spec = fieldsOf(object['spec']);
  const told = knownIPStatus(object['status']);
  const said = conditionIn(object['status'], 'DeviceReady');
  return {
    ...view(object),
    generation: metadata.generation ?? 0,
    created: metadata.creationTimestamp ?? '',
    node: textOf(spec['node']) ?? '',
    pool: textOf(spec['pool']) ?? '',
    addresses: parsed(textsOf(spec['addresses']), parseOverlayAddress),
    deleting: metadata.deletionTimestamp !== undefined,
    held: metadata.finalizers?.includes(FINALIZER) ?? false,
    made: metadata.labels?.[MADE_BY.label] === MADE_BY.value,
    adopt: metadata.annotations?.[ADOPT] === 'true',
    granted: told.ready?.status === 'True',
    told,
    device: said && deviceOf(said),
    deviceSaid: said && { reason: said.reason, message: said.message },
  };
}

function deviceOf({ status, reason }: OverlayCondition): OverlayIPView['device'] {
  if (status === 'True') return reason === 'InPlace' ? 'InPlace' : 'Failing';
  return reason === 'Removed' ? 'Removed' : 'Failing';
}

export function knownIPStatus(value: unknown): KnownIPStatus {
  const status = fieldsOf(value);
  const zone = textOf(status['zone']);
  const listed = listOf(status['addresses']).map(fieldsOf);
  const addresses = listed.flatMap(({ address, gateway, ipamID }): readonly AddressStatus[] => {
    const [text, way, record] = [textOf(address), textOf(gateway), textOf(ipamID)];
    return text === undefined ? [] : [{ address: text, gateway: way ?? '', ...(record !== undefined && { ipamID: record }) }];
  });
  const ready = conditionIn(value, 'Ready');
  const told = [
    status['observedGeneration'],
    zone,
    addresses.map(({ address, gateway, ipamID }) => [address, gateway, ipamID]),
    interfaceText(status['interface']),
    [ready?.status, ready?.reason, ready?.message, ready?.observedGeneration],
  ];
  return {
    fingerprint: JSON.stringify(told),
    zone,
    addresses: new Map(addresses.map((each) => [each.address, each])),
    interface: status['interface'],
    ready,
  };
}

function interfaceText(value: unknown): readonly unknown[] {
  const { parent, name, type } = fieldsOf(value);
  return [fieldsOf(parent)['name'], fieldsOf(parent)['toward'], name, type];
}

/** `192.168.100.4/24`, as the spec has it. */
export function addressText({ address, prefixLength }: OverlayAddress): string {
  return `${address}/${prefixLength}`;
}

/** Whether it is about one of these addresses. */
export function isAbout(object: OverlayIPView, addresses: readonly { readonly address: { readonly text: string } }[]): boolean {
  const texts = new Set(addresses.map(({ address }) => address.text));
  return object.addresses.some(({ address }) => texts.has(address.text));
}

/** Whether the node may have its addresses in use: it was granted them, and its agent has not said that they are gone. */
export function mayBeInUse(object: OverlayIPView): boolean {
  if (object.device === 'Removed' && object.deleting) return false;
  return object.granted || object.told.addresses.size > 0;
}

/** Whether a user has made it, and it was never granted. */
export function isUntouched(object: OverlayIPView): boolean {
  return !object.made && !object.deleting && !mayBeInUse(object);
}
