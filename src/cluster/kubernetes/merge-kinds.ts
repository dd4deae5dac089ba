import { formatRef, type ResourceSnapshot, type SourceProblem } from '../../core/resources.ts';
import { type InForce, type Memory, snapshotOf } from '../memory.ts';
import { isUsable, keyOfRaw } from '../usable.ts';
import type { Reading, Required } from './watched.ts';

/** The objects of one kind, as they are known now. */
export interface KindView {
  readonly kind: string;
  /** `staticroutes.fairlead.dev` */
  readonly resource: string;
  readonly required?: Required | undefined;
  /** Whether everything was delivered once; else there are no readings. */
  readonly synced: boolean;
  readonly readings: readonly Reading[];
  /** Why they may not be the present ones. */
  readonly trouble: string | undefined;
  /** Whether that is because there is no answer at all. */
  readonly away: boolean;
  /** ISO 8601. */
  readonly asOf: string | undefined;
}

export interface ClusterView {
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  readonly kinds: readonly KindView[];
  /** Whether everything was complete at some time since the start: then what is not valid holds up nothing any more. */
  readonly settled: boolean;
}

export interface Merged {
  readonly memory: Memory;
  readonly snapshot: ResourceSnapshot;
}

const UNTIL = 'nothing is removed until then';
const STAYS = 'what was in force stays in force';

/**
 * What is in force, given the objects as they are known and what was in force before. Pure. What a synced kind does not have is gone, but for
 * the one object that there must be; what a kind has that is not synced yet, stays. Whether anything is taken from the kernel is decided by
 * `complete`: everything was delivered, and nothing is known to be out of date.
 */
export function mergeKinds(memory: Memory, view: ClusterView): Merged {
  const objects = new Map<string, InForce>();
  const invalid: ResourceSnapshot['invalid'][number][] = [];
  const current = troubles(view);
  const problems: SourceProblem[] = current.map(({ source, message }) => ({ source, message: `${message}; ${STAYS}` }));
  const obstacles: string[] = [...current.map(({ message }) => message), ...silence(view)];
  for (const kind of view.kinds) {
    const taken = takeKind(memory, view.server, kind);
    for (const [key, object] of taken.objects) objects.set(key, object);
    invalid.push(...taken.invalid);
    problems.push(...taken.problems);
    if (taken.lacks !== undefined) {
      problems.push({ source: kind.resource, message: taken.lacks });
      obstacles.push(taken.lacks);
    }
  }
  const hopeless = view.settled ? undefined : invalid.find(({ lastGoodInForce }) => !lastGoodInForce);
  if (hopeless) obstacles.push(`${formatRef(hopeless.meta.ref)} is not valid and has no last good version: correct it, or delete it`);
  const [obstacle] = obstacles;
  const complete = obstacle === undefined;
  if (!complete) keepForeign(memory, view, objects);
  const asOf = ageOf(view) ?? memory.asOf;
  const files = new Map([[view.server, { readAt: asOf ?? '', unrecognised: 0 }]]);
  const next: Memory = { complete, objects, files, ...(asOf !== undefined && { asOf }) };
  return { memory: next, snapshot: snapshotOf(next, { invalid, problems, reason: complete ? undefined : `${obstacle}; ${UNTIL}` }) };
}

interface Taken {
  readonly objects: ReadonlyMap<string, InForce>;
  readonly invalid: ResourceSnapshot['invalid'];
  readonly problems: readonly SourceProblem[];
  /** What there must be, and is not. */
  readonly lacks: string | undefined;
}

function takeKind(memory: Memory, server: string, view: KindView): Taken {
  const objects = new Map<string, InForce>();
  const invalid: ResourceSnapshot['invalid'][number][] = [];
  const problems: SourceProblem[] = [];
  for (const { raw, parsed } of view.readings) {
    const key = keyOfRaw(raw) ?? '';
    const lastGood = memory.objects.get(key);
    const lastGoodInForce = lastGood?.resource() !== undefined;
    if (isUsable(parsed)) objects.set(key, lastGood?.raw === raw ? lastGood : { path: server, line: 0, raw, resource: () => parsed });
    else if (lastGoodInForce) objects.set(key, lastGood);
    if (parsed.type === 'invalid') invalid.push({ meta: parsed.meta, message: parsed.message, lastGoodInForce });
    if (parsed.type === 'problem') problems.push({ source: `${view.resource} ${key}`, message: parsed.message });
  }
  if (!view.synced) for (const [key, object] of memory.objects) if (kindOf(key) === view.kind) objects.set(key, object);
  return { objects, invalid, problems, lacks: keepRequired(memory, view, objects) };
}

/** Answers what to say when the object that there must be is not there. */
function keepRequired(memory: Memory, { kind, required, synced }: KindView, objects: Map<string, InForce>): string | undefined {
  const key = `${kind} ${required?.name}`;
  if (required === undefined || !synced || objects.has(key)) return undefined;
  const last = memory.objects.get(key);
  if (last?.resource() === undefined) return required.missing;
  objects.set(key, last);
  return required.gone;
}

/** What an earlier run remembered of kinds that are not watched here: it was an agent of a folder. */
function keepForeign(memory: Memory, { kinds }: ClusterView, objects: Map<string, InForce>): void {
  const watched = new Set(kinds.map(({ kind }) => kind));
  for (const [key, object] of memory.objects) if (!watched.has(kindOf(key))) objects.set(key, object);
}

/** A server that is away is told of once. */
function troubles({ kinds, server }: ClusterView): readonly SourceProblem[] {
  const away = kinds.find((kind) => kind.away);
  return kinds.flatMap((kind) => {
    if (kind.trouble === undefined || (kind.away && kind !== away)) return [];
    return [{ source: kind.away ? server : kind.resource, message: kind.trouble }];
  });
}

/** What has neither come nor failed yet. */
function silence({ kinds, server }: ClusterView): readonly string[] {
  const waiting = kinds.filter(({ synced, trouble }) => !synced && trouble === undefined).map(({ resource }) => resource);
  return waiting.length === 0 ? [] : [`${server} has not answered yet, asked for ${waiting.join(', ')}`];
}

/** When all of it was last known to be the present state; undefined when that never was so. */
function ageOf({ kinds }: ClusterView): string | undefined {
  const times = kinds.map(({ synced, asOf }) => (synced ? asOf : undefined));
  if (times.includes(undefined)) return undefined;
  return times.reduce((oldest, time) => (oldest !== undefined && time !== undefined && time < oldest ? time : oldest));
}

/** `StaticRoute` of `StaticRoute on-prem`. */
function kindOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}
