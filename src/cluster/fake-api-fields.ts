import { isDeepStrictEqual } from 'node:util';

export type Fields = Record<string, unknown>;
/** `["spec","size"]`: the way to one field. A list is one field, unless its items are told apart by a key or a value. */
export type Path = string;

/** Lists whose items are told apart by one of their fields: `status.conditions` by `type`. As `x-kubernetes-list-map-keys` of a schema. */
export type ListKeys = Readonly<Record<string, string>>;

/** One step of a way: a field; the item of a list with that key; the item of a set. */
type Step = string | { readonly key: string; readonly is: unknown } | { readonly member: unknown };

/** The fields that an applied object sets: for the status, only that; else all but the status (where that is a subresource) and the name. */
export function pathsOf(object: Fields, part: 'status' | 'main' | 'all', listKeys: ListKeys = {}): ReadonlySet<Path> {
  const paths = new Set<Path>();
  for (const [key, value] of Object.entries(object)) {
    if (key === 'apiVersion' || key === 'kind' || (part === 'status') !== (key === 'status' && part !== 'all')) continue;
    if (key === 'metadata') collectMetadata(value, paths);
    else collect(value, [key], paths, listKeys);
  }
  return paths;
}

function collectMetadata(metadata: unknown, paths: Set<Path>): void {
  if (!isFields(metadata)) return;
  for (const key of ['labels', 'annotations']) if (isFields(metadata[key])) collect(metadata[key], ['metadata', key], paths, {});
  for (const member of listOf(metadata['finalizers'])) paths.add(JSON.stringify(['metadata', 'finalizers', { member }]));
}

function collect(value: unknown, at: readonly Step[], paths: Set<Path>, listKeys: ListKeys): void {
  const key = listKeys[at.join('.')];
  if (key !== undefined && Array.isArray(value)) {
    collectItems(value.filter(isFields), key, { at, paths, listKeys });
    return;
  }
  const inner = isFields(value) ? Object.entries(value) : [];
  if (inner.length === 0) paths.add(JSON.stringify(at));
  for (const [name, field] of inner) collect(field, [...at, name], paths, listKeys);
}

function collectItems(
  items: readonly Fields[],
  key: string,
  { at, paths, listKeys }: { readonly at: readonly Step[]; readonly paths: Set<Path>; readonly listKeys: ListKeys },
): void {
  for (const item of items) {
    const here = [...at, { key, is: item[key] }];
    paths.add(JSON.stringify(here));
    for (const [name, field] of Object.entries(item)) collect(field, [...here, name], paths, listKeys);
  }
}

export function valueAt(object: Fields, path: Path): unknown {
  return stepsOf(path).reduce<unknown>(inside, object);
}

function inside(value: unknown, step: Step): unknown {
  if (typeof step === 'string') return isFields(value) ? value[step] : undefined;
  return listOf(value).find((item) => isAt(item, step));
}

function isAt(item: unknown, step: Exclude<Step, string>): boolean {
  if ('member' in step) return item === step.member;
  return isFields(item) && isDeepStrictEqual(item[step.key], step.is);
}

/** What is the same in both, as far as a path names it: of an item, that it is there. */
export function sameAt(a: Fields, b: Fields, path: Path): boolean {
  const [before, after] = [valueAt(a, path), valueAt(b, path)];
  if (typeof stepsOf(path).at(-1) !== 'string') return (before === undefined) === (after === undefined);
  return isDeepStrictEqual(before, after);
}

/** Sets a field; of an item, that it is there. */
export function setAt(object: Fields, path: Path, value: unknown): void {
  const steps = stepsOf(path);
  const last = steps.at(-1) ?? '';
  const parents = typeof last === 'string' ? steps.slice(0, -1) : steps;
  const parent = parents.reduce<unknown>((at, step, i) => entered(at, step, steps[i + 1] ?? ''), object);
  if (typeof last === 'string' && isFields(parent)) parent[last] = value;
}

/** What is at a step, made when it is not there yet; `next` tells whether that is a list. */
function entered(parent: unknown, step: Step, next: Step): unknown {
  if (typeof step === 'string' && isFields(parent)) {
    const known = parent[step];
    const made = typeof next === 'string' ? (isFields(known) ? known : {}) : Array.isArray(known) ? known : [];
    parent[step] = made;
    return made;
  }
  const known = inside(parent, step);
  if (known !== undefined || !Array.isArray(parent) || typeof step === 'string') return known;
  const item = 'member' in step ? step.member : { [step.key]: step.is };
  parent.push(item);
  return item;
}

export function removeAt(object: Fields, path: Path): void {
  const steps = stepsOf(path);
  const last = steps.pop() ?? '';
  const parent = steps.reduce<unknown>(inside, object);
  if (typeof last === 'string' && isFields(parent)) delete parent[last];
  if (typeof last === 'string' || !Array.isArray(parent)) return;
  const index = parent.findIndex((item) => isAt(item, last));
  if (index >= 0) parent.splice(index, 1);
}

/** The fields of `after` that are not the same in `before`. */
export function changedPaths(before: Fields, after: Fields, listKeys: ListKeys): readonly Path[] {
  return [...pathsOf(after, 'all', listKeys)].filter((path) => !sameAt(before, after, path));
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
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

function stepsOf(path: Path): Step[] {
  const steps: unknown = JSON.parse(path);
  return Array.isArray(steps) ? steps : [];
}
