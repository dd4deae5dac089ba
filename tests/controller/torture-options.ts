import type { Random } from '../e2e/random.ts';
import type { Source } from './overlay-sources.ts';

export interface TortureOptions {
  readonly seed: number;
  /** So many addresses are given, and so many given back, at least. */
  readonly turns: number;
  readonly outside: Outside;
  /** Hears how far it is, now and then. */
  readonly progress?: (figures: Figures) => void;
}

/** Where the addresses come from, and what happens there besides. */
export interface Outside extends Source {
  /** Something happens there. */
  readonly disturb?: (chance: Random) => void;
  /** From now on nothing does. */
  readonly calm?: () => Promise<void>;
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
