/**
 * How long an answer of the API server counts though the watch has not shown it: longer than a watch is ever behind. Only a server that was
 * restored from a backup, and counts its versions again from an earlier one, needs the end of it. Milliseconds.
 */
export const BELIEF_MS = 60_000;
