import type { OverlayPool } from '../../src/core/resources.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { Random } from '../e2e/random.ts';
import type { Line } from './watchman.ts';

export interface TortureOptions {
  readonly seed: number;
  /** So many addresses are given, and so many given back, at least. */
  readonly turns: number;
  /** Of the pool. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly outside: Outside;
  /** Hears how far it is, now and then. */
  readonly progress?: (figures: Figures) => void;
}

/** Where the addresses come from. */
export interface Outside {
  readonly open: (pool: OverlayPool, clock: Clock) => IpamProvider;
  /** Addresses of the ranges that are never given, the first three octets apart: as `[0, 1, 63]`. */
  readonly reserved: readonly number[];
  /** Something happens there. */
  readonly disturb?: (chance: Random) => void;
  /** From now on nothing does. */
  readonly calm?: () => Promise<void>;
  /** What is wrong there when everything has come to rest. */
  readonly left?: (ledger: ReadonlyMap<string, Line>) => readonly string[];
}

/** What has happened. */
export interface Figures {
  readonly seed: number;
  readonly given: number;
  readonly back: number;
  readonly crashes: number;
  /** Kinds of boundaries at which controllers were stopped dead. */
  readonly boundaries: number;
  readonly stalls: number;
  readonly writes: number;
  readonly calls: number;
  /** That have passed there. */
  readonly minutes: number;
}

/** Of each zone there is one range. */
export const ZONES = { a: '192.168.100', b: '192.168.101' } as const;
export const LENGTH = 26;
