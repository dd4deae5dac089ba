import { type NodeReport, type ResourceReport, summarize } from '../api/kinds/node-report.ts';
import { clip } from '../api/quote.ts';

type Lists = Pick<NodeReport['status'], 'resources' | 'problems' | 'drift'>;

/** Bytes of JSON that the lists of a report may have together: the API server refuses an object of more than 1.5 MiB (etcd's --max-request-bytes). */
const MOST_BYTES = 1_300_000;
/** Characters that the messages of all resources may have together, and what one keeps: what is the matter; the rest is how to mend it. */
const MOST_OF_MESSAGES = 1 << 19;
const SHORTEST = 128;
/** What problems and drift may each take of the whole. */
const SHARE = 0.2;

/** The lists of a report, and what it counts in them, so short that it can be written: of resources those go first that are in place. */
export function withFittingLists({ resources, problems, drift }: Lists, nodeName: string): Lists & Pick<NodeReport['status'], 'summary'> {
  const summary = summarize({ resources, problems, drift });
  const short = withFittingMessages(resources);
  const others = [...weighed(problems), ...weighed(drift)].reduce(sum, 0);
  if (others + weighed(short).reduce(sum, 0) <= MOST_BYTES) return { summary, resources: short, problems, drift };
  const [fewerProblems, fewerDrift] = [firstOf(problems, MOST_BYTES * SHARE), firstOf(drift, MOST_BYTES * SHARE)];
  const failingFirst = short.toSorted((a, b) => Number(a.ready) - Number(b.ready));
  const kept = firstOf(failingFirst, MOST_BYTES * (1 - 2 * SHARE));
  const message = `node ${nodeName} has ${resources.length} resources, ${problems.length} problems and ${drift.length} drift entries, and one report holds less: ${resources.length - kept.length} resources are not in it; select this node by fewer, with more subnets each`;
  return { summary, resources: kept, problems: [{ source: 'this report', message }, ...fewerProblems], drift: fewerDrift };
}

/** When one cause fails them all, somebody must hear of it. */
function withFittingMessages(resources: readonly ResourceReport[]): readonly ResourceReport[] {
  if (resources.map(({ message }) => message.length).reduce(sum, 0) <= MOST_OF_MESSAGES) return resources;
  const share = Math.max(SHORTEST, Math.floor(MOST_OF_MESSAGES / resources.length));
  return resources.map((resource) => ({ ...resource, message: clip(resource.message, share) }));
}

function firstOf<T extends object>(entries: readonly T[], room: number): readonly T[] {
  let left = room;
  return entries.filter((entry) => {
    left -= weightOf(entry);
    return left >= 0;
  });
}

function weighed(entries: readonly object[]): readonly number[] {
  return entries.map(weightOf);
}

/** In bytes, with the comma behind it. */
function weightOf(entry: object): number {
  return Buffer.byteLength(JSON.stringify(entry)) + 1;
}

function sum(a: number, b: number): number {
  return a + b;
}
