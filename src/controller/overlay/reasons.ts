/**
 * Why a NodeOverlayIP or an OverlayPool is as it is: the reason of its condition Ready, the reason of Degraded, and why a node waits.
 */
export type OverlayReason =
  /** Fine. */
  | 'Granted'
  | 'AllNodesServed'
  | 'NoProblem'
  /** Will be, or is, by itself. */
  | 'Pending'
  | 'Releasing'
  | 'NodeGone'
  /** Of what is asked for. */
  | 'NotSelected'
  | 'NoNodesSelected'
  | 'NoSuchPool'
  | 'AddressTaken'
  | 'AddressOutsidePool'
  /** Of the pool and its ranges. */
  | 'InvalidSpec'
  | 'Overlap'
  | 'RangeUnusable'
  | 'PoolExhausted'
  | 'NoZone'
  | 'NoRangeForZone'
  | 'AddressesOutsideRanges'
  | 'LedgerFull'
  /** Of those that we need. */
  | 'IPAMUnavailable'
  | 'IPAMRefused'
  | 'ReleaseFailed'
  | 'WriteRefused'
  | 'AgentSilent'
  | 'DeviceFailing';

/** Why one node has no address, or not the one it asks for. */
export interface Verdict {
  readonly node: string;
  readonly reason: OverlayReason;
  /** For a person, with what to do. */
  readonly message: string;
}

/** Something about a pool that a person should know. */
export interface PoolProblem {
  readonly reason: OverlayReason;
  readonly message: string;
  /** Whether the pool cannot do now what it is for; what it has given stays given. */
  readonly blocks: boolean;
}
