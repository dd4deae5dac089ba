import type { JsonObject } from '../api/metadata.ts';

/** What becomes of an older system. */
export interface Migrated {
  readonly resources: readonly object[];
  readonly findings: readonly Finding[];
  /** What a person must know before applying them; lines. */
  readonly notes?: readonly string[];
}

/** Something that could not be used, and why. */
export interface Finding {
  /** `routes.yaml:8`, `kube-system/static-routes` */
  readonly where: string;
  readonly message: string;
}

/** One object of an older system, with its place. */
export interface Located {
  readonly object: JsonObject;
  /** Where a field is: `routes.yaml:8`. One that is not there: where it would be. From a cluster: what the object is called. */
  readonly where: (...path: readonly string[]) => string;
  /** Where a line of a text field is; the first is 1. */
  readonly whereInText: (line: number, ...path: readonly string[]) => string;
}

/** A field that is deep in something of which nothing has been checked. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let inner: unknown = value;
  for (const key of path) inner = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
  return inner;
}

/** The text that is there; undefined for an empty one and for anything else. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const text = at(value, ...path);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** `name`, or `name-2` and so on where that is taken; it is taken then. */
export function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let i = 2; taken.has(candidate); i++) candidate = `${name}-${i}`;
  taken.add(candidate);
  return candidate;
}

export function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
