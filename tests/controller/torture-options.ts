import type { OverlayPool } from '../../src/core/resources.ts';
import type { IpamProvider } from '../../src/ipam/provider.ts';
import type { Clock } from '../../src/runtime/clock.ts';

/** An entry of the ledger, as it is written. */
export interface Line {
  readonly address: string;
  readonly node: string;
  readonly releasing?: boolean;
}

export interface TortureOptions {
  readonly seed: number;
  /** So many addresses are given, and so many given back, at least. */
  readonly turns: number;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly outside: Outside;
  /** Hears how far it is, now and then. */
  readonly progress?: (figures: Figures) => void;
}

/** Where the addresses come from. */
export interface Outside {
  readonly open: (pool: OverlayPool, clock: Clock) => IpamProvider;
  /** Something happens there. */
  readonly disturb?: (chance: () => number) => void;
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
  readonly stalls: number;
  readonly writes: number;
  readonly calls: number;
  readonly minutes: number;
}

/** A generator of numbers from 0 up to 1 (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
