/** Shortest time between two writes of one object. Milliseconds, as all that follow. */
export const SHORTEST_INTERVAL_MS = 1_000;
/**
 * How long an answer that is not complete waits for the rest; twice as long each time that one was written all the same. An agent reports
 * once a second, so in a burst the rest is seldom there within one second.
 */
const PATIENCE_MS = 2_000;
const LONGEST_PATIENCE_MS = 32_000;

/** The writes of one object so far. */
export interface Pace {
  readonly lastWrite: number;
  /** Since when what is written is not what is true. */
  readonly wrongSince: number;
  /** Incomplete answers written since the last complete one. */
  readonly incompleteWrites: number;
}

/** When an object is to be written: a complete answer at once, an incomplete one only when the rest keeps it waiting. */
export function dueAt({ lastWrite, wrongSince, incompleteWrites }: Pace, complete: boolean): number {
  const earliest = lastWrite + SHORTEST_INTERVAL_MS;
  if (complete) return earliest;
  return Math.max(earliest, wrongSince + Math.min(PATIENCE_MS * 2 ** incompleteWrites, LONGEST_PATIENCE_MS));
}
