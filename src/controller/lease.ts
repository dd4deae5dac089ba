import type { ApiObject, ResourceType, WrittenObject } from '../cluster/api-client.ts';
import { microTime } from '../cluster/micro-time.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export const LEASES: ResourceType = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', namespaced: true };
export const LEASE_NAME = 'fairlead-controller';

/** How long a Lease holds after its last renewal. Milliseconds, as all that follow. */
export const LEASE_MS = 15_000;
/** How long its holder acts after its last renewal: it stops well before anybody else may begin. */
export const RENEW_DEADLINE_MS = 10_000;
/** Longest duration of another holder that is honoured, so that a slip of the hand does not lock everybody out. */
const LONGEST_LEASE_MS = 60_000;

/** A Lease as it was read. */
export interface Lease {
  /** Empty when nobody holds it. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquired: string | undefined;
  readonly transitions: number;
  readonly metadata: ApiObject['metadata'];
}

/** What this process has seen of the Lease. */
export interface Sighting {
  /** Undefined when there was none. */
  readonly lease: Lease | undefined;
  /** When it was first seen with its present resourceVersion, by this process's own monotonic clock, in milliseconds. */
  readonly since: number;
  /** Who held it when it was deleted: its holder may not know yet. */
  readonly deletedFrom?: string;
}

export type LeaseAction =
  | { readonly type: 'create' }
  | { readonly type: 'replace'; readonly over: Lease }
  | { readonly type: 'wait'; readonly holder: string };

/**
 * What to do about the Lease. Another's counts until this process has seen it unchanged for its whole duration: the clocks of others do
 * not matter. `identity` is of this process alone.
 */
export function decideLease({ lease, since, deletedFrom = '' }: Sighting, identity: string, now: number): LeaseAction {
  if (!lease) {
    const free = deletedFrom === '' || deletedFrom === identity || now >= since + LEASE_MS;
    return free ? { type: 'create' } : { type: 'wait', holder: deletedFrom };
  }
  const free = lease.holder === '' || lease.holder === identity || now >= since + lease.durationMs;
  return free ? { type: 'replace', over: lease } : { type: 'wait', holder: lease.holder };
}

/** The newer sighting; the time of the older one when nothing has changed since. */
export function sight(before: Sighting | undefined, lease: Lease | undefined, now: number): Sighting {
  const same = before && before.lease?.metadata.resourceVersion === lease?.metadata.resourceVersion;
  if (same) return before;
  return { lease, since: now, ...(!lease && before?.lease && { deletedFrom: before.lease.holder }) };
}

export function readLease(object: ApiObject): Lease {
  const spec = (object['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = spec;
  const theirs = typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds * 1000 : LEASE_MS;
  return {
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    durationMs: Math.min(Math.max(theirs, LEASE_MS), LONGEST_LEASE_MS),
    acquired: typeof acquireTime === 'string' ? acquireTime : undefined,
    transitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    metadata: object.metadata,
  };
}

/** The Lease held by `holder`; over the very version that was read, so that of two only one gets it. */
export function heldLease(namespace: string, holder: string, over: Lease | undefined, date: Date): WrittenObject {
  const now = microTime(date);
  const kept = over?.holder === holder;
  return writtenLease(namespace, over, {
    holderIdentity: holder,
    leaseDurationSeconds: LEASE_MS / 1000,
    acquireTime: kept ? (over.acquired ?? now) : now,
    renewTime: now,
    leaseTransitions: (over?.transitions ?? 0) + (kept || !over ? 0 : 1),
  });
}

/** The Lease held by nobody: the next one takes it at once. */
export function releasedLease(namespace: string, over: Lease, date: Date): WrittenObject {
  const now = microTime(date);
  return writtenLease(namespace, over, {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: over.transitions,
  });
}

function writtenLease(namespace: string, over: Lease | undefined, spec: Readonly<Record<string, unknown>>): WrittenObject {
  const { resourceVersion, labels, annotations } = over?.metadata ?? {};
  return {
    apiVersion: LEASES.apiVersion,
    kind: LEASES.kind,
    metadata: {
      name: LEASE_NAME,
      namespace,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    spec,
  };
}
