import { isDeepStrictEqual } from 'node:util';

export type Fields = Record<string, unknown>;
/** `["spec","size"]`: the way to one field. Lists are one field, as in a custom resource whose schema says nothing about them. */
export type Path = string;

/** The fields that an applied object sets: for the status, only that; else all but the status (where that is a subresource) and the name. */
export function pathsOf(object: Fields, part: 'status' | 'main' | 'all'): ReadonlySet<Path> {
  const paths = new Set<Path>();
  for (const [key, value] of Object.entries(object)) {
    if (key === 'apiVersion' || key === 'kind' || (part === 'status') !== (key === 'status' && part !== 'all')) continue;
    if (key === 'metadata') collectMetadata(value, paths);
    else collect(value, [key], paths);
  }
  return paths;
}

function collectMetadata(metadata: unknown, paths: Set<Path>): void {
  if (!isFields(metadata)) return;
  for (const key of ['labels', 'annotations']) if (isFields(metadata[key])) collect(metadata[key], ['metadata', key], paths);
}

function collect(value: unknown, at: readonly string[], paths: Set<Path>): void {
  const inner = isFields(value) ? Object.entries(value) : [];
  if (inner.length === 0) paths.add(JSON.stringify(at));
  for (const [key, field] of inner) collect(field, [...at, key], paths);
}

export function valueAt(object: Fields, path: Path): unknown {
  return stepsOf(path).reduce<unknown>((value, key) => (isFields(value) ? value[key] : undefined), object);
}

export function setAt(object: Fields, path: Path, value: unknown): void {
  const steps = stepsOf(path);
  const last = steps.pop() ?? '';
  let parent = object;
  for (const key of steps) {
    const inner = parent[key];
    const next = isFields(inner) ? inner : {};
    parent[key] = next;
    parent = next;
  }
  parent[last] = value;
}

export function removeAt(object: Fields, path: Path): void {
  const steps = stepsOf(path);
  const last = steps.pop() ?? '';
  const parent = valueAt(object, JSON.stringify(steps));
  if (isFields(parent)) delete parent[last];
}

/** The fields of `after` that are not the same in `before`. */
export function changedPaths(before: Fields, after: Fields): readonly Path[] {
  return [...pathsOf(after, 'all')].filter((path) => !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)));
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What arrives at the other end of a wire. */
export function overTheWire(object: object): Fields {
  const copy: unknown = JSON.parse(JSON.stringify(object));
  return isFields(copy) ? copy : {};
}

export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

function stepsOf(path: Path): string[] {
  const steps: unknown = JSON.parse(path);
  return Array.isArray(steps) ? steps.map(String) : [];
}
