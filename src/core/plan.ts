import type { SysctlName } from './change.ts';
import type { Family } from './ip/address.ts';
import type { Prefix } from './ip/prefix.ts';
import type { Meta } from './resources.ts';
import type { DeviceRef, NextHop, Route } from './route.ts';

/** The whole wanted state of one node: one entry per resource that selects it. */
export interface NodePlan {
  readonly resources: readonly ResourcePlan[];
}

export interface ResourcePlan {
  readonly meta: Meta;
  readonly routes: readonly Route[];
  /** Identities that stay exactly as they are in the kernel: present or absent. */
  readonly held: readonly HeldRoute[];
  /** Routes that would do harm: not to be there, whatever else is unknown. */
  readonly harmful: readonly Route[];
  readonly sysctls: readonly PlannedSysctl[];
  /** The next hop per family, for the report. */
  readonly nextHops: ReadonlyMap<Family, NextHop>;
  /** Families whose next hop is missing; after a grace period `onMissingGateway` decides. */
  readonly waiting: readonly Family[];
}

export interface HeldRoute {
  readonly prefix: Prefix;
  readonly table: number;
  readonly metric: number;
}

export interface PlannedSysctl {
  readonly device: DeviceRef;
  readonly name: SysctlName;
  readonly value: number;
}
