import type { RememberedSysctl } from '../change.ts';
import type { Family } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import { formatRef, type ResourceRef } from '../resources.ts';

/** What the planner is told about this node besides what it reads from resources and kernel. */
export interface NodeIdentity {
  readonly name: string;
  /** `--protect`: more destinations whose path must not change. */
  readonly protect: readonly Prefix[];
  /** Next hops that have been missing for longer than the grace period, as `waitKey`s. */
  readonly overdue: ReadonlySet<string>;
  /** Sysctls that we changed, so that the planner can tell our value from the administrator's. */
  readonly remembered: readonly RememberedSysctl[];
  /** What came of probes, by `probeKey`: who answered; undefined for nobody. Absent: not known yet. */
  readonly probed: ReadonlyMap<string, string | undefined>;
  /** Why the kernel could not ask, by `probeKey`: for probes that nothing has come of yet. */
  readonly unasked?: ReadonlyMap<string, string>;
}

export const NOTHING_PROBED: NodeIdentity['probed'] = new Map();

/** Names one missing next hop: a resource and a family. */
export function waitKey(ref: ResourceRef, family: Family): string {
  return `${formatRef(ref)} IPv${family}`;
}
