import { formatErrors } from '../../api/errors.ts';
import { parseOverlayPool } from '../../api/kinds/overlay-pool.ts';
import type { ApiObject } from '../../cluster/api-client.ts';
import { Prefix } from '../../core/ip/prefix.ts';
import type { OverlayPool } from '../../core/resources.ts';
import { parsed, type View, view } from '../views.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../wire.ts';
import { conditionIn, conditionsOf, type OverlayCondition } from './conditions.ts';
import { type Ledger, readLedger } from './ledger.ts';
import { FINALIZER } from './names.ts';

/** An OverlayPool, as one version of it was. */
export interface PoolView extends View {
  readonly generation: number;
  /** RFC 3339. */
  readonly created: string;
  readonly deleting: boolean;
  /** Whether it waits for us before it goes. */
  readonly held: boolean;
  /** Undefined when it cannot be read; `problem` says why then. */
  readonly spec: OverlayPool | undefined;
  readonly problem: string | undefined;
  /** `spec.ipam` as it is written: another text means another provider. */
  readonly ipamText: string;
  readonly ledger: Ledger;
  readonly told: KnownPoolStatus;
}

/** What its status says, besides the ledger. */
export interface KnownPoolStatus {
  /** All but the conditions and the ledger, as one text. */
  readonly fingerprint: string;
  readonly counts: Fields;
  readonly ready: OverlayCondition | undefined;
  readonly degraded: OverlayCondition | undefined;
  /** Conditions that are another's. They stay. */
  readonly foreign: readonly Fields[];
  /** The subnets of its ranges, as far as they were known when it was written. */
  readonly subnets: readonly Prefix[];
}

const OURS: readonly unknown[] = ['Ready', 'Degraded'];

export function poolView(object: ApiObject): PoolView {
  const { metadata } = object;
  const spec = parseOverlayPool(object);
  return {
    ...view(object),
    generation: metadata.generation ?? 0,
    created: metadata.creationTimestamp ?? '',
    deleting: metadata.deletionTimestamp !== undefined,
    held: metadata.finalizers?.includes(FINALIZER) ?? false,
    spec: spec.ok ? spec.value : undefined,
    problem: spec.ok ? undefined : formatErrors(spec.errors),
    ipamText: JSON.stringify(fieldsOf(object['spec'])['ipam']) ?? '',
    ledger: readLedger(fieldsOf(object['status'])['ledger']),
    told: knownPoolStatus(object['status']),
  };
}

export function knownPoolStatus(value: unknown): KnownPoolStatus {
  const status = fieldsOf(value);
  const { observedGeneration, capacity, allocated, free, ranges, waiting } = status;
  const lists = [
    listOf(ranges)
      .map(fieldsOf)
      .map((range) => [range['zone'], range['subnet'], range['gateway'], range['allocated'], range['free']]),
    listOf(waiting)
      .map(fieldsOf)
      .map((node) => [node['node'], node['reason'], node['message']]),
  ];
  const subnets = listOf(ranges).flatMap((range) => textOf(fieldsOf(range)['subnet']) ?? []);
  return {
    fingerprint: JSON.stringify([observedGeneration, capacity, allocated, free, ...lists]),
    counts: { capacity, allocated, free, ranges },
    ready: conditionIn(value, 'Ready'),
    degraded: conditionIn(value, 'Degraded'),
    foreign: conditionsOf(value).filter(({ type }) => !OURS.includes(type)),
    subnets: parsed(subnets, Prefix.parse),
  };
}

/** Whether its status has these words for what is wrong. */
export function tells({ told: { degraded } }: PoolView, words: string): boolean {
  return degraded?.status === 'True' && degraded.message.includes(words);
}

/** Of two pools the one that was there first. */
export function isOlderPool(a: PoolView, b: PoolView): boolean {
  return a.created === b.created ? a.name < b.name : a.created < b.created;
}
