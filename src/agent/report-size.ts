import type { ResourceReport } from '../api/kinds/node-report.ts';
import { clip } from '../api/quote.ts';

/**
 * Characters that the messages of all resources may have together. The API server refuses an object of more than 1.5 MiB (etcd's
 * --max-request-bytes), and everything else about 3000 resources takes less than 1 MiB.
 */
const MOST_CHARACTERS = 1 << 19;
/** Enough for what is the matter; the rest is how to mend it. */
const SHORTEST = 128;

/** The same with messages so short that the report can be written: when one cause fails them all, somebody must hear of it. */
export function withFittingMessages(resources: readonly ResourceReport[]): readonly ResourceReport[] {
  if (charactersOf(resources) <= MOST_CHARACTERS) return resources;
  const share = Math.max(SHORTEST, Math.floor(MOST_CHARACTERS / resources.length));
  return resources.map((resource) => ({ ...resource, message: clip(resource.message, share) }));
}

function charactersOf(resources: readonly ResourceReport[]): number {
  return resources.reduce((sum, { message }) => sum + message.length, 0);
}
