import type { Address, Family } from '../core/ip/address.ts';
import type { Prefix } from '../core/ip/prefix.ts';

/**
 * Who gives the addresses of one OverlayPool: the pool itself, or an external system. Neither decides who gets which: the caller does, from
 * what `look` shows, and keeps it in a ledger of its own before it claims anything. Both implementations pass `provider.contract.ts`.
 *
 * Every method may be repeated after a crash or an unknown outcome, and does then what is still to be done.
 */
export interface IpamProvider {
  /**
   * The ranges, and what is recorded in them. What is wrong with one range does not hold up the others.
   * @throws IpamUnavailable @throws IpamRefused
   */
  look(signal?: AbortSignal): Promise<Inventory>;

  /**
   * Records addresses as those of nodes, each where it is free; never over what anybody else has. Answers one outcome for each, in order:
   * `held` also when it was ours for that very node before. Checked afterwards: what cannot be found again is not `held`. Deletes nothing:
   * a record of ours beside somebody else's is left to be released.
   * @throws IpamUnavailable @throws IpamRefused: with either, some may have been recorded, and claiming them again finds that out.
   */
  claim(holdings: readonly Holding[], signal?: AbortSignal): Promise<readonly Claim[]>;

  /**
   * Takes records of ours away, by the identifiers that `look` or `claim` gave. One that is gone, or that somebody has made his own
   * meanwhile, counts as done and is left alone.
   * @throws IpamUnavailable @throws IpamRefused
   */
  release(holdings: readonly RecordedHolding[], signal?: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/** An address of a pool that is, or is to be, one node's. */
export interface Holding {
  readonly node: string;
  readonly address: Address;
  /** A person has said that what is recorded for it, by an older system or by hand, is this node's: it is made ours. */
  readonly adopt?: boolean;
}

/** `record` is absent where the provider keeps none. */
export interface RecordedHolding extends Holding {
  readonly record?: string;
}

export type Claim =
  | { readonly outcome: 'held'; readonly record?: string }
  /** By whom, for people; also when the external system admits nobody there. */
  | { readonly outcome: 'taken'; readonly by: string };

export interface Inventory {
  /** In the order in which they are used. */
  readonly ranges: readonly Range[];
  readonly problems: readonly IpamProblem[];
  /**
   * By address, what an external system has recorded for nodes of this pool and `ranges` does not show: where nothing can be given now, and
   * beside a record that is somebody else's. It can be released all the same.
   */
  readonly stranded?: ReadonlyMap<string, IpamRecord>;
}

/** One subnet from which nodes of a zone get addresses. */
export interface Range {
  /** Undefined: nodes whose zone has no range of this family, and nodes without a zone. */
  readonly zone: string | undefined;
  readonly subnet: Prefix;
  readonly gateway: Address;
  /** Never given, besides the gateway and what a subnet itself excludes (`reserved.ts`). */
  readonly excluded: readonly Prefix[];
  /** Nothing more is given from it: somebody has marked it as full in an external system. What is held there stays. */
  readonly closed?: boolean;
  /** What an external system has recorded, by the text of the address; the gateway may be among it. */
  readonly records: ReadonlyMap<string, IpamRecord>;
}

/** Several records of one address are one that is somebody else's, unless all of them are for one node. */
export interface IpamRecord {
  readonly record: string;
  /** The node of this pool and cluster that it is for; undefined when it is anybody else's. */
  readonly node: string | undefined;
  /** Whose it is, for people: `printer-7 (owner facilities)`. */
  readonly holder: string;
}

/** Something that a person must mend. The message names the range and the fix. */
export interface IpamProblem {
  readonly code: 'RangeUnusable' | 'IPAMRefused';
  readonly message: string;
  /** What is missing from the ranges because of it, so that its nodes wait instead of getting an address of another range. */
  readonly unusable?: readonly UnusableRange[];
}

/** `zone` as in a Range; `family` is undefined while nobody knows it. */
export interface UnusableRange {
  readonly zone: string | undefined;
  readonly family: Family | undefined;
}

/** Transient: it could not be asked, or did not answer in a way that says anything. Try again. */
export class IpamUnavailable extends Error {
  override readonly name = 'IpamUnavailable';
  /** Milliseconds to leave it alone, when that is known. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { readonly retryAfter?: number; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfter = options.retryAfter;
  }
}

/** The user's: wrong credentials, wrong application, wrong address. It stays so until somebody changes something: tried again slowly. */
export class IpamRefused extends Error {
  override readonly name = 'IpamRefused';
}
