/** How much is measured. */
export interface Scale {
  /** Numbers of routes. */
  readonly small: number;
  readonly large: number;
  /** Rounds of a measure of `small` routes, of `large` ones, and of those that wait for quiet. */
  readonly rounds: number;
  readonly largeRounds: number;
  readonly quietRounds: number;
  /** How long an agent must have had nothing to do before its memory counts, in milliseconds. */
  readonly quietMs: number;
  /** Routes deleted behind the agent's back, in so many batches. */
  readonly deletions: number;
  readonly batches: number;
  /** StaticRoutes created one by one, in so many `batches`, then changed; and those whose status is awaited. */
  readonly changes: number;
  readonly statuses: number;
  /** StaticRoutes created at once, so often. */
  readonly objects: number;
  readonly bursts: number;
  /** Gateways changed under traffic, in each of so many rounds as there are bursts. */
  readonly flips: number;
  /** How often the API server goes, and for how long, in milliseconds. */
  readonly outages: number;
  readonly awayMs: number;
  /** Nodes that report to one controller. */
  readonly fleet: number;
  readonly fleetChanges: number;
  /** How often one node appears that wants an overlay address, and as many as a fleet at once. */
  readonly appearances: number;
  readonly joins: number;
}

/** What the budgets are about. */
export const FULL: Scale = {
  small: 10_000,
  large: 100_000,
  rounds: 9,
  largeRounds: 7,
  quietRounds: 3,
  quietMs: 10_000,
  deletions: 1000,
  batches: 10,
  changes: 200,
  statuses: 20,
  objects: 500,
  bursts: 5,
  flips: 20,
  outages: 3,
  awayMs: 60_000,
  fleet: 1000,
  fleetChanges: 3,
  appearances: 10,
  joins: 3,
};

/** Shows that everything runs; its figures mean nothing. */
export const QUICK: Scale = {
  small: 300,
  large: 5000,
  rounds: 2,
  largeRounds: 1,
  quietRounds: 1,
  quietMs: 100,
  deletions: 20,
  batches: 2,
  changes: 4,
  statuses: 2,
  objects: 20,
  bursts: 1,
  flips: 2,
  outages: 1,
  awayMs: 1_000,
  fleet: 20,
  fleetChanges: 1,
  appearances: 2,
  joins: 1,
};
